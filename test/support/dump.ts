import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PostgresServer } from './postgres.ts';
import { type Call, COMMON_ENV, type Outcome, runScript } from './run-script.ts';

/** The role that docs/postgres-role.sql creates, with a password that needs quoting everywhere. */
export const ROLE = { PGUSER: 'backstay', PGPASSWORD: `p$(id)\`id\`"'\\: %s ;&|*?[x]\nnext $PW` } as const;

/** Runs the file that the documents tell users to run, and sets the password of the role. */
export async function makeRole(server: PostgresServer): Promise<void> {
  await server.tool('psql', ['-X', '-q', '--file=docs/postgres-role.sql'], { PGDATABASE: 'postgres' });
  await server.sql(`alter role ${ROLE.PGUSER} password '${ROLE.PGPASSWORD.replaceAll("'", "''")}'`);
}

export type DumpCall = Partial<Omit<Call, 'env'>> & { readonly env?: Readonly<Record<string, string>> };

/** Runs postgres-dump.sh against a server, by default as its read-only role. */
export function dump(server: PostgresServer, { env = {}, ...call }: DumpCall = {}): Promise<Outcome> {
  return runScript('postgres-dump.sh', {
    shell: ['dash'],
    path: [server.bin],
    work: begunRun(),
    env: { ...COMMON_ENV, ...DUMP_ENV, ...server.env, ...ROLE, SERVER_MAJOR: String(server.major), ...env },
    ...call,
  });
}

const DUMP_ENV = {
  PART: 'postgres',
  NOW: '1795246400',
  WAIT_SECONDS: '5',
  DATABASE: 'shop',
  DUMP_FORMAT: 'custom',
  COMPRESSION: 'zstd',
  COMPRESSION_LEVEL: '1',
  GLOBALS: 'without-passwords',
  LOCK_WAIT_SECONDS: '10',
  THROTTLE_DATABASE: 'postgres',
  THROTTLE_SLOTS: '3',
  THROTTLE_WAIT_SECONDS: '20',
} as const;

/** The name that every run of these tests has. */
export const NAME = '20261121-073320-bcdfpqrs';

/** The scratch space of a run that an earlier step has begun, so that its name does not depend on the second. */
function begunRun(): string {
  const work = mkdtempSync(join(tmpdir(), 'work-'));
  mkdirSync(join(work, 'run'));
  for (const [file, text] of Object.entries({ start: DUMP_ENV.NOW, id: 'bcdfpqrs', name: NAME })) writeFileSync(join(work, 'run', file), `${text}\n`);
  return work;
}

/** The facts of a part. */
export function factsOf({ work }: Outcome, part = 'postgres'): Record<string, unknown> {
  return JSON.parse(readFileSync(join(work, 'facts', `${part}.json`), 'utf8')) as Record<string, unknown>;
}

/** The whole content of a database as text, the same for the same content. */
export async function contentOf(server: PostgresServer, database: string, ...options: readonly string[]): Promise<string> {
  return server.tool('pg_dump', ['--restrict-key=same', ...options, database]);
}

/** Sessions of ours that the server still has. */
export async function sessionsOf(server: PostgresServer): Promise<readonly string[]> {
  const rows = await server.sql(`select application_name from pg_stat_activity where application_name like 'backstay/%'`);
  return rows.split('\n').filter(Boolean);
}

/** A stand-in that records its call, runs `before`, and then becomes the real tool. */
export function real(tool: string, before = ''): string {
  return `${before}\nexec "$(PATH=\${PATH#*:} && command -v ${tool})" "$@"`;
}

/** A stand-in that runs the real tool successfully, and then does `damage` to its output `$file`. */
export function damaged(tool: string, damage: string): string {
  return `"$(PATH=\${PATH#*:} && command -v ${tool})" "$@" || exit
for file; do
  case $file in --file=*) file=\${file#--file=} && ${damage} ;; esac
done`;
}

/** Cuts `$file` in half. */
export const CUT = 'truncate -s $(($(stat -c %s "$file") / 2)) "$file"';

/** Waits until a condition becomes true, for some seconds. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await holds()) return;
    await new Promise((settle) => setTimeout(settle, 50));
  }
  throw new Error(`never so: ${what}`);
}
