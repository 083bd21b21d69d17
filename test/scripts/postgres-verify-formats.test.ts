import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PostgresMajor } from '../../lib/sources/postgres/images.ts';
import { makeRole } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { fact, fetched, queries, real, taken, type Verified, verify } from '../support/verify-database.ts';

/** Each format and compression of each major at least once. */
const FORMATS: Readonly<Record<PostgresMajor, readonly (readonly [format: string, compression: string])[]>> = {
  14: [
    ['custom', 'gzip'],
    ['custom', 'none'],
    ['plain', 'gzip'],
    ['plain', 'none'],
  ],
  15: [['custom', 'gzip']],
  16: [
    ['custom', 'zstd'],
    ['plain', 'gzip'],
  ],
  17: [
    ['custom', 'gzip'],
    ['plain', 'zstd'],
    ['plain', 'none'],
  ],
  18: [
    ['custom', 'zstd'],
    ['plain', 'zstd'],
  ],
};

/** What needs more than a database around it: owners that must be superusers, tablespaces, a member that reads by its group. */
const AROUND = `
  create role keeper superuser nologin;
  create role readers nologin;
  create role viewer nologin in role readers;
  grant usage, create on schema public to viewer, readers, "other, too";
  alter role viewer set session_preload_libraries = 'not_there';
  create table seen as select n from generate_series(1, 5) n;
  grant select on seen to readers;
  set role viewer; create materialized view watched as select count(*) from public.seen; reset role;
  create function started() returns event_trigger language plpgsql as $$begin raise 'an event trigger ran'; end$$;
  create event trigger first on ddl_command_end when tag in ('CREATE EXTENSION') execute function started();
  alter event trigger first owner to keeper;
  create publication everything for all tables;
  create subscription copied connection 'host=203.0.113.1 dbname=nobody' publication p with (connect = false, slot_name = 'kept');
  set allow_in_place_tablespaces = on;
  create tablespace "fast one" owner keeper location '';
  create table on_fast (id int primary key) tablespace "fast one";`;

describe.each([14, 15, 16, 17, 18] as const)('PostgreSQL %i', (major) => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres(major);
    await makeRole(server);
    await server.sql('create database shop');
    // Before 15, the owner of a database had nothing else that lets him into the schema public.
    await server.sql(readFileSync('test/support/awkward.sql', 'utf8').replace(/^revoke all on schema public.*$/m, ''), 'shop');
    await server.sql(AROUND, 'shop');
  });

  afterAll(() => server?.stop());

  const wanted = queries(
    ['select count(*), count(distinct tags) from "Größe; drop ""x"" – ß".customers', '502|500'],
    ['select sum(n) from generate_series(1, (select count from watched)) n', '15'],
    ["select rolname from pg_roles r join pg_class c on c.relowner = r.oid where relname = 'customers'", 'shop owner'],
    [
      "select string_agg(grantee::regrole::text, ',' order by grantee::regrole::text) from pg_class, aclexplode(relacl) where relname = 'seen' and privilege_type = 'SELECT'",
      'postgres,readers',
    ],
    ["select evtowner::regrole from pg_event_trigger where evtname = 'first'", 'keeper'],
    [`select last_value from "Größe; drop ""x"" – ß".orders_id_seq`, '4711'],
    ['select count(*), sum(length(lo_get(oid))) from pg_largeobject_metadata', '3|210000'],
  );

  test.each(FORMATS[major])('restores %s with compression %s with its owners and privileges', async (format, compression) => {
    const backup = await taken(server, { env: { DUMP_FORMAT: format, COMPRESSION: compression, COMPRESSION_LEVEL: '' } });
    const done = await verify(server, { work: fetched(backup, { stored: moveTablespaces }), env: { ...wanted, AMCHECK: 'true' } });
    expect(errorsOf(done)).toEqual([]);
    expect(done).toMatchObject({ status: 0, record: { checks: { queries: 7, largeObjects: 3, amcheck: 'passed' } } });
  });

  test('without globals, it creates the roles and tablespaces that the dump needs', async () => {
    for (const format of ['custom', 'plain']) {
      const backup = await taken(server, { env: { DUMP_FORMAT: format, COMPRESSION: 'gzip', GLOBALS: 'none' } });
      const done = await verify(server, { work: fetched(backup), env: wanted });
      expect(errorsOf(done)).toEqual([]);
      expect(done.status).toBe(0);
    }
  });

  test('a subscription that a superuser dumped is restored disabled, or not at all', async () => {
    for (const [format, answer] of [
      ['plain', 'f'],
      ['custom', ''],
    ] as const) {
      const backup = await taken(server, { env: { ...server.env, DUMP_FORMAT: format, COMPRESSION: 'none' } });
      const done = await verify(server, { work: fetched(backup), env: queries(['select subenabled from pg_subscription', answer]) });
      expect(errorsOf(done)).toEqual([]);
    }
  });
});

describe('a partial database', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres(17);
    await makeRole(server);
    await server.sql('create database shop');
    await server.tool('psql', ['-X', '-q', '--set=ON_ERROR_STOP=1', '--file=test/support/awkward.sql', 'shop']);
  });

  afterAll(() => server?.stop());

  test.each([
    ['custom', { INCLUDE_TABLES: '*.customers\nsecret.*' }, 2],
    ['plain', { INCLUDE_TABLES: '*.customers\nsecret.*' }, 2],
    ['custom', { INCLUDE_SCHEMAS: 'secret' }, 1],
    ['custom', { INCLUDE_SCHEMAS: 'public\nsecret' }, 1],
    ['plain', { INCLUDE_SCHEMAS: 'public\nsecret' }, 1],
    ['custom', { EXCLUDE_SCHEMAS: 'secret' }, 8],
    ['plain', { EXCLUDE_TABLE_DATA: '*.orders' }, 9],
  ])('loads %s with %j without comparing counts', async (format, filters, tables) => {
    const env: Readonly<Record<string, string>> = { DUMP_FORMAT: format, ...filters };
    const done = await verify(server, { work: fetched(await taken(server, { env })) });
    // The functions that a chosen table uses are not chosen with it.
    if ('INCLUDE_TABLES' in filters) expect(done.lastWords).toMatchObject({ status: 65, reason: expect.stringContaining('mood" does not exist') });
    else expect(done).toMatchObject({ lastWords: { status: 0 }, record: { checks: { tables } } });
  });

  test('fewer tables, large objects and extensions than in the manifest are failures, one of many is a note', async () => {
    const backup = await taken(server);
    const less = (lines: string) => fact('database.tables', '11')(fact('database.largeObjects', '4')(lines)).replace('hstore', 'ltree');
    const done = await verify(server, { work: fetched(backup, { facts: less }) });
    expect(done.stderr).toContain('error assert: the backup has 9 of 11 tables\n');
    expect(done.stderr).toContain('error assert: the backup has 3 of 4 large objects\n');
    expect(done.stderr).toContain('error assert: the extension ltree was not restored\n');
    expect(done).toMatchObject({ status: 65, lastWords: { reason: 'the backup has 9 of 11 tables, and 2 more' } });
    await server.sql('create table many (id int) partition by range (id)', 'shop');
    await server.sql(
      `select format('create table many_%s partition of many for values from (%s) to (%s)', n, n, n + 1) from generate_series(1, 20) n \\gexec`,
      'shop',
    );
    const large = await taken(server);
    const one = await verify(server, { work: fetched(large, { facts: fact('database.tables', '31') }) });
    expect(one).toMatchObject({
      status: 0,
      record: { checks: { tables: 30, notes: expect.arrayContaining(['30 tables were restored, 31 were counted before the dump']) } },
    });
  });

  test('a database without tables is a failure if the manifest counted one', async () => {
    await server.sql('create database bare');
    const backup = await taken(server, { env: { DATABASE: 'bare' } });
    const good = await verify(server, { work: fetched(backup), env: { DATABASE: 'bare' } });
    expect(good).toMatchObject({ status: 0, record: { checks: { tables: 0 } } });
    const bad = await verify(server, { work: fetched(backup, { facts: fact('database.tables', '1') }), env: { DATABASE: 'bare' } });
    expect(bad).toMatchObject({ status: 65, lastWords: { reason: 'the backup has 0 of 1 tables' } });
  });

  // Pitfalls P22, P23.
  test('verifies a database with any name, and one that initdb creates too', async () => {
    const odd = `it's = "a\\b" $(id) %s –ü`;
    await server.sql(`create database "${odd.replaceAll('"', '""')}"; `);
    for (const name of [odd, 'postgres']) {
      const backup = await taken(server, { env: { DATABASE: name } });
      const done = await verify(server, {
        work: fetched(backup),
        env: { DATABASE: name, AMCHECK: 'true', ...queries(['select current_database()', name]) },
      });
      expect(done).toMatchObject({ lastWords: { status: 0 }, record: { checks: { amcheck: 'passed' } } });
    }
  });

  test('the copy has the encoding and the locale of the backup, or the record names another', async () => {
    await server.sql(`create database latin template template0 encoding 'LATIN1' locale 'C'`);
    const around = `create role "größe" nologin; create table "Größe" (t text); insert into "Größe" values ('ß'); alter table "Größe" owner to "größe"`;
    await server.sql(around, 'latin', { PGCLIENTENCODING: 'UTF8' });
    const ask = queries(['select encode(t::bytea, $$hex$$) from "Größe"', 'df']);
    for (const GLOBALS of ['none', 'without-passwords']) {
      const latin = await taken(server, { env: { DATABASE: 'latin', GLOBALS } });
      const done = await verify(server, { work: fetched(latin), env: { DATABASE: 'latin', PGCLIENTENCODING: 'UTF8', ...ask } });
      expect(done).toMatchObject({ lastWords: { status: 0 }, record: { checks: { locale: 'C' } } });
      const facts = (lines: string) => fact('database.collation', 'de_DE.ISO-8859-1')(fact('database.ctype', 'de_DE.ISO-8859-1')(lines));
      const other = await verify(server, { work: fetched(latin, { facts }), env: { DATABASE: 'latin', PGCLIENTENCODING: 'UTF8', ...ask } });
      expect(other).toMatchObject({ status: 0, record: { checks: { locale: 'C for de_DE.ISO-8859-1' } } });
    }
    // Names in another encoding than UTF-8 keep pg_dumpall from dumping in a session with any other database.
    await server.sql('drop table "Größe"; drop role "größe"', 'latin', { PGCLIENTENCODING: 'UTF8' });
    await server.sql(`create database builtin template template0 locale_provider builtin builtin_locale 'C.UTF-8'`);
    const builtin = await taken(server, { env: { DATABASE: 'builtin' } });
    const ofProvider = queries(['select datlocprovider, datlocale from pg_database where datname = current_database()', 'b|C.UTF-8']);
    expect(await verify(server, { work: fetched(builtin), env: { DATABASE: 'builtin', ...ofProvider } })).toMatchObject({ status: 0 });
  });

  test('notes an index, a view and a constraint that were invalid in the dumped database', async () => {
    await server.sql('create database odd');
    await server.sql(
      `create table p (id int) partition by range (id); create table p1 partition of p for values from (1) to (2); create index half on only p (id);
       alter table p1 add constraint maybe check (id > 0) not valid; create materialized view empty as select 1 with no data`,
      'odd',
    );
    const done = await verify(server, { work: fetched(await taken(server, { env: { DATABASE: 'odd' } })), env: { DATABASE: 'odd' } });
    expect(done.record?.checks).toMatchObject({
      notes: ['the constraint maybe of p1 is not validated', 'the index public.half is not valid', 'the materialized view public.empty has no data'],
    });
  });

  test('corruption that amcheck finds is the reason; an image without amcheck is recorded', async () => {
    const backup = await taken(server);
    const env = { AMCHECK: 'true' };
    const found = { pg_amcheck: `echo 'btree index "shop.public.i":'; echo '    ERROR:  item order invariant violated for index "i"'; exit 2` };
    const bad = await verify(server, { work: fetched(backup), env, standIns: found });
    expect(bad).toMatchObject({
      status: 65,
      lastWords: { reason: expect.stringMatching(/^pg_amcheck found corruption: .*item order invariant violated/) },
    });
    const none = { psql: real('psql', 'case "$*" in */amcheck.sql*) exit 0 ;; esac') };
    const without = await verify(server, { work: fetched(backup), env, standIns: none });
    expect(without).toMatchObject({ status: 0, record: { checks: { amcheck: 'not available' } } });
  });
});

/** What the log says went wrong. */
function errorsOf({ stderr }: Verified): readonly string[] {
  return stderr.split('\n').filter((line) => / error /.test(line));
}

/** Where production has its tablespaces, this server has nothing. */
function moveTablespaces(folder: string): void {
  const globals = join(folder, readdirSync(folder).find((name) => name.includes('+globals')) ?? '');
  const text = readFileSync(globals, 'utf8');
  expect(text).toMatch(/^CREATE TABLESPACE "fast one" .*LOCATION/m);
  writeFileSync(globals, text.replace(/^(CREATE TABLESPACE .* LOCATION ).*;$/gm, "$1'/mnt/it''s';"));
}
