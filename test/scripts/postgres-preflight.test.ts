import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dump, factsOf, makeRole, real, until } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type Outcome, SHELLS } from '../support/run-script.ts';
import { postgresBin } from '../support/tools.ts';

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres(17);
  await makeRole(server);
  await server.sql('create database shop');
  await server.sql('create table open (n int); insert into open select generate_series(1, 10); grant select on open to public', 'shop');
  // Roles that each lack one thing of docs/postgres-role.sql.
  await server.sql(`
    create role plain login password 'p';
    create role without_bypass login password 'p' in role pg_read_all_data;
    create role without_large_objects login bypassrls password 'p' in role pg_read_all_data`);
});

afterAll(() => server?.stop());

/** Nothing may be left that publish could take for a backup, and no tool may have been started in vain. */
function expectRefused(done: Outcome, status: number, reason: RegExp | string): void {
  expect(done.lastWords).toMatchObject({ status, reason: expect.stringMatching(reason) });
  expect(done).toMatchObject({ status, stdout: '', out: [] });
  expect(() => factsOf(done)).toThrow('ENOENT');
}

const as = (role: string) => ({ PGUSER: role, PGPASSWORD: 'p' });
const noDump = { pg_dump: real('pg_dump', '[ "$1" = --version ] || exit 99') };

describe('reaching the server', () => {
  test('a wrong password fails at once without a retry', async () => {
    const began = Date.now();
    const done = await dump(server, { env: { PGPASSWORD: 'wrong', WAIT_SECONDS: '60' }, standIns: { psql: real('psql') } });
    expectRefused(done, 77, 'password authentication failed for user "backstay"');
    expect(done.lastWords).toHaveProperty('hint', expect.stringContaining('credentials'));
    expect(done.calls).toHaveLength(1);
    expect(Date.now() - began).toBeLessThan(5000);
  });

  test('a missing database fails at once', async () => {
    const done = await dump(server, { env: { DATABASE: 'nowhere', WAIT_SECONDS: '60' } });
    expectRefused(done, 64, 'database "nowhere" does not exist');
    expect(done.lastWords).toHaveProperty('hint', expect.stringContaining('database:'));
  });

  test('a server without TLS fails at once if TLS is required', async () => {
    const done = await dump(server, { env: { PGSSLMODE: 'require', WAIT_SECONDS: '60' } });
    expectRefused(done, 64, 'server does not support SSL, but SSL was required');
    expect(done.lastWords).toHaveProperty('hint', expect.stringContaining('tls:'));
  });

  test('a role without CONNECT gets the missing grant as a hint', async () => {
    await server.sql('create database closed');
    await server.sql('revoke connect on database closed from public');
    const done = await dump(server, { env: { DATABASE: 'closed' } });
    expectRefused(done, 77, 'permission denied for database "closed"');
    expect(done.lastWords).toHaveProperty('hint', expect.stringContaining('grant connect'));
  });

  test('detects a connection pooler', async () => {
    const psql = 'echo "psql: error: connection to server failed: FATAL:  unsupported startup parameter: options" >&2; exit 2';
    const done = await dump(server, { standIns: { psql } });
    expectRefused(done, 64, 'unsupported startup parameter');
    expect(done.lastWords).toHaveProperty('hint', expect.stringContaining('PgBouncer'));
  });

  test('waits WAIT_SECONDS if the connection is refused, then suggests the NetworkPolicy', async () => {
    const done = await dump(server, { env: { PGPORT: '1', WAIT_SECONDS: '3' } });
    expectRefused(done, 69, /cannot connect to 127\.0\.0\.1:1 within 3s: .*Connection refused/);
    expect(done.lastWords).toHaveProperty('hint', expect.stringContaining('NetworkPolic'));
    expect(done.stderr.match(/waiting for 127\.0\.0\.1:1/g)?.length).toBeGreaterThan(1);
  });

  test('waits WAIT_SECONDS if the server does not respond, then suggests the NetworkPolicy', async () => {
    const silent = await listen(() => {});
    const done = await dump(server, { env: { PGPORT: String(silent.port), WAIT_SECONDS: '2' } });
    expectRefused(done, 69, /cannot connect to .*timeout expired/);
    expect(done.lastWords).toHaveProperty('hint', expect.stringContaining('NetworkPolic'));
    await silent.close();
  });

  test('an unknown host suggests host: and DNS', async () => {
    const done = await dump(server, { env: { PGHOST: 'nowhere.invalid', WAIT_SECONDS: '1' } });
    expectRefused(done, 69, 'could not translate host name');
    expect(done.lastWords).toHaveProperty('hint', expect.stringContaining('DNS'));
  });

  test('waits for a server that starts late', async () => {
    const late = await listen(() => {});
    await late.close();
    const begun = dump(server, { env: { PGPORT: String(late.port), WAIT_SECONDS: '20' } });
    await new Promise((settle) => setTimeout(settle, 1200));
    const relay = await listen((socket) => socket.pipe(connect(Number(server.env.PGPORT), '127.0.0.1')).pipe(socket), late.port);
    const done = await begun;
    await relay.close();
    expect(done).toMatchObject({ status: 0 });
    expect(done.stderr).toContain('waiting for');
  });

  test('a server without a free connection counts as busy', async () => {
    await server.sql('alter role plain connection limit 0');
    const done = await dump(server, { env: { ...as('plain'), WAIT_SECONDS: '1' } });
    await server.sql('alter role plain connection limit -1');
    expectRefused(done, 75, 'too many connections for role');
  });

  test('refuses a client of another major before it connects', async () => {
    const done = await dump(server, { path: [postgresBin(16)], standIns: { psql: real('psql') } });
    expectRefused(done, 64, /this image has pg_dump 16\.\d+, but version: 17 is given/);
    expect(done.calls).toEqual([]);
  });

  test('refuses a server of another major, and the hint names its major', async () => {
    const done = await dump(server, { path: [postgresBin(16)], env: { SERVER_MAJOR: '16' } });
    expectRefused(done, 64, /the server is PostgreSQL 17\.\d+, but version: 16 is given/);
    expect(done.lastWords).toHaveProperty('hint', 'set version: 17, which also picks the image');
  });
});

describe('rights', () => {
  test('refuses tables whose rows are hidden by row-level security', async () => {
    await server.sql('create table hidden (n int); alter table hidden enable row level security; create policy p on hidden using (false)', 'shop');
    const done = await dump(server, { env: as('without_bypass'), standIns: noDump });
    expectRefused(done, 77, 'row-level security hides rows from the role: public.hidden');
    expect(done.lastWords).toHaveProperty('hint', expect.stringContaining('bypassrls'));
    expect(await dump(server)).toMatchObject({ status: 0 });
    await server.sql('drop table hidden', 'shop');
  });

  test('lists the first five relations that it cannot read, and counts the others', async () => {
    await server.sql(
      `create schema shut; create table shut.t (n int); grant select on shut.t to public; create sequence "a; b";
       ${[1, 2, 3, 4, 5].map((n) => `create table "t ${n}" (n int);`).join('')}`,
      'shop',
    );
    const done = await dump(server, { env: as('plain'), standIns: noDump });
    expectRefused(
      done,
      77,
      'the role cannot read: sequence public."a; b", table public."t 1", table public."t 2", table public."t 3", table public."t 4" and 2 more',
    );
    expect(done.lastWords).toHaveProperty('hint', expect.stringContaining('pg_read_all_data'));
  });

  test('with filters pg_dump decides, and dumps what it can read', async () => {
    const filters = { INCLUDE_TABLES: 'public.open' };
    expect(await dump(server, { env: { ...as('plain'), ...filters } })).toMatchObject({ status: 0 });
    const done = await dump(server, { env: { ...as('plain'), INCLUDE_TABLES: 'public."t 1"' } });
    expectRefused(done, 77, /pg_dump ended with status 1: .*permission denied for table t 1/);
    await server.sql('drop schema shut cascade; drop sequence "a; b"; drop table "t 1", "t 2", "t 3", "t 4", "t 5"', 'shop');
  });

  test('large objects of other roles need lo_compat_privileges', async () => {
    await server.sql(`select lo_from_bytea(4711, 'x')`, 'shop');
    const done = await dump(server, { env: as('without_large_objects'), standIns: noDump });
    expectRefused(done, 77, 'the role cannot read: large object 4711');
    expect(done.lastWords).toHaveProperty('hint', expect.stringContaining('lo_compat_privileges'));
    await server.sql('grant select on large object 4711 to public', 'shop');
    expect(await dump(server, { env: as('without_large_objects') })).toMatchObject({ status: 0 });
    await server.sql('select lo_unlink(4711)', 'shop');
  });

  test('time-outs of the role do not end a dump', async () => {
    await server.sql(`
      alter role backstay set statement_timeout = '1ms'; alter role backstay set lock_timeout = '1ms';
      alter role backstay set idle_in_transaction_session_timeout = '1ms'; alter role backstay set idle_session_timeout = '300ms';
      alter role backstay set search_path = 'nowhere'; alter role backstay set client_encoding = 'LATIN1';
      alter role backstay set datestyle = 'German'`);
    const done = await dump(server, { standIns: { pg_dumpall: real('pg_dumpall', 'sleep 1') } });
    await server.sql('alter role backstay reset all; alter role backstay set lo_compat_privileges = on');
    expect(done).toMatchObject({ status: 0 });
    expect(factsOf(done)).toMatchObject({ throttle: { held: true } });
  });

  test('waits for a locked table, then leaves it to the next attempt', async () => {
    const locker = server.sql(`begin; lock table open; select pg_sleep(5)`, 'shop').catch(() => 'ended');
    await until(
      'locked',
      async () => (await server.sql(`select 1 from pg_locks where mode = 'AccessExclusiveLock' and granted and pid <> pg_backend_pid()`)) !== '',
    );
    const done = await dump(server, { env: { LOCK_WAIT_SECONDS: '1' } });
    await server.sql(`select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(5)%' and pid <> pg_backend_pid()`);
    await locker;
    expectRefused(done, 75, /lock timeout/);
  });
});

describe('room', () => {
  test('refuses a dump that cannot fit before it begins', async () => {
    await server.sql(`create table big as select n, repeat(md5(n::text), 30) from generate_series(1, 50000) n`, 'shop');
    const done = await dump(server, { env: { SCRATCH_BYTES: '4500000' }, standIns: noDump });
    expectRefused(done, 73, /the tables have .* MiB, the dump at least .* MiB, but .* of scratch space is free/);
    expect(done.lastWords).toHaveProperty('hint', 'give the run more scratch space: pod.scratch.size');
  });

  test('leaves a dump for which other pods use the disk to the next attempt', async () => {
    const df = `printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\\n/dev/x 99999999 1 4000 100%% /work\\n'`;
    const done = await dump(server, { standIns: { ...noDump, df } });
    expectRefused(done, 75, /^the disk of the node has 3\.9 MiB free, and at least .* MiB is needed: other pods use it$/);
    expect(done.lastWords).toHaveProperty('hint', expect.stringContaining('pod.scratch.request'));
  });

  // Pitfalls P26, P27.
  test.each(SHELLS)('a dump that outgrows the scratch space fails with a write error, and leaves nothing: %s', async (_, shell) => {
    const noise = 'select md5(random()::text) a, md5(random()::text) b from generate_series(1, 200000)';
    await server.sql(`drop table if exists big; create table if not exists noise as ${noise}`, 'shop');
    const done = await dump(server, { shell, env: { SCRATCH_BYTES: '9000000' } });
    expectRefused(done, 73, /File too large/);
  });

  test('a full disk counts as no room', async () => {
    const full = '[ "$1" = --version ] || { echo "pg_dump: error: could not write to output file: No space left on device" >&2; exit 1; }';
    const done = await dump(server, { standIns: { pg_dump: real('pg_dump', full) } });
    expectRefused(done, 73, 'pg_dump ended with status 1: could not write to output file: No space left on device');
  });
});

describe('values', () => {
  test('reports all missing variables at once', async () => {
    const done = await dump(server, { env: { PGHOST: '', DATABASE: '' } });
    expectRefused(done, 64, /^not set or empty: PGHOST DATABASE$/);
  });

  test.each([
    ['WAIT_SECONDS', '5m'],
    ['THROTTLE_SLOTS', ''],
    ['PGPORT', '$(id)'],
  ])('%s must be a number, not %j', async (name, value) => {
    expectRefused(await dump(server, { env: { [name]: value } }), 64, `${name} must be a whole number`);
  });

  test('refuses an unknown format', async () => {
    expectRefused(await dump(server, { env: { DUMP_FORMAT: 'directory' } }), 64, 'unsupported dump: format directory with compression zstd');
  });

  test('refuses a pattern that matches nothing', async () => {
    const done = await dump(server, { env: { INCLUDE_TABLES: 'public.open\npublic.opne' } });
    expectRefused(done, 64, /no matching tables were found for pattern "public\.opne"/);
  });
});

async function listen(serve: (socket: Socket) => void, port = 0): Promise<{ readonly port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const listener: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    serve(socket);
  });
  await new Promise<void>((settle) => listener.listen(port, '127.0.0.1', settle));
  const close = () =>
    new Promise<void>((settle) => {
      for (const socket of sockets) socket.destroy();
      listener.close(() => settle());
    });
  return { port: (listener.address() as { port: number }).port, close };
}
