import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dump, factsOf, makeRole, NAME, real, sessionsOf, until } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { SHELLS } from '../support/run-script.ts';

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres(17);
  await makeRole(server);
  await server.sql('create database shop');
  await server.sql('create table t as select n, md5(n::text) from generate_series(1, 1000) n', 'shop');
});

afterAll(() => server?.stop());

/** Where a run can be killed: a tool, and which of its calls. Together all steps that start something. */
const STEPS: readonly (readonly [string, string, string])[] = [
  ['waiting for the server', 'psql', '*--command=select*'],
  ['asking for its version', 'psql', '*/server.sql'],
  ['looking for row-level security', 'psql', '*/row-security.sql'],
  ['looking for what is unreadable', 'psql', '*/unreadable.sql'],
  ['looking at the database', 'psql', '*/database.sql'],
  ['counting its tables', 'psql', '*/tables.sql'],
  ["opening the throttle's session", 'psql', "*dbname='postgres'*count=4"],
  ['dumping', 'pg_dump', '*--file=*'],
  ['dumping globals', 'pg_dumpall', '*'],
  ['hashing', 'sha256sum', '*'],
  ['reading the dump to its end', 'pg_restore', '*--file=*'],
  ['listing it', 'pg_restore', '*--list*'],
  ['moving it to its place', 'mv', '*/out/*.dump'],
  ['moving the globals to their place', 'mv', '*/out/*globals.sql'],
  ['writing the sums', 'mv', '*/facts/*.sums'],
];

/** A stand-in that signals the script at one of its calls, and would go on for a minute; only mv is over in no time. */
function killing(signal: 'TERM' | 'KILL', tool: string, call: string): Record<string, string> {
  const goOn = tool === 'mv' ? '' : '; exec sleep 60';
  return {
    [tool]: real(tool, `case "$*" in ${call.replaceAll(/[' ]/g, '\\$&')}) kill -${signal} ${signal === 'KILL' ? '-' : ''}$PPID${goOn} ;; esac`),
  };
}

async function expectNothingLeft(work: string): Promise<void> {
  expect(existsSync(join(work, 'facts', 'postgres.json'))).toBe(false);
  await until('the server has no session of ours', async () => (await sessionsOf(server)).length === 0);
}

/** Steps that take another way through the shell: a query, a background session, a subshell, a status that counts. */
const FEW = STEPS.filter(([step]) =>
  ['asking for its version', "opening the throttle's session", 'dumping', 'reading the dump to its end'].includes(step),
);

/** Steps between which the files come to count. */
const LAST = STEPS.filter(([, tool]) => tool === 'pg_dump' || tool === 'mv');

describe.each(SHELLS)('under %s', (name, shell) => {
  test.each(name === 'dash' ? STEPS : FEW)('TERM while %s ends the run at once with a message, and leaves nothing', async (_step, tool, call) => {
    const began = Date.now();
    const done = await dump(server, { shell, standIns: killing('TERM', tool, call) });
    expect(Date.now() - began).toBeLessThan(15_000);
    expect(done).toMatchObject({ status: 70, out: [], lastWords: { status: 70, reason: expect.stringContaining('stopped by TERM') } });
    expect(existsSync(join(done.work, 'tmp', 'postgres'))).toBe(false);
    await expectNothingLeft(done.work);
  });
});

test.each(LAST)(
  'KILL while %s leaves nothing that counts as a backup, and the next attempt in the same scratch space succeeds',
  async (_step, tool, call) => {
    const killed = await dump(server, { standIns: killing('KILL', tool, call) });
    expect(killed.status).toBe(null);
    await expectNothingLeft(killed.work);
    const again = await dump(server, { work: killed.work });
    expect(again).toMatchObject({ status: 0, out: [`${NAME}+globals.sql`, `${NAME}.dump`] });
    expect(factsOf(again)).toMatchObject({ throttle: { slot: 1 } });
  },
);

test('TERM during pg_dump ends its server session too, even while it waits for a lock', async () => {
  const locker = server.sql('begin; lock table t; select pg_sleep(20)', 'shop').catch(() => 'ended');
  await until(
    'locked',
    async () => (await server.sql(`select 1 from pg_locks where mode = 'AccessExclusiveLock' and pid <> pg_backend_pid()`)) !== '',
  );
  const waits = async () =>
    (await server.sql(`select 1 from pg_stat_activity where application_name = 'backstay/test/shop' and query like 'LOCK TABLE%'`)) !== '';
  // The sizes of the tables are asked for under the same lock: that one is skipped here.
  const standIns = { psql: real('psql', 'case "$*" in */tables.sql) echo "1|1000"; exit ;; esac') };
  let ended: number | undefined;
  const done = await dump(server, {
    env: { LOCK_WAIT_SECONDS: '60' },
    standIns,
    started: async (pid) => {
      await until('pg_dump waits', waits);
      ended = Date.now();
      process.kill(pid, 'SIGTERM');
    },
  });
  expect(Date.now() - (ended ?? 0)).toBeLessThan(10_000);
  expect(done).toMatchObject({ status: 70, out: [] });
  await expectNothingLeft(done.work);
  await server.sql(`select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(20)%' and pid <> pg_backend_pid()`);
  await locker;
});
