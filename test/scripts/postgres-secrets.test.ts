import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeRole } from '../support/dump.ts';
import { FLAT } from '../support/flat-scripts.ts';
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
  test.each(FAILURES)('on a %s of format %s tells a restore where, but not which data', async (database, format, name, reason) => {
    const dumped = await take(server, { DATABASE: database, DUMP_FORMAT: format });
    const done = await restore(server, fetchedForRestore(dumped), { env: { DATABASE: database } });
    expect(done).toMatchObject({ status: 65, lastWords: { reason: expect.stringMatching(reason) } });
    expect(done.stderr).toContain(name);
    expect(saidBy(done)).not.toContain(SECRET);
  });

  test.each(FAILURES)('on a %s of format %s tells a verification where, but not which data', async (database, format, name, reason) => {
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
  ])('on %s does not show the data', async (_, text, reason) => {
    const backup = await taken(server, { env: { ...server.env, DATABASE: 'row', DUMP_FORMAT: 'plain', COMPRESSION: 'none' } });
    const stored = (folder: string) => writeFileSync(artifactIn(folder), `${text}\n-- PostgreSQL database dump complete\n`);
    const done = await verify(server, { work: fetched(backup, { stored }), env: { DATABASE: 'row' } });
    expect(done).toMatchObject({ status: 65, lastWords: { reason: expect.stringContaining(reason) } });
    expect(saidBy(done)).not.toContain(SECRET);
  });
});

// pg_restore shows no warnings of the server, and a dump asks for no notices.
test('a function that raises messages while a plain dump loads appears in the log without their text', async () => {
  await server.sql('create database speaks');
  await server.sql(
    `create table people (email text); insert into people values ('${SECRET}@example.org');
     create function speak(text) returns text immutable language plpgsql as $$ begin
       raise warning 'the customer %', $1 using detail = 'There is ' || $1, hint = $1; raise info '%', $1; return $1;
     end $$;
     create index on people (speak(email)); create publication all_of_it for all tables`,
    'speaks',
  );
  const dumped = await take(server, { DATABASE: 'speaks', DUMP_FORMAT: 'plain' });
  const done = await restore(server, fetchedForRestore(dumped), { env: { DATABASE: 'speaks' } });
  expect(done.status).toBe(0);
  expect(done.stderr).toContain(': WARNING:  (left out)');
  expect(done.stderr).toContain(': INFO:  (left out)');
  expect(done.stderr).toContain(': WARNING:  "wal_level" is insufficient to publish logical changes');
  expect(saidBy(done)).not.toContain(SECRET);
});

test('shows our own error when the rehearsal of a swap fails', async () => {
  await server.sql('create database replaced');
  await server.sql(`update pg_database set datacl = '{postgres=CTc/postgres,backstay=c/postgres,backstay=c/postgres}' where datname = 'replaced'`);
  const dumped = await take(server, { DATABASE: 'postgres' });
  const done = await restore(server, fetchedForRestore(dumped), { env: { DATABASE: 'postgres', IN_PLACE: 'true', TARGET_DATABASE: 'replaced' } });
  expect(done.lastWords?.reason).toContain('the grants of the database did not become the same');
});

test('a failing query of an assertion does not show its row', async () => {
  await server.sql('create database fine');
  await server.sql(`create table t as select '${SECRET}' as text`, 'fine');
  const backup = await taken(server, { env: { ...server.env, DATABASE: 'fine' } });
  const done = await verify(server, { work: fetched(backup), env: { DATABASE: 'fine', ...queries(['select text::int from t', '1']) } });
  expect(done).toMatchObject({ status: 65, lastWords: { reason: expect.stringContaining('for type integer: (left out)') } });
  expect(saidBy(done)).not.toContain(SECRET);
});

/** BusyBox' shell takes its own awk, whatever is on PATH. */
const AWKS = [...SHELLS.map(([name, shell]) => [name, shell, 'awk'] as const), ['dash and busybox awk', ['dash'], 'busybox awk'] as const];

test('drops every line of a multi-line message from the log of a lost server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lost-'));
  const line = (text: string) => `2026-11-21 07:33:20.123 UTC [7] ${text}\n`;
  writeFileSync(join(folder, 'server.log'), line(`ERROR:  no\n\t${SECRET}`) + line('PANIC:  could not write\n\tthe file') + line('LOG:  it ended'));
  const stubs = 'TMP=$1 FAULT=1 NO_ROOM=1; log() { echo "$2"; }; die() { exit 0; }';
  const run = `. ${FLAT}/postgres-redact.sh; . ${FLAT}/postgres-throwaway.sh; ${stubs}; lost_server it`;
  expect(execFileSync('sh', ['-c', run, 'sh', folder], { encoding: 'utf8' })).toBe(line('PANIC:  could not write'));
});

describe.each(AWKS)('redacted messages under %s', (_, shell, awk) => {
  const bin = mkdtempSync(join(tmpdir(), 'awk-'));
  if (awk !== 'awk') writeFileSync(join(bin, 'awk'), `#!/bin/sh\nexec ${awk} "$@"\n`, { mode: 0o755 });

  /** As a function of the scripts has it. */
  function heard(text: string | Buffer, as: 'said_in' | 'reason_in'): Buffer {
    const file = join(mkdtempSync(join(tmpdir(), 'words-')), 'err');
    writeFileSync(file, text);
    return execFileSync(shell[0] ?? 'sh', [...shell.slice(1), '-c', `. ${FLAT}/postgres-redact.sh; ${as} "$1"`, 'sh', file], {
      env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
    });
  }

  /** As the scripts would log it. */
  const left = (text: string) => heard(text, 'said_in').toString().trimEnd();
  const reason = (text: string) => heard(text, 'reason_in').toString().trimEnd();

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
    [
      'ERROR:  my own words s\nDETAIL:  There is s.\nHINT:  Take s.\nCONTEXT:  PL/pgSQL function f() line 2 at ASSERT',
      'ERROR:  (left out)\nDETAIL:  (left out)\nHINT:  (left out)\nCONTEXT:  PL/pgSQL function f() line 2 at ASSERT',
    ],
    ['ERROR:  s at line 1.\nCONTEXT:  PL/Perl function "f"', 'ERROR:  (left out)\nCONTEXT:  PL/Perl function "f"'],
    [
      'ERROR:  relation "t" does not exist\nCONTEXT:  SQL function "norm_key" during inlining',
      'ERROR:  relation "t" does not exist\nCONTEXT:  SQL function "norm_key" during inlining',
    ],
    [
      'ERROR:  division by zero\nCONTEXT:  SQL function "f" statement 12\nSQL statement "s"',
      'ERROR:  division by zero\nCONTEXT:  SQL function "f" statement 12',
    ],
    ['ERROR:  no\nCONTEXT:  SQL function "f" says s statement 1', 'ERROR:  no\nCONTEXT:  (left out)'],
    [
      "pg_restore: error: could not execute query: ERROR:  must be owner of extension plpgsql\nCommand was: COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language';",
      'pg_restore: error: could not execute query: ERROR:  must be owner of extension plpgsql\nCommand was: COMMENT ON EXTENSION plpgsql IS (left out)',
    ],
    ['ERROR:  function g() does not exist\nLINE 1: select g() -- PL/pgSQL', 'ERROR:  function g() does not exist\nLINE 1: (left out)'],
    ['LOG:  received fast shutdown request', 'LOG:  received fast shutdown request'],
    ['pg_dump: detail:   t', 'pg_dump: detail:   t'],
  ])('%j', (text, expected) => {
    expect(left(`${text}\n`)).toBe(expected);
  });

  const OURS = 'ERROR:  the grants of the database did not become the same\nCONTEXT:  PL/pgSQL function inline_code_block line 12 at RAISE';

  test('shows what our own block raises', () => {
    expect(left(`psql:/tmp/swap.sql:9: ${OURS}\n`)).toBe(`psql:/tmp/swap.sql:9: ${OURS}`);
    expect(reason(`psql:/tmp/swap.sql:9: ${OURS}\n`)).toBe('ERROR:  the grants of the database did not become the same');
  });

  test.each([
    ['that a function runs', `${OURS}\nSQL statement "do"\nPL/pgSQL function f() line 1 at EXECUTE`],
    ['of an assertion', 'ERROR:  s\nCONTEXT:  PL/pgSQL function inline_code_block line 1 at RAISE'],
  ])('redacts what a block %s raises', (_, text) => {
    expect(left(text)).toMatch(/^ERROR: {2}\(left out\)\n/);
  });

  test.each([
    ['WARNING:  there is no transaction in progress', 'WARNING:  there is no transaction in progress'],
    [
      'WARNING:  wal_level is insufficient to publish logical changes\nHINT:  Set wal_level to "logical".',
      'WARNING:  wal_level is insufficient to publish logical changes\nHINT:  Set wal_level to (left out)',
    ],
    ['WARNING:  "wal_level" is insufficient to publish logical changes', 'WARNING:  "wal_level" is insufficient to publish logical changes'],
    [
      'WARNING:  database "s" has a collation version mismatch\nDETAIL:  The database was created using collation version 2.31, but the operating system provides version 2.36.',
      'WARNING:  database (left out) has a collation version mismatch\nDETAIL:  The database was created using collation version 2.31, but the operating system provides version 2.36.',
    ],
    ['WARNING:  no privileges were granted for "s"', 'WARNING:  no privileges were granted for (left out)'],
    ['WARNING:  skipping "s" --- only superuser can analyze it', 'WARNING:  skipping (left out) --- only superuser can analyze it'],
    ['WARNING:  permission denied to analyze "s", skipping it', 'WARNING:  permission denied to analyze (left out), skipping it'],
    ['NOTICE:  schema "s" already exists, skipping', 'NOTICE:  schema (left out) already exists, skipping'],
    ['NOTICE:  customer "s" already exists, skipping', 'NOTICE:  (left out)'],
    ['WARNING:  there is no transaction in progress for s', 'WARNING:  (left out)'],
    ['WARNING:  s\ns\nDETAIL:  There is s.\nHINT:  Take s.', 'WARNING:  (left out)\nDETAIL:  (left out)\nHINT:  (left out)'],
    ['INFO:  s', 'INFO:  (left out)'],
  ])('of a message that is not an error, %j', (text, expected) => {
    expect(left(`psql:/tmp/text:3: ${text}\n`)).toBe(`psql:/tmp/text:3: ${expected}`);
    expect(left(`${text}\n`)).toBe(expected);
  });

  describe('in another language', () => {
    test.each([
      [
        'psql:/tmp/text:8: FEHLER:  ungültige Eingabesyntax für Typ integer: »geheim-1«\nKONTEXT:  COPY kunden, Zeile 1, Spalte nr: »geheim-2«',
        'psql:/tmp/text:8: FEHLER:  ungültige Eingabesyntax für Typ integer: (left out)',
      ],
      [
        'psql:/tmp/text:8: FEHLER:  ungültige Eingabesyntax für Typ integer: »geheim ERROR:  geheim«\nCONTEXT:  COPY kunden, Zeile 1, Spalte nr: »geheim-1, line 7, column x: geheim«',
        'psql:/tmp/text:8: FEHLER:  ungültige Eingabesyntax für Typ integer: (left out)\nCONTEXT:  (left out)',
      ],
      [
        "psql:/tmp/text:9: ERREUR:  la valeur d'une clé dupliquée rompt la contrainte unique « k »\nDÉTAIL : La clé (mail)=(anna@geheim) existe déjà.\nCONTEXTE : COPY k, ligne 1",
        "psql:/tmp/text:9: ERREUR:  la valeur d'une clé dupliquée rompt la contrainte unique (left out)",
      ],
      [
        'psql:/tmp/text:9: ERREUR:  non\nDETAIL:  La clé « (mail)=(geheim) » existe déjà.\nHINT:  Essayez geheim.\nLINE 1: geheim\n        ^',
        'psql:/tmp/text:9: ERREUR:  non\nDETAIL:  (left out)\nHINT:  (left out)\nLINE 1: (left out)',
      ],
      [
        'psql:/tmp/text:8: ERROR:  el valor «geheim» está fuera de rango\nDETAIL:  Ya existe la llave (mail)=(geheim).',
        'psql:/tmp/text:8: ERROR:  el valor (left out)\nDETAIL:  (left out)',
      ],
      ['ERROR:  値"geheim"は型integerの範囲外です', 'ERROR:  値(left out)'],
      ['psql:/tmp/text:8: ОШИБКА:  значение "geheim" вне диапазона', 'psql:/tmp/text:8: ОШИБКА:  значение (left out)'],
      [
        "pg_restore: error: could not execute query: FEHLER:  Rolle »geheim« gibt es nicht\nCommand was: ALTER ROLE r PASSWORD 'geheim';\n\nFEHLER:  nochmal „geheim“",
        'pg_restore: error: could not execute query: FEHLER:  Rolle (left out)\nCommand was: ALTER ROLE r PASSWORD (left out)\nFEHLER:  nochmal (left out)',
      ],
      ['pg_restore: error: COPY failed for table "t": VEA:  ‘geheim’', 'pg_restore: error: COPY failed for table "t": VEA:  (left out)'],
      ['psql:/tmp/text:8: WARNUNG:  kunde geheim', 'psql:/tmp/text:8: WARNUNG:  (left out)'],
      ['HINWEIS:  kunde geheim\nHINWEIS:  kunde geheim', 'HINWEIS:  (left out)'],
      ['ERREUR:  geheim\nCONTEXT:  fonction PL/pgSQL f(), ligne 1 à RAISE', 'ERREUR:  (left out)\nCONTEXT:  (left out)'],
      ['错误:  geheim\nCONTEXT:  在f()的第1行的PL/pgSQL函数inline_code_block', '错误:  (left out)\nCONTEXT:  (left out)'],
      [
        'connection to server at "h" (10.0.0.1), port 5432 failed: FATAL:  Datenbank »geheim« existiert nicht',
        'connection to server at "h" (10.0.0.1), port 5432 failed: FATAL:  Datenbank (left out)',
      ],
      ['ERROR:  permission denied for table kündigung', 'ERROR:  permission denied for table kündigung'],
    ])('%j', (text, expected) => {
      expect(left(`${text}\n`)).toBe(expected);
    });

    test('where quotes are single bytes', () => {
      const latin = Buffer.from('FEHLER:  ungültige Eingabesyntax für Typ integer: »geheim«\n', 'latin1');
      expect(heard(latin, 'said_in').toString('latin1')).toBe('FEHLER:  ungültige Eingabesyntax für Typ integer:(left out)\n');
    });

    test.each([
      [
        'psql:/tmp/x.sql:1: WARNUNG:  keine\npsql:/tmp/x.sql:8: FEHLER:  ungültig: »geheim«\nCONTEXT:  COPY kunden, Zeile 1: »geheim«',
        'FEHLER:  ungültig: (left out)',
      ],
      ['pg_restore: error: could not execute query: ERREUR:  non « geheim »\nCommand was: x', 'could not execute query: ERREUR:  non (left out)'],
    ])('the reason of %j is its error', (text, expected) => {
      expect(reason(`${text}\n`)).toBe(expected);
    });
  });
});
