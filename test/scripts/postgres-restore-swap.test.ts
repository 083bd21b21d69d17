import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { contentOf, real, until } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type Dumped, databases, fetched, IN_PLACE, restore, resultOf, stateOf, take } from '../support/restore-database.ts';

let server: PostgresServer;
let dumped: Dumped;
let content: string;

const ROWS = "create table items (n int primary key, made_by text); insert into items select n, 'backup' from generate_series(1, 1000) n";
const ODD = 'Odd "db" – ß';

beforeAll(async () => {
  server = await startPostgres(17, ['max_prepared_transactions=5', 'wal_level=logical']);
  await server.sql(`create role app login password 'p'; create role "read er" login password 'p'; create role boss`);
  await server.sql('create database shop owner app');
  await server.sql(ROWS, 'shop');
  dumped = await take(server);
  content = await contentOf(server, 'shop');
});

afterAll(() => server?.stop());

afterEach(async () => {
  const names = await server.sql(`select quote_ident(datname) from pg_database where datname not in ('postgres', 'template0', 'template1', 'shop')`);
  for (const name of names.split('\n').filter(Boolean)) await server.sql(`drop database ${name} with (force)`);
});

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const inPlace = (name: string) => ({ ...IN_PLACE, TARGET_DATABASE: name });

/** What belongs to a database, and not to what is in it. */
const propertiesOf = (name: string) =>
  server.sql(`
    select pg_get_userbyid(datdba), datconnlimit, shobj_description(oid, 'pg_database'), datallowconn,
      (select string_agg(a::text, ' ' order by a::text) from aclexplode(coalesce(datacl, acldefault('d', datdba))) a)
    from pg_database where datname = '${name}';
    select pg_get_userbyid(setrole), setconfig from pg_db_role_setting s join pg_database d on d.oid = setdatabase where datname = '${name}' order by 1`);

describe('properties of a database', () => {
  const SETTINGS = `
    revoke all on database live from public;
    grant connect on database live to app with grant option;
    grant temporary, connect on database live to "read er";
    set role app; grant connect on database live to boss; reset role;
    alter database live owner to app; alter database live connection limit 50;
    alter database live set search_path = "$user", public, "Odd ""one"", too", '';
    alter database live set work_mem = '5000kB'; alter database live set "my.own" = E'it''s \\\\ %s\\nnext';
    alter database live set datestyle = 'ISO, DMY'; alter database live set log_statement = 'ddl'; alter database live set temp_tablespaces = '';
    alter role "read er" in database live set statement_timeout = '7s'; alter role all in database live set lock_timeout = '3s';
    comment on database live is E'it''s the \\\\ shop\\nof two lines'`;

  test('owner, grants, settings, limit and comment follow the name in a swap, and in a swap back', async () => {
    await server.sql('create database live');
    await server.sql(SETTINGS);
    const before = await propertiesOf('live');
    const done = await restore(server, dumped, { env: inPlace('live') });
    expect(done.stderr).not.toContain(' error ');
    expect(done.status).toBe(0);
    expect(await propertiesOf('live')).toBe(before);
    expect(await contentOf(server, 'live')).toBe(content);

    await server.sql(`alter database live reset work_mem; revoke connect on database live from app cascade; grant create on database live to boss;
      alter database live set timezone = 'UTC'; alter role "read er" in database live reset all; alter role app in database live set work_mem = '9MB'`);
    const changed = await propertiesOf('live');
    const back = await restore(server, fetched(dumped), { env: { ...inPlace('live'), RESTORE_ACTION: 'swap-back' } });
    expect(back.status).toBe(0);
    expect(await propertiesOf('live')).toBe(changed);
    expect(await server.sql(`select count(*) from pg_class where relname = 'items'`, 'live')).toBe('0');
  });

  test('swaps, swaps back and drops a database with an awkward name', async () => {
    await server.sql(`create database ${quoted(ODD)}`);
    const done = await restore(server, dumped, { env: inPlace(ODD) });
    expect(done.status).toBe(0);
    expect(await databases(server)).toMatch(/^Odd "db" – ß\nOdd "db" – ß_before_\d{8}_\d{6}\nshop$/);
    expect(await contentOf(server, ODD, '--schema-only')).toBe(await contentOf(server, 'shop', '--schema-only'));
    expect((await restore(server, fetched(dumped), { env: { ...inPlace(ODD), RESTORE_ACTION: 'swap-back' } })).status).toBe(0);
    expect(await databases(server)).toMatch(/^Odd "db" – ß\nOdd "db" – ß_undone_\d{8}_\d{6}\nshop$/);
    expect((await restore(server, fetched(dumped), { env: { ...inPlace(ODD), RESTORE_ACTION: 'drop-old' } })).status).toBe(0);
    expect(await databases(server)).toBe(`${ODD}\nshop`);
  });

  test('shortens a name of 63 bytes for the kept database, and never within a letter', async () => {
    const long = `${'ß'.repeat(31)}x`;
    await server.sql(`create database ${quoted(long)}`);
    expect((await restore(server, dumped, { env: inPlace(long) })).status).toBe(0);
    expect(await databases(server)).toMatch(new RegExp(`^shop\nß{19,20}_before_\\d{8}_\\d{6}\n${long}$`));
  });
});

test('the swap is on disk before it counts as done, even if commits do not wait for the disk', async () => {
  await server.sql('create database live');
  await server.sql(`alter database postgres set synchronous_commit = off; alter role postgres set synchronous_commit = off;
    alter role postgres set log_statement = 'all'`);
  try {
    expect(await restore(server, dumped, { env: inPlace('live') })).toMatchObject({ status: 0 });
  } finally {
    await server.sql('alter database postgres reset all; alter role postgres reset all');
  }
  const statements = [...server.log().matchAll(/ \[(\d+)\] LOG: {2}statement: (.*)/g)].map(([, pid, statement = '']) => ({ pid, statement }));
  const { pid } = statements.find(({ statement }) => /^alter database "live" rename/.test(statement)) ?? {};
  const swap = statements.filter((one) => one.pid === pid).map(({ statement }) => statement);
  expect(swap.slice(swap.lastIndexOf('begin;')).filter((statement) => /synchronous_commit|^(begin|commit|rollback)/.test(statement))).toEqual([
    'begin;',
    'set local synchronous_commit = on;',
    'commit;',
  ]);
});

describe('the kept database', () => {
  test('accepts no connections, and its comment says what it is', async () => {
    await server.sql('create database live');
    const done = await restore(server, dumped, { env: inPlace('live') });
    const kept = String(resultOf(done).kept);
    expect(await server.sql(`select datallowconn, shobj_description(oid, 'pg_database') from pg_database where datname = '${kept}'`)).toMatch(
      /^f\|backstay restore r1: replaced \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ by 20261121-073320-bcdfpqrs in live$/,
    );
    expect(done.lastWords).toMatchObject({ reason: expect.stringContaining(kept), hint: expect.stringContaining('swap-back') });
  });

  test('drop-old drops nothing that only has a matching name', async () => {
    await server.sql('create database live');
    await server.sql('create database live_before_20260101_000000');
    const all = await restore(server, fetched(dumped), { env: { ...inPlace('live'), RESTORE_ACTION: 'drop-old' } });
    expect(all).toMatchObject({ status: 0, lastWords: { reason: 'nothing is kept for live' } });
    const named = { ...inPlace('live'), RESTORE_ACTION: 'drop-old', KEPT_DATABASE: 'live_before_20260101_000000' };
    const one = await restore(server, fetched(dumped), { env: named });
    expect(one).toMatchObject({ status: 64, lastWords: { reason: expect.stringContaining('has no backstay comment') } });
    expect(await databases(server)).toBe('live\nlive_before_20260101_000000\nshop');
    const back = await restore(server, fetched(dumped), { env: { ...named, RESTORE_ACTION: 'swap-back' } });
    expect(back).toMatchObject({ status: 64, lastWords: { reason: expect.stringContaining('is kept for live') } });
  });

  test('is chosen by name if one is given, and by time otherwise; a second swap-back of the same id does nothing', async () => {
    await server.sql('create database live');
    const first = String(resultOf(await restore(server, dumped, { env: { ...inPlace('live'), RESTORE_ID: 'one' } })).kept);
    await sleep(1100);
    const second = String(resultOf(await restore(server, dumped, { env: { ...inPlace('live'), RESTORE_ID: 'two' } })).kept);
    const back = (env: Record<string, string>) =>
      restore(server, fetched(dumped), { env: { ...inPlace('live'), RESTORE_ACTION: 'swap-back', ...env } });
    expect((await back({ RESTORE_ID: 'b1' })).lastWords).toMatchObject({ reason: expect.stringContaining(second) });
    expect((await back({ RESTORE_ID: 'b1' })).lastWords).toMatchObject({ reason: expect.stringContaining('already done') });
    expect(await databases(server)).toContain(first);
    await sleep(1100);
    expect((await back({ RESTORE_ID: 'b2', KEPT_DATABASE: first })).lastWords).toMatchObject({ reason: expect.stringContaining(first) });
    expect(await server.sql(`select count(*) from pg_class where relname = 'items'`, 'live')).toBe('0');
  });
});

describe('sessions', () => {
  /** Asks again and again, each time in a new session, for which of two databases it is in; gives every answer. */
  async function hammer(name: string, works: () => Promise<unknown>): Promise<readonly string[]> {
    const answers: string[] = [];
    let going = true;
    const one = async () => {
      while (going) {
        answers.push(
          await server
            .sql(`select coalesce(max(made_by), 'none'), (select pg_sleep(0.05) is null) from items`, name, { PGUSER: 'app', PGPASSWORD: 'p' })
            .then(
              (answer) => answer.split('|')[0] ?? '',
              (error: unknown) => String(error).split('\n').slice(1).join(' '),
            ),
        );
      }
    };
    const all = [one(), one(), one()];
    await works();
    going = false;
    await Promise.all(all);
    return answers;
  }

  test('applications that query all the time see the old database, then the new one, and never none for longer than a retry takes', async () => {
    await server.sql('create database live owner app');
    await server.sql(`${ROWS}; update items set made_by = 'old'; grant select on items to app`, 'live');
    await server.sql('grant select on items to app', 'shop');
    const granted = await take(server);
    const answers = await hammer('live', () =>
      restore(server, granted, { env: inPlace('live') }).then(async (done) => {
        expect(done.status).toBe(0);
        await sleep(300);
      }),
    );
    const kinds = [...new Set(answers)];
    expect(kinds).toContain('old');
    expect(kinds).toContain('backup');
    expect(answers.lastIndexOf('old')).toBeLessThan(answers.indexOf('backup') + 3);
    for (const kind of kinds.filter((one) => !['old', 'backup'].includes(one))) {
      expect(kind).toMatch(/terminating connection|just been dropped or renamed|server closed the connection|does not exist/);
    }
    // Three sessions at a time: each is ended once, and may be told once that the name is another database's now.
    expect(answers.filter((one) => !['old', 'backup'].includes(one)).length).toBeLessThanOrEqual(9);
  });

  test('ends idle-in-transaction sessions, but none before the lock is held', async () => {
    await server.sql('create database live');
    const idle = spawn(`${server.bin}/psql`, ['-X', '-c', 'begin; select pg_sleep(600)', 'live'], { env: server.env as NodeJS.ProcessEnv });
    await until(
      'it sleeps',
      async () => (await server.sql(`select 1 from pg_stat_activity where datname = 'live' and query like '%pg_sleep%'`)) !== '',
    );
    const ended = once(idle, 'exit');
    const done = await restore(server, dumped, { env: inPlace('live') });
    expect(done.status).toBe(0);
    await ended;
    expect(await contentOf(server, 'live')).toBe(content);
  });

  /** A clock that runs twenty times as fast: what is waited for a minute ends within seconds. */
  const HASTE = { date: `[ "$*" != +%s ] || { echo $(($(/bin/date +%s) * 20)); exit; }\nexec /bin/date "$@"` };

  /** A session that does this until it is killed. */
  async function session(text: string): Promise<ReturnType<typeof spawn>> {
    const one = spawn(`${server.bin}/psql`, ['-X', '-c', `${text}; select pg_sleep(600)`, 'live'], { env: server.env as NodeJS.ProcessEnv });
    await until(
      'it sleeps',
      async () => (await server.sql(`select 1 from pg_stat_activity where datname = 'live' and query like '%pg_sleep%'`)) !== '',
    );
    return one;
  }

  /** Ends it, and waits until the server has noticed. */
  async function end(one: ReturnType<typeof spawn>): Promise<void> {
    one.kill();
    await server.sql(`select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = 'live'`);
  }

  /** How the next attempt comes to its end: without another load. */
  async function expectSwapOnly(from: Dumped, env: Record<string, string>): Promise<void> {
    const again = await restore(server, fetched(from), { env, standIns: { pg_restore: real('pg_restore') } });
    expect(again).toMatchObject({ status: 0, calls: [] });
    expect(stateOf(again)).toBe('new');
    expect(await databases(server)).toMatch(/^live\nlive_before_\d{8}_\d{6}\nshop$/);
    expect(await contentOf(server, 'live', '--no-owner')).toBe(await contentOf(server, 'shop', '--no-owner'));
  }

  const KEPT_HINT =
    'the next attempt continues with the database that was loaded and checked; if there is none, remove it: drop database "live_restored_r1"';

  test('if sessions cannot be ended, the live database stays unchanged, and the loaded one stays for the next attempt', async () => {
    await server.sql("create role admin login createdb password 'p' in role app");
    await server.sql('create database live owner app');
    const idle = await session('select 1');
    await server.sql('alter table items owner to app', 'shop');
    const own = await take(server);
    const before = await propertiesOf('live');
    const env = { ...inPlace('live'), PGUSER: 'admin', PGPASSWORD: 'p' };
    const done = await restore(server, own, { env, standIns: HASTE });
    await end(idle);
    expect(done).toMatchObject({ status: 77, lastWords: { reason: expect.stringMatching(/cannot end sessions of live: .*permission denied/) } });
    expect(done.lastWords).toMatchObject({ hint: expect.stringContaining(KEPT_HINT) });
    expect(await propertiesOf('live')).toBe(before);
    expect(await databases(server)).toBe('live\nlive_restored_r1\nshop');
    expect(stateOf(done)).toBe('old');
    await expectSwapOnly(own, env);
  });

  test('a lock that is not granted leaves the same, and so does what would stay with the old database', async () => {
    await server.sql('create database live');
    const holder = await session(`begin; comment on database live is 'held'`);
    const env = inPlace('live');
    const done = await restore(server, dumped, { env: { ...env, LOCK_WAIT_SECONDS: '1' }, standIns: HASTE });
    await end(holder);
    expect(done).toMatchObject({ status: 75, lastWords: { status: 75, reason: expect.stringContaining('lock timeout') } });
    expect(done.lastWords).toMatchObject({ hint: `${KEPT_HINT}; stop the applications first; nothing has changed` });
    expect(stateOf(done)).toBe('old');
    expect(await databases(server)).toBe('live\nlive_restored_r1\nshop');
    await server.sql(`begin; create table half (n int); prepare transaction 'half'`, 'live');
    const hindered = await restore(server, fetched(dumped), { env });
    expect(hindered).toMatchObject({ status: 75, lastWords: { hint: expect.stringContaining(KEPT_HINT) } });
    await server.sql(`rollback prepared 'half'`, 'live');
    await expectSwapOnly(dumped, env);
  });
});

describe('what would stay with the old database', () => {
  test.each([
    [
      'replication slot',
      64,
      `select pg_create_logical_replication_slot('the slot', 'pgoutput')`.replace('the slot', 'the_slot'),
      `select pg_drop_replication_slot('the_slot')`,
    ],
    ['prepared transaction', 75, `begin; create table half (n int); prepare transaction 'half'`, `rollback prepared 'half'`],
    [
      'subscription',
      64,
      `create subscription sub connection 'host=nowhere' publication p with (connect = false, slot_name = none)`,
      'drop subscription sub',
    ],
  ])('a %s is named, and nothing is begun', async (what, status, make, undo) => {
    await server.sql('create database live');
    await server.sql(make, 'live');
    const done = await restore(server, dumped, { env: inPlace('live'), standIns: { pg_restore: real('pg_restore') } });
    await server.sql(undo, 'live');
    expect(done).toMatchObject({ status, lastWords: { status, reason: expect.stringContaining(`live has a ${what}`) } });
    expect(await databases(server)).toBe('live\nshop');
    expect(done.calls.filter((call) => call.includes('--dbname'))).toEqual([]);
  });
});
