import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { contentOf, real, sessionsOf, until } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type Dumped, databases, fetched, IN_PLACE, restore, resultOf, stateOf, take } from '../support/restore-database.ts';
import { type Outcome, SHELLS } from '../support/run-script.ts';

let server: PostgresServer;
let dumped: Dumped;
let content: string;

beforeAll(async () => {
  server = await startPostgres(17);
  await server.sql('create database shop');
  await server.sql('create table items as select n, md5(n::text) from generate_series(1, 1000) n', 'shop');
  dumped = await take(server);
  content = await contentOf(server, 'shop');
});

afterAll(() => server?.stop());

afterEach(async () => {
  const names = await server.sql(`select quote_ident(datname) from pg_database where datname not in ('postgres', 'template0', 'template1', 'shop')`);
  for (const name of names.split('\n').filter(Boolean)) await server.sql(`drop database ${name} with (force)`);
});

const LIVE = { ...IN_PLACE, TARGET_DATABASE: 'live' };
const isOld = async () => (await server.sql(`select count(*) from pg_class where relname = 'items'`, 'live')) === '0';

/** Where a restore can be killed: a tool, and which of its calls. Together all steps that start something. */
const STEPS: readonly (readonly [string, string, string])[] = [
  ['hashing', 'sha256sum', '*'],
  ['waiting for the server', 'psql', '*--command=select*'],
  ['taking the lock', 'psql', '*count=4'],
  ['reading the journal', 'psql', '*/journal.sql'],
  ['looking at the target', 'psql', '*/target.sql'],
  ['listing the dump', 'pg_restore', '*--list*'],
  ['reading its definitions', 'pg_restore', '*--file=*'],
  ['making the database', 'psql', '*/create.sql'],
  ['rehearsing the swap', 'psql', '*/rehearsal.sql'],
  ['loading', 'pg_restore', '*--jobs=*'],
  ['analyzing', 'vacuumdb', '*'],
  ['counting', 'psql', '*/counts.sql'],
  ['noting that it is ready', 'psql', '*/ready.sql'],
  ['looking for hindrances', 'psql', '*/live.sql'],
  ['swapping', 'psql', '*/swap.sql'],
];

const KILL = { TERM: 'kill -TERM $PPID', KILL: 'kill -KILL -$PPID' } as const;
const matching = (call: string, what: string) => `case "$*" in ${call.replaceAll(/[' ]/g, '\\$&')}) ${what} ;; esac`;

/** Signals the script at one of its calls, which would go on for a minute. */
const before = (signal: keyof typeof KILL, tool: string, call: string) => ({ [tool]: real(tool, matching(call, `${KILL[signal]}; exec sleep 60`)) });

/** Signals it when that call has done its work. */
const after = (signal: keyof typeof KILL, tool: string, call: string) => ({
  [tool]: real(tool, matching(call, `"$(PATH=\${PATH#*:} && command -v ${tool})" "$@"; ${KILL[signal]}; exec sleep 60`)),
});

async function expectSwapped(done: Outcome): Promise<void> {
  expect(done.stderr).not.toContain(' error ');
  expect(done).toMatchObject({ status: 0 });
  expect(await contentOf(server, 'live')).toBe(content);
  expect(await databases(server)).toMatch(/^live\nlive_before_\d{8}_\d{6}\nshop$/);
  expect(stateOf(done)).toBe('new');
  expect(resultOf(done)).toMatchObject({ database: 'live', kept: expect.stringMatching(/^live_before_/) });
}

/** From here on the new database was loaded and checked, and is for the next attempt. */
const READY = ['looking for hindrances', 'swapping'];

const FEW = STEPS.filter(([step]) => ['making the database', 'loading', 'swapping'].includes(step));

describe.each(SHELLS)('under %s', (name, shell) => {
  test.each(name === 'dash' ? STEPS : FEW)(
    'TERM while %s ends the restore at once, and leaves the live database unchanged',
    async (step, tool, call) => {
      await server.sql('create database live');
      const began = Date.now();
      const done = await restore(server, dumped, { shell, env: LIVE, standIns: before('TERM', tool, call) });
      expect(Date.now() - began).toBeLessThan(20_000);
      expect(done).toMatchObject({ status: 70, lastWords: { status: 70, reason: expect.stringContaining('stopped by TERM') } });
      if (READY.includes(step))
        expect(done.lastWords).toMatchObject({ hint: expect.stringMatching(/^the next attempt continues with .*drop database "live_restored_r1"$/) });
      expect(await databases(server)).toBe(READY.includes(step) ? 'live\nlive_restored_r1\nshop' : 'live\nshop');
      expect(await isOld()).toBe(true);
      expect(stateOf(done)).toBe('old');
      await until('the server has no session of ours', async () => (await sessionsOf(server)).length === 0);
    },
  );
});

test.each(STEPS)('KILL while %s leaves the live database unchanged, and the next attempt succeeds', async (_step, tool, call) => {
  await server.sql('create database live');
  const killed = await restore(server, dumped, { env: LIVE, standIns: before('KILL', tool, call) });
  expect(killed.status).toBe(null);
  expect(await isOld()).toBe(true);
  expect(stateOf(killed)).toBe('old');
  await expectSwapped(await restore(server, fetched(dumped), { env: LIVE }));
});

test.each([
  ['making the database', 'psql', '*/create.sql'],
  ['loading', 'pg_restore', '*--jobs=*'],
])('KILL right after %s: what is half done is dropped and begun anew', async (_step, tool, call) => {
  await server.sql('create database live');
  await restore(server, dumped, { env: LIVE, standIns: after('KILL', tool, call) });
  expect(await databases(server)).toBe('live\nlive_restored_r1\nshop');
  const again = await restore(server, fetched(dumped), { env: LIVE });
  expect(again.stderr).toContain('removing live_restored_r1');
  await expectSwapped(again);
});

test('after KILL between CREATE DATABASE and its comment, an attempt of the same id owns the database, and another id does not', async () => {
  await server.sql('create database live');
  const cut = `for one; do case $one in --file=*) sed '/^begin/,$d' "\${one#--file=}" >"$HOME/cut.sql" ;; esac; done`;
  const made = `"$(PATH=\${PATH#*:} && command -v psql)" -X -q --dbname=postgres --file="$HOME/cut.sql"`;
  const psql = real('psql', matching('*/create.sql', `${cut}; ${made}; ${KILL.KILL}; exec sleep 60`));
  await restore(server, dumped, { env: LIVE, standIns: { psql } });
  expect(
    await server.sql(`select datallowconn, shobj_description(oid, 'pg_database') is null from pg_database where datname = 'live_restored_r1'`),
  ).toBe('f|t');
  await server.sql('alter database live_restored_r1 rename to live_restored_r2');
  const other = await restore(server, fetched(dumped), { env: { ...LIVE, RESTORE_ID: 'r2' } });
  expect(other).toMatchObject({ status: 64, lastWords: { reason: expect.stringContaining('live_restored_r2 already exists') } });
  await server.sql('alter database live_restored_r2 rename to live_restored_r1');
  await expectSwapped(await restore(server, fetched(dumped), { env: LIVE }));
});

test('after KILL when the database is ready, the next attempt goes straight to the swap, but not with another backup', async () => {
  await server.sql('create database live');
  await restore(server, dumped, { env: LIVE, standIns: after('KILL', 'psql', '*/ready.sql') });
  const another = { ...dumped, backup: '20261122-073320-cccccccc' };
  const loads = (done: Outcome) => done.calls.filter((call) => call.includes('--jobs=')).length;
  const standIns = { pg_restore: real('pg_restore') };
  const other = await restore(server, another, { env: LIVE, standIns: { ...standIns, ...after('KILL', 'psql', '*/ready.sql') } });
  expect(loads(other)).toBe(1);
  const again = await restore(server, another, { env: LIVE, standIns });
  expect(loads(again)).toBe(0);
  await expectSwapped(again);
});

test.each([
  ['KILL', after('KILL', 'psql', '*/ready.sql'), null],
  ['nothing', {}, 0],
] as const)('a copy beside that was finished before %s is not restored again from a newer backup', async (_, standIns, status) => {
  expect((await restore(server, dumped, { standIns })).status).toBe(status);
  await server.sql('create table mine (n int)', 'shop_restored_r1');
  const newer = { ...dumped, backup: '20261122-073320-cccccccc' };
  const again = await restore(server, newer, { standIns: { pg_restore: real('pg_restore') } });
  expect(again).toMatchObject({ status: 0, calls: [], lastWords: { reason: expect.stringContaining(`restored from ${dumped.backup}`) } });
  expect(resultOf(again)).toMatchObject({ database: 'shop_restored_r1', backup: dumped.backup });
  expect(await server.sql(`select count(*) from pg_tables where tablename in ('items', 'mine')`, 'shop_restored_r1')).toBe('2');
});

test('a half-done copy beside is restored again from the newer backup', async () => {
  await restore(server, dumped, { standIns: after('KILL', 'pg_restore', '*--jobs=*') });
  const newer = { ...dumped, backup: '20261122-073320-cccccccc' };
  expect(resultOf(await restore(server, newer))).toMatchObject({ database: 'shop_restored_r1', backup: newer.backup });
});

test('after KILL right after the swap, the next attempt finds it done and does nothing', async () => {
  await server.sql('create database live');
  const killed = await restore(server, dumped, { env: LIVE, standIns: after('KILL', 'psql', '*/swap.sql') });
  expect(killed.status).toBe(null);
  const again = await restore(server, fetched(dumped), { env: LIVE, standIns: { pg_restore: real('pg_restore') } });
  expect(again.calls).toEqual([]);
  expect(again.lastWords).toMatchObject({ reason: expect.stringContaining('already done') });
  await expectSwapped(again);
});

test('TERM while the server commits the swap waits for it and reports it as done, and the next attempt does nothing', async () => {
  await server.sql('create database live');
  await server.sql(`alter system set synchronous_standby_names = 'nobody'`);
  await server.sql('select pg_reload_conf()');
  const free = async () => {
    await server.sql(`set synchronous_commit = off; alter system reset synchronous_standby_names`);
    await server.sql('select pg_reload_conf()');
  };
  const done = await restore(server, dumped, {
    env: LIVE,
    started: async (pid) => {
      await until('it commits', async () => (await server.sql(`select 1 from pg_stat_activity where wait_event = 'SyncRep'`)) !== '');
      process.kill(pid, 'SIGTERM');
      await new Promise((settle) => setTimeout(settle, 1000));
      await free();
    },
  }).finally(free);
  expect(done).toMatchObject({ status: 70, lastWords: { reason: expect.stringContaining('stopped by TERM') } });
  expect(done.lastWords).toMatchObject({
    hint: expect.stringMatching(/^the swap was committed: live is the restored database, .* kept as live_before_/),
  });
  expect(stateOf(done)).toBe('new');
  await expectSwapped(await restore(server, fetched(dumped), { env: LIVE }));
});

test('a session lost after the commit is not a failure, because the journal shows the swap', async () => {
  await server.sql('create database live');
  const lost = `"$(PATH=\${PATH#*:} && command -v psql)" "$@"; echo 'psql: error: server closed the connection unexpectedly' >&2; exit 2`;
  await expectSwapped(await restore(server, dumped, { env: LIVE, standIns: { psql: real('psql', matching('*/swap.sql', lost)) } }));
});

test('TERM while pg_restore loads ends its server sessions, and drops the new database', async () => {
  await server.sql('create database big');
  await server.sql(`create table wide as select n, repeat(md5(n::text), 20) from generate_series(1, 200000) n; create index on wide (n)`, 'big');
  const big = await take(server, { DATABASE: 'big' });
  const done = await restore(server, big, {
    env: { DATABASE: 'big' },
    started: async (pid) => {
      await until(
        'it loads',
        async () => (await server.sql(`select 1 from pg_stat_activity where datname = 'big_restored_r1' and query like 'COPY%'`)) !== '',
      );
      process.kill(pid, 'SIGTERM');
    },
  });
  expect(done).toMatchObject({ status: 70 });
  await until('the server has no session of ours', async () => (await sessionsOf(server)).length === 0);
  expect(await databases(server)).toBe('big\nshop');
});

test('the second of two concurrent restores of one database waits for the first, or gives up', async () => {
  await server.sql('create database live');
  const slow = { vacuumdb: real('vacuumdb', 'sleep 2') };
  const first = restore(server, dumped, { env: { ...LIVE, RESTORE_ID: 'one' }, standIns: slow });
  await until('the first has begun', async () => (await databases(server)).includes('live_restored_one'));
  const [hasty, patient] = await Promise.all([
    restore(server, fetched(dumped), { env: { ...LIVE, RESTORE_ID: 'two', LOCK_WAIT_SECONDS: '0' } }),
    restore(server, fetched(dumped), { env: { ...LIVE, RESTORE_ID: 'three', LOCK_WAIT_SECONDS: '60' } }),
  ]);
  expect(hasty).toMatchObject({ status: 75, lastWords: { reason: 'another restore of live is running' } });
  expect(await first).toMatchObject({ status: 0 });
  expect(patient).toMatchObject({ status: 0 });
  expect(await databases(server)).toMatch(/^live\nlive_before_\d+_\d+\nlive_before_\d+_\d+\nshop$/);
});
