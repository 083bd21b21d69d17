import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { busyboxBin } from './busybox.ts';
import { POSTGRES_PART } from './manifest.ts';
import { type Call, COMMON_ENV, type Outcome, runScript } from './run-script.ts';
import { type AccessKey, type LocalS3, remoteEnv } from './s3.ts';
import { toolPath } from './tools.ts';

/** 2026-11-21T09:30:00Z. */
export const NOW = Date.UTC(2026, 10, 21, 9, 30) / 1000;
export const DAY = 86_400;

/** The shell and the tools of the image of publish. */
export const IN_IMAGE = { shell: ['busybox', 'ash'], path: [busyboxBin()] } as const;
/** Debian's tools, for the other shells. */
export const ON_DEBIAN = [dirname(toolPath('rclone'))] as const;

/** Name of a run that started at a time. */
export function nameAt(time: number, id = 'bcdfghjk'): string {
  return `${new Date(time * 1000)
    .toISOString()
    .replace(/[-:]|\.\d+Z/g, '')
    .replace('T', '-')}-${id}`;
}

export interface StageProps {
  /** When the run started. Seconds since 1970. @default NOW */
  readonly at?: number;
  /** @default bcdfghjk */
  readonly runId?: string;
  /** Contents of the files, by the suffix of their names. @default - a dump of 100 kB with globals */
  readonly files?: Readonly<Record<string, string | Buffer>>;
}

/** A scratch space after the steps of all parts. */
export interface Staged {
  readonly work: string;
  readonly name: string;
  readonly files: Readonly<Record<string, Buffer>>;
}

export function stage({ at = NOW, runId = 'bcdfghjk', files = DUMP }: StageProps = {}): Staged {
  const work = mkdtempSync(join(tmpdir(), 'work-'));
  const name = nameAt(at, runId);
  for (const folder of ['run', 'out', 'facts', 'tmp']) mkdirSync(join(work, folder));
  writeFileSync(join(work, 'run', 'start'), `${at}\n`);
  writeFileSync(join(work, 'run', 'id'), `${runId}\n`);
  writeFileSync(join(work, 'run', 'name'), `${name}\n`);
  const named = Object.fromEntries(Object.entries(files).map(([ending, content]) => [`${name}${ending}`, Buffer.from(content)]));
  for (const [file, content] of Object.entries(named)) writeFileSync(join(work, 'out', file), content);
  writeFacts(work, 'shop', named);
  return { work, name, files: named };
}

const DUMP = { '.dump': Buffer.alloc(100_000, 'rows of a table, '), '+globals.sql': '-- roles\n' } as const;

export function writeFacts(work: string, part: string, files: Readonly<Record<string, Buffer>>): void {
  const listed = Object.entries(files).map(([name, content]) => ({
    name,
    role: name.includes('+') ? 'globals' : 'artifact',
    bytes: content.length,
    sha256: sha256(content),
  }));
  writeFileSync(join(work, 'facts', `${part}.json`), `${JSON.stringify({ ...POSTGRES_PART, name: part, files: listed })}\n`);
  writeFileSync(join(work, 'facts', `${part}.sums`), listed.map(({ name, sha256: sum }) => `${sum}  ${name}\n`).join(''));
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** One storage of a run. Its number is its position in the list. */
export type StorageEnv = (number: number) => Readonly<Record<string, string>>;

/** A folder in place of a claim, with the mode that the kubelet sets. @default - a new one */
export function aClaim(folder = mkdtempSync(join(tmpdir(), 'claim-'))): { readonly folder: string; readonly storage: StorageEnv } {
  chmodSync(folder, 0o2770);
  return { folder, storage: (number) => storageEnv(number, { NAME: 'local', KIND: 'pvc', REMOTE: `${folder}/prod` }) };
}

export interface S3Props {
  readonly bucket?: string;
  readonly name?: string;
  readonly user?: AccessKey;
  readonly url?: string;
  /** @default - the certificate of the private CA */
  readonly ca?: '' | string;
  readonly more?: Readonly<Record<string, string>>;
}

export function anS3(
  s3: LocalS3,
  { bucket = 'backups', name = 'offsite', user = s3, url = s3.url, ca = s3.ca, more = {} }: S3Props = {},
): StorageEnv {
  return (number) => ({
    ...storageEnv(number, { NAME: name, KIND: 's3', REMOTE: `S${number}:${bucket}/prod`, ...(ca !== '' && { CA: ca }), ...more }),
    ...remoteEnv(`S${number}`, url, user),
  });
}

/** The same with further settings: `withSettings(storage, { KEEP_LAST: '3' })`. */
export function withSettings(storage: StorageEnv, settings: Readonly<Record<string, string>>): StorageEnv {
  return (number) => ({ ...storage(number), ...numbered(number, settings) });
}

function storageEnv(number: number, settings: Readonly<Record<string, string>>) {
  return numbered(number, { ROLE: number === 1 ? 'primary' : 'copy', COMPARE: 'checksum', READ_BACK: 'false', ...settings });
}

function numbered(number: number, settings: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [`STORAGE_${number}_${key}`, value]));
}

/** The variables of publish and catalogue for these storages. */
export function publishEnv(storages: readonly StorageEnv[], at = NOW): Readonly<Record<string, string>> {
  return {
    ...COMMON_ENV,
    ENVIRONMENT: 'prod',
    NAMESPACE: 'backup',
    FOLDER: 'shop/daily',
    SPEC_HASH: '0123456789ab',
    ABANDONED_AFTER_SECONDS: '172800',
    STORE_WAIT_SECONDS: '60',
    NOW: String(at),
    STORAGE_COUNT: String(storages.length),
    ...Object.assign({}, ...storages.map((storage, index) => storage(index + 1))),
  };
}

export type PublishProps = Partial<Call> & { readonly at?: number };

/** Runs publish on a prepared scratch space. */
export async function publish(staged: Staged, storages: readonly StorageEnv[], { at = NOW, env, ...call }: PublishProps = {}): Promise<Outcome> {
  return runScript('publish.sh', { ...IN_IMAGE, ...call, work: staged.work, env: { ...publishEnv(storages, at + 60), ...env } });
}
