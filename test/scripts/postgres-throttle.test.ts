import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dump, factsOf, makeRole, real, until } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres(17);
  await makeRole(server);
  await server.sql('create database shop');
  await server.sql('create table t as select 1 as n', 'shop');
});

afterAll(() => server?.stop());

const LOCKS = `select coalesce(string_agg(objid::text, ',' order by objid), '') from pg_locks where locktype = 'advisory' and classid = 1650549611`;

/** Somebody else's backup: holds one slot until it is let go. */
async function holdSlot(slot: number): Promise<() => Promise<void>> {
  const psql = spawn(join(server.bin, 'psql'), ['-X', '-q', 'postgres'], {
    env: { ...process.env, ...server.env },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  psql.stdin.write(`select pg_advisory_lock(1650549611, ${slot});\n`);
  await until('held', async () => (await server.sql(LOCKS)).split(',').includes(String(slot)));
  return async () => {
    psql.stdin.end();
    await once(psql, 'exit');
  };
}

test('a dump takes the first free slot, and holds it only while it uses the server', async () => {
  const letGo = await holdSlot(1);
  const seen = (tool: string) => real(tool, `[ "$1" = --version ] || psql -XAtc "${LOCKS}" postgres >>"$WORK_DIR/seen"`);
  const standIns = { pg_dump: seen('pg_dump'), pg_dumpall: seen('pg_dumpall'), sha256sum: seen('sha256sum') };
  const done = await dump(server, { standIns });
  await letGo();
  expect(done).toMatchObject({ status: 0 });
  expect(factsOf(done)).toMatchObject({ throttle: { slot: 2, waitedSeconds: expect.any(Number), held: true } });
  expect(seenIn(done.work)).toEqual(['1,2', '1,2', '1']);
});

test('with all slots taken, it waits THROTTLE_WAIT_SECONDS, then ends as busy without a dump', async () => {
  const letGo = await Promise.all([holdSlot(1), holdSlot(2)]);
  const env = { THROTTLE_SLOTS: '2', THROTTLE_WAIT_SECONDS: '2' };
  const done = await dump(server, { env, standIns: { pg_dump: real('pg_dump', '[ "$1" = --version ] || exit 99') } });
  await Promise.all(letGo.map((end) => end()));
  expect(done).toMatchObject({ status: 75, out: [], lastWords: { phase: 'throttle', status: 75 } });
  expect(done.lastWords?.reason).toMatch(/^2 backups of 127\.0\.0\.1:\d+ are still running after \ds$/);
  expect(await server.sql(LOCKS)).toBe('');
});

test('takes a slot that becomes free, and records the wait in the facts', async () => {
  const letGo = await holdSlot(1);
  const begun = dump(server, { env: { THROTTLE_SLOTS: '1' } });
  await new Promise((settle) => setTimeout(settle, 1500));
  await letGo();
  const done = await begun;
  expect(done).toMatchObject({ status: 0 });
  const { throttle } = factsOf(done) as { throttle: { waitedSeconds: number } };
  expect(throttle.waitedSeconds).toBeGreaterThanOrEqual(1);
  expect(done.stderr).toContain('waiting up to 20s');
});

test('with two slots, at most two of four concurrent dumps run', async () => {
  const standIns = { pg_dump: real('pg_dump', `[ "$1" = --version ] || { psql -XAtc "${LOCKS}" postgres >>"$WORK_DIR/seen"; sleep 0.3; }`) };
  const all = await Promise.all([1, 2, 3, 4].map(() => dump(server, { env: { THROTTLE_SLOTS: '2' }, standIns })));
  expect(all.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
  for (const { work } of all) expect(seenIn(work)).toEqual([expect.stringMatching(/^(1|2|1,2)$/)]);
});

test('a killed pod frees its slot', async () => {
  const standIns = { pg_dump: real('pg_dump', '[ "$1" = --version ] || { kill -KILL -$PPID; exec sleep 60; }') };
  expect((await dump(server, { standIns })).status).toBe(null);
  await until('no lock is left', async () => (await server.sql(LOCKS)) === '');
});

test('logs a lost slot, and finishes the dump', async () => {
  const end = `select pg_terminate_backend(pid) from pg_stat_activity where application_name like '%throttle'`;
  const admin = `PGUSER=postgres PGPASSWORD=${server.env.PGPASSWORD} psql -XAtc "${end}" postgres >/dev/null`;
  const done = await dump(server, { standIns: { pg_dump: real('pg_dump', `[ "$1" = --version ] || ${admin}`) } });
  expect(done).toMatchObject({ status: 0 });
  expect(done.stderr).toMatch(/warn .*lost the throttle session/);
  expect(factsOf(done)).toMatchObject({ throttle: { held: false } });
});

test('a missing or closed throttle database suggests throttleDatabase', async () => {
  const missing = await dump(server, { env: { THROTTLE_DATABASE: 'nowhere' } });
  expect(missing).toMatchObject({ status: 64, out: [], lastWords: { reason: expect.stringContaining('database "nowhere" does not exist') } });
  expect(missing.lastWords?.hint).toContain('throttleDatabase:');

  await server.sql('create database closed');
  await server.sql('revoke connect on database closed from public');
  const closed = await dump(server, { env: { THROTTLE_DATABASE: 'closed' } });
  expect(closed).toMatchObject({ status: 77, out: [], lastWords: { reason: expect.stringContaining('permission denied for database "closed"') } });
  expect(closed.lastWords?.hint).toContain('throttleDatabase:');
});

function seenIn(work: string): readonly string[] {
  return readFileSync(join(work, 'seen'), 'utf8').trimEnd().split('\n');
}
