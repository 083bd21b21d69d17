import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeRole } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type Outcome, SHELLS } from '../support/run-script.ts';
import { fetched, processesOf, queries, taken, type Verified, verify } from '../support/verify-database.ts';

const SCHEMA = '"Größe; drop ""x"" – ß"';
const PLAIN_NAME = 'Größe; drop "x" – ß';

let server: PostgresServer;
let backup: Outcome;

beforeAll(async () => {
  server = await startPostgres(17);
  await makeRole(server);
  await server.sql('create database shop');
  await server.tool('psql', ['-X', '-q', '--set=ON_ERROR_STOP=1', '--file=test/support/awkward.sql', 'shop']);
  await server.sql(
    `create table public.orders as select n as id, timestamptz '2026-11-21 07:33:20Z' - n * interval '1 hour' as placed from generate_series(1, 100) n;
     create table "My Table" (id int, "At" timestamp);
     insert into "My Table" values (1, '2026-11-21 07:00'), (2, '2999-01-01');`,
    'shop',
  );
  backup = await taken(server);
});

afterAll(() => server?.stop());

const asked = (env: Readonly<Record<string, string>>, more: object = {}): Promise<Verified> =>
  verify(server, { work: fetched(backup), env, ...more });

describe.each(SHELLS)('under %s', (_, shell) => {
  test('restores and checks a database with everything that dumps get wrong, and records the result', async () => {
    const done = await asked(
      {
        ASSERT_TABLES: `public.orders\n${PLAIN_NAME}.customers`,
        ASSERT_ROWS: '100 public.orders\n1 secret."only mine"',
        ASSERT_FRESH: '3660 public.orders placed',
        AMCHECK: 'true',
        ...queries(['select count(*) from orders', '100'], ['select 1, null; select $$a\nb$$', '1|\na\nb']),
      },
      { shell },
    );
    expect(done).toMatchObject({
      status: 0,
      stdout: '',
      lastWords: { phase: 'facts', status: 0, reason: expect.stringMatching(/^database shop restored into PostgreSQL 17\.\d+ and checked$/) },
    });
    expect(done.record).toEqual({
      name: 'postgres',
      kind: 'postgres',
      method: 'dump',
      seconds: expect.any(Number),
      server: expect.stringMatching(/^17\.\d+$/),
      checks: {
        tables: 11,
        largeObjects: 3,
        extensions: 3,
        rows: { 'public.orders': 100, 'secret."only mine"': 50 },
        fresh: { 'public.orders placed': expect.any(Number) },
        queries: 2,
        amcheck: 'passed',
        assertions: 7,
        locale: 'C.UTF-8',
        notes: [`the materialized view ${SCHEMA}.not_yet has no data`],
      },
    });
    expectNothingLeft(done);
  });

  test('runs every check, and reports every failure at once', async () => {
    const done = await asked(
      {
        ASSERT_TABLES: 'public.customers\npublic.orders\nno such "name',
        ASSERT_ROWS: '101 public.orders\n1 public.nothing',
        ASSERT_FRESH: '3599 public.orders placed\n5 public.orders id\n5 public.orders nowhere',
        ...queries(['select count(*) from orders', '99'], ['select 1/0', ''], ['delete from orders', '']),
      },
      { shell },
    );
    expect(failuresOf(done)).toEqual([
      'there is no table public.customers',
      'there is no table no such "name',
      'public.orders has 100 rows, expected at least 101',
      'there is no table public.nothing',
      expect.stringMatching(/^the newest placed of public.orders is 36\d\d seconds older than the backup, expected at most 3599$/),
      expect.stringMatching(/^cannot determine the age of id in public.orders: .*integer/),
      'public.orders has no column nowhere with a time before the backup',
      "query 1 (select count(*) from orders) returned '100', expected '99'",
      expect.stringMatching(/^query 2 \(select 1\/0\) failed: .*division by zero/),
      expect.stringMatching(/^query 3 \(delete from orders\) failed: .*read-only transaction/),
    ]);
    expect(done).toMatchObject({
      status: 65,
      lastWords: {
        phase: 'assert',
        status: 65,
        reason: 'there is no table public.customers, and 9 more',
        hint: 'see the log for every failed check; the backup itself was restored without errors',
      },
    });
    expectNothingLeft(done);
  });
});

test('finds a table by its verbatim name, or as SQL reads it', async () => {
  const done = await asked({
    ASSERT_TABLES: [
      'PUBLIC.Orders',
      'public.My Table',
      'public."My Table"',
      'orders',
      `${SCHEMA}."line\nbreak"`.split('\n')[0],
      `${SCHEMA}.totals`,
    ].join('\n'),
  });
  expect(failuresOf(done)).toHaveLength(1);
  expect(done.lastWords?.reason).toMatch(/^there is no table "Größe.*"line/);
});

test('future times do not count as fresh, and column names may have capitals', async () => {
  const fresh = await asked({ ASSERT_FRESH: '2060 public."My Table" At' });
  expect(fresh.status).toBe(0);
  const stale = await asked({ ASSERT_FRESH: '1999 public."My Table" At' });
  expect(failuresOf(stale)).toEqual([expect.stringMatching(/^the newest At of public."My Table" is 20\d\d seconds older/)]);
});

test('a query can be any text, and its whole answer counts', async () => {
  const done = await asked(
    queries(
      ['select 7 -- of them;', '7'],
      ['select 7;\n\n', '7\n'],
      [`select '$(id) \`id\` "' || E'\\'*?[x] \\\\' || ' :name %s é'`, `$(id) \`id\` "'*?[x] \\ :name %s é`],
      ['select null', ''],
      ["select ' a '", ' a '],
      ['select generate_series(1, 2)', '1'],
      ["select ' 1'", '1'],
      ['\\! touch /tmp/hacked', ''],
      ["set local statement_timeout = '1s'; select pg_sleep(60)", ''],
    ),
  );
  expect(failuresOf(done)).toEqual([
    "query 6 (select generate_series(1, 2)) returned '1 2', expected '1'",
    "query 7 (select ' 1') returned ' 1', expected '1'",
    expect.stringMatching(/^query 8 \(\\! touch .*\) failed: .*syntax error/),
    expect.stringMatching(/^query 9 .* failed: .*statement timeout/),
  ]);
});

test.each<[string, Readonly<Record<string, string>>, string]>([
  ['rows without a number', { ASSERT_ROWS: 'many public.orders' }, "must begin with a whole number, got 'many'"],
  ['a number without a table', { ASSERT_FRESH: '5' }, "expected a table after the number '5'"],
  ['no count of queries', { ASSERT_QUERY_COUNT: '' }, "ASSERT_QUERY_COUNT must be a whole number, got ''"],
  ['no part', { PART: '' }, 'not set or empty: PART'],
])('%s: refused before anything is done', async (_, env, reason) => {
  const done = await asked(env);
  expect(done).toMatchObject({ status: 64, lastWords: { status: 64, reason: expect.stringContaining(reason) } });
  expect(done.record).toBeUndefined();
});

/** What the log names as failed checks. */
function failuresOf({ stderr }: Verified): readonly string[] {
  const lines = stderr.split('\n').flatMap((line) => / error assert: (.*)$/.exec(line)?.[1] ?? []);
  return lines.slice(0, -1);
}

/** No server, no data: what was fetched, and the record of a success. */
function expectNothingLeft({ work, status }: Verified): void {
  expect(readdirSync(join(work, 'tmp')).filter((name) => !/^d[fu]$/.test(name))).toEqual([]);
  expect(processesOf(work)).toEqual([]);
  expect(existsSync(join(work, 'verified', 'postgres.json'))).toBe(status === 0);
}
