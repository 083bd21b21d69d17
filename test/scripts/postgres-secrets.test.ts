import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeRole } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { fetched as fetchedForRestore, restore, take } from '../support/restore-database.ts';
import { type Outcome, SHELLS } from '../support/run-script.ts';
import { artifactIn, fetched, queries, taken, verify } from '../support/verify-database.ts';

/** What nobody may read who only looks at a log. */
const SECRET = 'hunter2';

/** What is only so where it was dumped: under its own name, and over the network. */
const AT_HOME = `current_database() in ('row', 'mapping') and inet_server_addr() is not null`;
const ROW = `create table people (email text primary key, note text, check (${AT_HOME})); insert into people values ('${SECRET}@example.org', E'a\\n${SECRET}')`;
const MAPPING = `
  create function judge(options text[], kind oid) returns void language plpgsql as $$ begin
    if kind = 'pg_user_mapping'::regclass and not (${AT_HOME}) then raise exception 'no: %', options; end if;
  end $$;
  create foreign data wrapper w validator judge; create server far foreign data wrapper w;
  create user mapping for postgres server far options (password '${SECRET}')`;

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres(17);
  await makeRole(server);
  await server.sql('create database row');
  await server.sql(ROW, 'row');
  await server.sql('create database mapping');
  await server.sql(MAPPING, 'mapping');
});

afterAll(() => server?.stop());

/** Everything that leaves the pod. */
const saidBy = (done: Outcome) => done.stderr + JSON.stringify(done.lastWords);

const FAILURES = [
  ['row', 'custom', 'people', /new row for relation "people" violates check constraint "people_check"/],
  ['row', 'plain', 'people', /new row for relation "people" violates check constraint "people_check"/],
  ['mapping', 'custom', 'far', /\(left out\)/],
  ['mapping', 'plain', 'judge', /\(left out\)/],
] as const;

describe('a dump that fails', () => {
  test.each(FAILURES)('on a %s of format %s tells a restore where, and not what was in it', async (database, format, name, reason) => {
    const dumped = await take(server, { DATABASE: database, DUMP_FORMAT: format });
    const done = await restore(server, fetchedForRestore(dumped), { env: { DATABASE: database } });
    expect(done).toMatchObject({ status: 65, lastWords: { reason: expect.stringMatching(reason) } });
    expect(done.stderr).toContain(name);
    expect(saidBy(done)).not.toContain(SECRET);
  });

  test.each(FAILURES)('on a %s of format %s tells a verification the same', async (database, format, name, reason) => {
    const backup = await taken(server, { env: { ...server.env, DATABASE: database, DUMP_FORMAT: format } });
    const done = await verify(server, { work: fetched(backup), env: { DATABASE: database } });
    expect(done).toMatchObject({ status: 65, lastWords: { reason: expect.stringMatching(reason) } });
    expect(done.stderr).toContain(name);
    expect(saidBy(done)).not.toContain(SECRET);
  });

  test.each([
    [
      'a value of another type',
      `create table n (n int);\nCOPY n (n) FROM stdin;\n${SECRET}\n\\.\n`,
      'invalid input syntax for type integer: (left out)',
    ],
    [
      'a key that is there',
      `create table k (k text primary key);\nCOPY k (k) FROM stdin;\n${SECRET}\n${SECRET}\n\\.\n`,
      'duplicate key value violates',
    ],
    ['half a statement', `create role x password '${SECRET}' bad;\n`, 'unrecognized role option'],
    [
      'a subscription',
      `create subscription s connection 'host=h ${SECRET}' publication p with (connect = false);\n`,
      'invalid connection string syntax: (left out)',
    ],
  ])('on %s keeps it to itself', async (_, text, reason) => {
    const backup = await taken(server, { env: { ...server.env, DATABASE: 'row', DUMP_FORMAT: 'plain', COMPRESSION: 'none' } });
    const stored = (folder: string) => writeFileSync(artifactIn(folder), `${text}\n-- PostgreSQL database dump complete\n`);
    const done = await verify(server, { work: fetched(backup, { stored }), env: { DATABASE: 'row' } });
    expect(done).toMatchObject({ status: 65, lastWords: { reason: expect.stringContaining(reason) } });
    expect(saidBy(done)).not.toContain(SECRET);
  });
});

test('a query of an assertion that fails on a row does not show it', async () => {
  await server.sql('create database fine');
  await server.sql(`create table t as select '${SECRET}' as text`, 'fine');
  const backup = await taken(server, { env: { ...server.env, DATABASE: 'fine' } });
  const done = await verify(server, { work: fetched(backup), env: { DATABASE: 'fine', ...queries(['select text::int from t', '1']) } });
  expect(done).toMatchObject({ status: 65, lastWords: { reason: expect.stringContaining('for type integer: (left out)') } });
  expect(saidBy(done)).not.toContain(SECRET);
});

describe.each(SHELLS)("what is left of a tool's words under %s", (_, shell) => {
  /** As the scripts would log it. */
  function left(text: string): string {
    const file = join(mkdtempSync(join(tmpdir(), 'words-')), 'err');
    writeFileSync(file, text);
    return execFileSync(shell[0] ?? 'sh', [...shell.slice(1), '-c', '. scripts/postgres.sh; said_in "$1"', 'sh', file], {
      encoding: 'utf8',
    }).trimEnd();
  }

  test.each([
    [
      'pg_restore: error: COPY failed for table "t": ERROR:  invalid input syntax for type integer: "s"\nCONTEXT:  COPY t, line 3, column n: "s"',
      'pg_restore: error: COPY failed for table "t": ERROR:  invalid input syntax for type integer: (left out)\nCONTEXT:  COPY t, line 3, column n: (left out)',
    ],
    [
      'ERROR:  duplicate key value violates unique constraint "k"\nDETAIL:  Key (lower(mail), n)=(s, line 3, t) already exists.\nCONTEXT:  COPY t, line 2: "s, line 5"',
      'ERROR:  duplicate key value violates unique constraint "k"\nDETAIL:  Key (lower(mail), n)=(left out)\nCONTEXT:  COPY t, line 2: (left out)',
    ],
    ['ERROR:  x\nDETAIL:  Key (a)=(s\npassword: s\n) is not present in table "t".', 'ERROR:  x\nDETAIL:  Key (a)=(left out)'],
    [
      'ERROR:  must be owner\nDETAIL:  Only roles with the ADMIN option on role "x" may grant it.',
      'ERROR:  must be owner\nDETAIL:  Only roles with the ADMIN option on role "x" may grant it.',
    ],
    [
      "pg_restore: error: could not execute query: ERROR:  no\nCommand was: CREATE USER MAPPING FOR u SERVER f OPTIONS (\n    password 's'\n);\n\npg_restore: warning: x",
      'pg_restore: error: could not execute query: ERROR:  no\nCommand was: CREATE USER MAPPING FOR u SERVER f OPTIONS (\npg_restore: warning: x',
    ],
    ["Command was: ALTER ROLE r PASSWORD 's';", 'Command was: ALTER ROLE r PASSWORD (left out)'],
    [
      'psql:/tmp/text:1: ERROR:  syntax error at or near "s"\nLINE 1: create role x password s\n                 ^',
      'psql:/tmp/text:1: ERROR:  syntax error at or near (left out)\nLINE 1: (left out)',
    ],
    ['ERROR:  value "9999999999" is out of range for type integer', 'ERROR:  value (left out)'],
    [
      'ERROR:  my own words s\nCONTEXT:  PL/pgSQL function f() line 2 at RAISE\nSQL statement "insert s"',
      'ERROR:  (left out)\nCONTEXT:  PL/pgSQL function f() line 2 at RAISE',
    ],
    [
      'ERROR:  invalid locale name: "xx_YY.UTF-8"\nHINT:  If the locale name is specific, use "x".',
      'ERROR:  invalid locale name: "xx_YY.UTF-8"\nHINT:  If the locale name is specific, use (left out)',
    ],
    [
      '2026-11-21 07:33:20.123 UTC [7] ERROR:  no\n2026-11-21 07:33:20.123 UTC [7] STATEMENT:  s\n2026-11-21 07:33:20.123 UTC [7] DETAIL:  Failed process was running: s',
      '2026-11-21 07:33:20.123 UTC [7] ERROR:  no\n2026-11-21 07:33:20.123 UTC [7] STATEMENT:  (left out)\n2026-11-21 07:33:20.123 UTC [7] DETAIL:  (left out)',
    ],
    [
      'psql: error: connection to server at "h" failed: Connection refused\n\tIs the server running?',
      'psql: error: connection to server at "h" failed: Connection refused\n\tIs the server running?',
    ],
    ['/in/x.sql.zst : Decoding error (36)', '/in/x.sql.zst : Decoding error (36)'],
  ])('%j', (text, expected) => {
    expect(left(`${text}\n`)).toBe(expected);
  });
});
