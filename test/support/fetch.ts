import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IN_IMAGE, NOW, publishEnv, type StorageEnv } from './publish.ts';
import { type Call, type Outcome, runScript } from './run-script.ts';

/** The variables of the init container `fetch`, except those of storages. */
export const FETCH_ENV = {
  TIER: 'verify',
  ORIGIN_ENVIRONMENT: 'prod',
  ORIGIN_SOURCES: 'shop',
  FOLDERS: 'shop/daily\nshop/weekly',
  WANTED: 'latest',
  PARTS: 'shop postgres dump',
} as const;

export type FetchCall = Partial<Omit<Call, 'env'>> & { readonly env?: Readonly<Record<string, string>>; readonly at?: number };

export interface Fetched extends Outcome {
  /** The files in `in/`. */
  readonly files: readonly string[];
  /** A file of the scratch space. Empty if it does not exist. */
  readonly read: (path: string) => string;
}

/** Runs fetch with these storages, by default a minute after NOW. */
export async function fetchBackup(storages: readonly StorageEnv[], { env, at = NOW + 60, ...call }: FetchCall = {}): Promise<Fetched> {
  return withFiles(await runScript('fetch.sh', { ...IN_IMAGE, ...call, env: { ...publishEnv(storages, at), ...FETCH_ENV, ...env } }));
}

/** Runs record in a scratch space, as the last container of the pod. */
export async function record(work: string, storages: readonly StorageEnv[], { env, at = NOW + 252, ...call }: FetchCall = {}): Promise<Fetched> {
  return withFiles(await runScript('record.sh', { ...IN_IMAGE, ...call, work, env: { ...publishEnv(storages, at), TIER: 'verify', ...env } }));
}

function withFiles(outcome: Outcome): Fetched {
  const folder = join(outcome.work, 'in');
  const read = (path: string) => (existsSync(join(outcome.work, path)) ? readFileSync(join(outcome.work, path), 'utf8') : '');
  return { ...outcome, files: existsSync(folder) ? readdirSync(folder).sort() : [], read };
}
