import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeRole, until } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type Outcome, SHELLS } from '../support/run-script.ts';
import { artifactIn, type Fetch, fact, fetched, processesOf, queries, real, taken, type Verified, verify } from '../support/verify-database.ts';

const isRoot = process.getuid?.() === 0;

let server: PostgresServer;
let custom: Outcome;
let plain: Outcome;
let packed: Outcome;

beforeAll(async () => {
  server = await startPostgres(17);
  await makeRole(server);
  await server.sql('create database shop');
  await server.sql(
    `create extension hstore;
     create table t as select n, md5(n::text) as text, repeat(md5(n::text), 6) as long from generate_series(1, 150000) n;
     create index on t (text); create index on t (long); create table small (n int); insert into small values (1)`,
    'shop',
  );
  custom = await taken(server);
  plain = await taken(server, { env: { DUMP_FORMAT: 'plain', COMPRESSION: 'none' } });
  packed = await taken(server, { env: { DUMP_FORMAT: 'plain', COMPRESSION: 'zstd' } });
});

afterAll(() => server?.stop());

describe('damaged files', () => {
  test.each<[string, (folder: string) => void, string]>([
    ['cut in half', (folder) => halve(artifactIn(folder)), 'its SHA-256 differs'],
    ['changed in one bit', (folder) => flip(artifactIn(folder)), 'its SHA-256 differs'],
    ['not there', (folder) => rmSync(artifactIn(folder)), 'is not there'],
    ['with other globals', (folder) => appendFileSync(join(folder, globalsIn(folder)), '\n'), '+globals.sql does not match the manifest'],
  ])('after it was fetched, %s: no tool opens it', async (_, damaged, reason) => {
    const work = fetched(custom, { damaged });
    const done = await verify(server, { work, standIns: { initdb: `: >${work}/opened; exit 1`, pg_restore: `: >${work}/opened; exit 1` } });
    expect(done).toMatchObject({ status: 65, lastWords: { phase: 'compare', status: 65, reason: expect.stringContaining(reason) } });
    expect(existsSync(join(work, 'opened'))).toBe(false);
    expectNothingLeft(done);
  });

  test.each<[string, () => Outcome, Fetch['stored'], string]>([
    ['a custom dump cut in half', () => custom, (folder) => halve(artifactIn(folder)), 'cannot load the dump: '],
    ['a packed dump cut in half', () => packed, (folder) => halve(artifactIn(folder)), 'cannot decompress the dump to its end'],
    [
      'a plain dump cut off between two statements',
      () => plain,
      (folder) => cutStatements(artifactIn(folder)),
      "does not end with 'PostgreSQL database dump complete'",
    ],
    [
      'a plain dump cut off after a row that looks like its end',
      () => plain,
      (folder) => endInRow(artifactIn(folder)),
      "does not end with 'PostgreSQL database dump complete'",
    ],
    ['an empty file', () => custom, (folder) => truncateSync(artifactIn(folder)), 'cannot load the dump: '],
    ['something else', () => custom, (folder) => writeFileSync(artifactIn(folder), 'PGDMP'), 'cannot load the dump: '],
    ['a plain dump with a wrong statement', () => plain, (folder) => putFirst(artifactIn(folder), 'select 1/0;\n'), 'division by zero'],
    [
      'globals with a wrong statement',
      () => custom,
      (folder) => appendFileSync(join(folder, globalsIn(folder)), 'CREATE ROLE a;\nCREATE ROLE a;\n'),
      'cannot create the roles that the dump needs',
    ],
  ])('before it was stored, %s: the load fails, and says so', async (_, backup, stored, reason) => {
    const done = await verify(server, { work: fetched(backup(), { stored }) });
    expect(done).toMatchObject({ status: 65, lastWords: { status: 65, reason: expect.stringContaining(reason) } });
    expectNothingLeft(done);
  });
});

describe('unsuitable surroundings', () => {
  test.each<[string, Readonly<Record<string, string>>, Fetch['facts'], string, string]>([
    ['a server of another major', { SERVER_MAJOR: '16' }, undefined, 'but version: 16 is given', 'use the image postgres:16'],
    ['a backup of a newer major', {}, fact('server.major', '18'), 'the backup is from PostgreSQL 18', 'set version: 18'],
    [
      'an extension that the image lacks',
      {},
      (lines) => lines.replace('\thstore\n', '\tpostgis\n'),
      'lacks extensions that the backup needs: postgis',
      'images.postgres17:',
    ],
  ])('%s: refused with what to change', async (_, env, facts, reason, hint) => {
    const done = await verify(server, { work: fetched(custom, { facts }), env });
    expect(done).toMatchObject({
      status: 64,
      lastWords: { status: 64, reason: expect.stringContaining(reason), hint: expect.stringContaining(hint) },
    });
    expectNothingLeft(done);
  });

  test.runIf(isRoot)('refuses root and a user without a name, and suggests a user', async () => {
    for (const user of [[], ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups']]) {
      const done = await verify(server, { work: fetched(custom), user });
      expect(done).toMatchObject({ status: 64, lastWords: { status: 64, hint: 'set pod.runAsUser: 999, the user of the image' } });
      expectNothingLeft(done);
    }
  });

  test('shows the server log if the server does not start', async () => {
    const standIns = {
      postgres: real(
        'postgres',
        'case "$*" in *--version | *--boot* | *--single* | *--check* | "-V") ;; *) echo "FATAL:  no shared memory" >&2; exit 1 ;; esac',
      ),
    };
    const done = await verify(server, { work: fetched(custom), standIns });
    expect(done).toMatchObject({
      status: 70,
      lastWords: { phase: 'start', reason: 'the throw-away server did not start: FATAL:  no shared memory' },
    });
    expect(done.stderr).toContain('error start: FATAL:  no shared memory');
    expectNothingLeft(done);
  });

  test('does not blame an assertion for a killed server', async () => {
    const killing = `case "$*" in */counts.sql*) kill -KILL "$(head -n 1 "$WORK_DIR"/tmp/postgres/data/postmaster.pid)"; sleep 1 ;; esac`;
    const done = await verify(server, { work: fetched(custom), standIns: { psql: real('psql', killing) } });
    expect(done).toMatchObject({ status: 70, lastWords: { status: 70 } });
    expectNothingLeft(done);
  });

  test('reads the memory limit of the container from either version of cgroups', async () => {
    const settings = [
      'shared_buffers',
      'maintenance_work_mem',
      'dynamic_shared_memory_type',
      'wal_level',
      'shared_preload_libraries',
      'max_logical_replication_workers',
    ];
    const ask = (...answers: readonly string[]) => queries(...settings.map((name, index) => [`show ${name}`, answers[index] ?? ''] as const));
    const rest = ['mmap', 'minimal', '', '0'];
    for (const [v2, v1, buffers, work] of [
      ['max', 'none', '128MB', '64MB'],
      ['536870912', 'none', '128MB', '32MB'],
      ['', '268435456', '64MB', '16MB'],
      ['', '9223372036854771712', '128MB', '64MB'],
      ['68719476736', 'none', '1GB', '512MB'],
    ] as const) {
      const cat = `case $1 in
*/memory.max) [ -n "${v2}" ] && echo "${v2}" || exit 1 ;;
*/memory.limit_in_bytes) echo "${v1}" ;;
*) exec /bin/cat "$@" ;;
esac`;
      const done = await verify(server, { work: fetched(custom), standIns: { cat }, env: ask(buffers, work, ...rest) });
      expect(done).toMatchObject({ status: 0 });
    }
  });
});

describe('no room', () => {
  test('stops before the kubelet evicts the pod for a full scratch space', async () => {
    const done = await verify(server, {
      work: fetched(custom),
      env: { SCRATCH_BYTES: String(130 * 1024 ** 2) },
      standIns: {
        pg_restore: `case "$*" in *--jobs*) ;; *) ${real('pg_restore', '')} ;; esac; ${real('pg_restore', '').replace('exec ', '')}; status=$?; sleep 6; exit $status`,
      },
    });
    expect(done).toMatchObject({ status: 73, lastWords: { status: 73, hint: expect.stringContaining('verify.scratch.size') } });
    expectNothingLeft(done);
  });

  test('refuses at once if the database hardly fits into the scratch space', async () => {
    const done = await verify(server, { work: fetched(custom), env: { SCRATCH_BYTES: String(20 * 1024 ** 2) } });
    expect(done).toMatchObject({
      status: 73,
      lastWords: { phase: 'preflight', reason: expect.stringMatching(/^the database had .* MiB, and .* MiB of scratch space is free$/) },
    });
    expectNothingLeft(done);
  });

  test.runIf(isRoot).each([90, 130])('reports a full disk of %i MiB as no room', async (size) => {
    const work = mkdtempSync(join(tmpdir(), 'work-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}m,mode=777`, 'tmpfs', work]);
    try {
      const done = await verify(server, { work: fetched(custom, { work }) });
      expect(done).toMatchObject({ status: 73, lastWords: { status: 73, hint: expect.stringContaining('verify.scratch.size') } });
      expectNothingLeft(done);
    } finally {
      execFileSync('umount', [work]);
    }
  });
});

/** Where a run can be ended: a tool, and which of its calls. */
const STEPS: readonly (readonly [step: string, tool: string, call: string])[] = [
  ['hashing', 'sha256sum', '*'],
  ['making the cluster', 'initdb', '*'],
  ['starting the server', 'pg_isready', '*'],
  ['making the database', 'psql', '*/create.sql*'],
  ['making the roles', 'psql', '*/surroundings.sql*'],
  ['loading', 'pg_restore', '*--jobs*'],
  ['counting', 'psql', '*/counts.sql*'],
  ['asking', 'psql', '*pg_sleep*'],
  ['looking at the indexes', 'pg_amcheck', '*'],
  ['writing the record', 'mv', '*/verified/*'],
];

/** Signals the whole group at one of its calls, as the end of a container does; what it called would go on for a minute. */
function killing(signal: 'TERM' | 'KILL', tool: string, call: string): Record<string, string> {
  const victim = signal === 'TERM' ? '"$(cat "$WORK_DIR/pid")"' : '"-$(cat "$WORK_DIR/pid")"';
  return { [tool]: real(tool, `case "$*" in ${call}) kill -${signal} ${victim}${tool === 'mv' ? '' : '; exec sleep 60'} ;; esac`) };
}

const noted = (pid: number, work: string) => writeFileSync(join(work, 'pid'), String(pid), { mode: 0o644 });
const sleepy = { ...queries(['select pg_sleep(0)', '']), AMCHECK: 'true' };

describe.each(SHELLS)('under %s', (name, shell) => {
  test.each(name === 'dash' ? STEPS : STEPS.filter(([step]) => ['making the cluster', 'loading', 'asking'].includes(step)))(
    'TERM while %s ends the verification at once with a message, and leaves no process and no data',
    async (_, tool, call) => {
      const began = Date.now();
      const done = await verify(server, { work: fetched(custom), shell, env: sleepy, started: noted, standIns: killing('TERM', tool, call) });
      expect(Date.now() - began).toBeLessThan(15_000);
      expect(done).toMatchObject({ status: 70, lastWords: { status: 70, reason: expect.stringContaining('stopped by TERM') } });
      expectNothingLeft(done);
    },
  );
});

test('TERM ends a busy server too', async () => {
  const sleeping = `pg_sleep(50.${process.pid})`;
  const work = fetched(custom);
  const done = await verify(server, {
    work,
    env: queries([`select ${sleeping}`, '']),
    started: async (pid) => {
      await until('the server sleeps', async () => processesOf(sleeping).length > 0);
      process.kill(pid, 'SIGTERM');
    },
  });
  expect(done).toMatchObject({ status: 70, lastWords: { reason: expect.stringContaining('stopped by TERM') } });
  expectNothingLeft(done);
});

test.each(STEPS.filter(([step]) => ['making the cluster', 'loading', 'writing the record'].includes(step)))(
  'KILL while %s leaves no record, and the next attempt in the same scratch space succeeds',
  async (_, tool, call) => {
    const killed = await verify(server, { work: fetched(custom), env: sleepy, started: noted, standIns: killing('KILL', tool, call) });
    expect(killed).toMatchObject({ status: null });
    expect(killed.record).toBeUndefined();
    await until('the server has noticed', async () => processesOf(killed.work).length === 0);
    const again = await verify(server, { work: killed.work, env: sleepy });
    expect(again).toMatchObject({ status: 0, record: { checks: { tables: 2, amcheck: 'passed' } } });
    expectNothingLeft(again);
  },
);

// Pitfalls P22, P85.
test('settings of production in the pod reach neither the server nor a session', async () => {
  const env = {
    PGHOST: '203.0.113.1',
    PGPORT: '1',
    PGUSER: 'nobody',
    PGPASSWORD: 'secret',
    PGDATABASE: 'prod',
    PGOPTIONS: '-c x=y',
    PGDATA: '/nowhere',
    PGSSLMODE: 'verify-full',
    PGSERVICE: 'prod',
  };
  const work = fetched(custom);
  const standIns = { psql: real('psql', 'env >>"$WORK_DIR/sessions"'), postgres: real('postgres', 'echo "$*" >>"$WORK_DIR/servers"') };
  const done = await verify(server, { work, env, standIns });
  expect(done).toMatchObject({ status: 0 });
  expect(readFileSync(join(work, 'sessions'), 'utf8')).not.toMatch(/203\.0\.113\.1|secret|prod$/m);
  expect(readFileSync(join(work, 'servers'), 'utf8')).toContain(`-k ${work}/tmp/postgres -h \n`);
});

/** No server, no data: what was fetched, and the record of a success. */
function expectNothingLeft({ work, status }: Verified): void {
  const left = existsSync(join(work, 'tmp')) ? readdirSync(join(work, 'tmp')) : [];
  expect(left.filter((name) => !/^d[fu]$/.test(name))).toEqual([]);
  expect(processesOf(work)).toEqual([]);
  expect(existsSync(join(work, 'verified', 'postgres.json'))).toBe(status === 0);
}

function globalsIn(folder: string): string {
  return readdirSync(folder).find((name) => name.includes('+globals')) ?? '';
}

function halve(file: string): void {
  truncateSync(file, Math.floor(readFileSync(file).length / 2));
}

function flip(file: string): void {
  const bytes = readFileSync(file);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

function putFirst(file: string, text: string): void {
  writeFileSync(file, text + readFileSync(file, 'utf8'));
}

/** Without the indexes and whatever else comes after the rows. */
function cutStatements(file: string): void {
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.slice(0, text.indexOf('CREATE INDEX')));
  chmodSync(file, 0o644);
}

/** In the middle of a table of texts, one of which is the last line of a dump. */
function endInRow(file: string): void {
  const text = readFileSync(file, 'utf8');
  const rows = 'create table public.texts (body text);\nCOPY public.texts (body) FROM stdin;\n';
  writeFileSync(file, `${text.slice(0, text.indexOf('CREATE INDEX'))}${rows}-- PostgreSQL database dump complete\n`);
  chmodSync(file, 0o644);
}
