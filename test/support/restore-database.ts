import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump, factsOf } from './dump.ts';
import type { PostgresServer } from './postgres.ts';
import { type Call, COMMON_ENV, type Outcome, runScript } from './run-script.ts';

/** A backup of one database, as publish stores it. */
export interface Dumped {
  /** Folder with its files. */
  readonly files: string;
  readonly facts: Record<string, unknown>;
  readonly backup: string;
}

export const BACKUP = '20261121-073320-bcdfpqrs';
export const ID = 'r1';

/** Makes a backup with postgres-dump.sh, as a superuser. */
export async function take(server: PostgresServer, env: Readonly<Record<string, string>> = {}): Promise<Dumped> {
  const compression: Readonly<Record<string, string>> = server.major < 16 && !env.COMPRESSION ? { COMPRESSION: 'gzip' } : {};
  const done = await dump(server, { env: { ...server.env, COMPRESSION_LEVEL: '', ...compression, ...env } });
  if (done.status !== 0) throw new Error(done.stderr);
  return { files: join(done.work, 'out'), facts: factsOf(done), backup: BACKUP };
}

/** The scratch space after fetch. */
export function fetched({ files, facts, backup }: Dumped): string {
  const work = mkdtempSync(join(tmpdir(), 'restore-'));
  mkdirSync(join(work, 'run'));
  cpSync(files, join(work, 'in'), { recursive: true });
  writeFileSync(join(work, 'run', 'backup'), `${backup}\n`);
  writeFileSync(join(work, 'in', 'postgres.facts'), flatten(facts));
  return work;
}

/** In the form of json.sh. */
function flatten(value: unknown, path = ''): string {
  const below = (key: string | number) => (path === '' ? String(key) : `${path}.${key}`);
  const line = (text: string) => `${path}\t${text}\n`;
  if (Array.isArray(value)) return value.length === 0 ? line('[]') : value.map((item, number) => flatten(item, below(number))).join('');
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value);
    return entries.length === 0 ? line('{}') : entries.map(([key, item]) => flatten(item, below(key))).join('');
  }
  const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\t': '\\t' };
  return line(String(value).replace(/[\\\n\t]/g, (letter) => escapes[letter] ?? letter));
}

export type RestoreCall = Partial<Omit<Call, 'env'>> & { readonly env?: Readonly<Record<string, string>> };

/** Runs postgres-restore.sh against a server, by default as its superuser. */
export function restore(server: PostgresServer, from: Dumped | string, { env = {}, ...call }: RestoreCall = {}): Promise<Outcome> {
  return runScript('postgres-restore.sh', {
    shell: ['dash'],
    path: [server.bin],
    work: typeof from === 'string' ? from : fetched(from),
    env: { ...COMMON_ENV, ...RESTORE_ENV, ...server.env, SERVER_MAJOR: String(server.major), ...env },
    ...call,
  });
}

const RESTORE_ENV = {
  PART: 'postgres',
  WAIT_SECONDS: '5',
  LOCK_WAIT_SECONDS: '10',
  ADMIN_DATABASE: 'postgres',
  DATABASE: 'shop',
  TARGET_DATABASE: '',
  IN_PLACE: 'false',
  OWNER: 'keep',
  PRIVILEGES: 'keep',
  ONLY: 'all',
  INCLUDE_SCHEMAS: '',
  INCLUDE_TABLES: '',
  RESTORE_JOBS: '2',
  RESTORE_GLOBALS: 'none',
  RESTORE_ID: ID,
  RESTORE_ACTION: 'restore',
} as const;

/** Settings that replace the live database. */
export const IN_PLACE = { IN_PLACE: 'true', TARGET_DATABASE: 'shop' } as const;

/** Names of all databases except those of the server itself, one a line. */
export function databases(server: PostgresServer): Promise<string> {
  return server.sql(`select datname from pg_database where datname not in ('postgres', 'template0', 'template1') order by 1`);
}

/** The first word of a part's state. */
export function stateOf({ work }: Outcome): string {
  return readFileSync(join(work, 'run', 'state-postgres'), 'utf8').split('\n')[0] ?? '';
}

/** The facts that a part records about its restore. */
export function resultOf({ work }: Outcome): Record<string, unknown> {
  return JSON.parse(readFileSync(join(work, 'run', 'result-postgres.json'), 'utf8')) as Record<string, unknown>;
}
