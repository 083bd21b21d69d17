import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { contentOf } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type Dumped, databases, fetched, IN_PLACE, restore, stateOf, take } from '../support/restore-database.ts';

let server: PostgresServer;
let dumped: Dumped;

const CONTENT = `
  create extension hstore; create schema "Odd ""one"" – ß"; create schema other;
  create table parents (id int primary key, name text);
  create table children (id serial primary key, parent int references parents, tags hstore);
  alter table children add constraint named foreign key (id) references parents deferrable initially deferred;
  comment on constraint named on children is 'gone with it';
  create index on children (parent);
  insert into parents select n, 'p' || n from generate_series(1, 30) n;
  insert into children (parent, tags) select n, hstore('n', n::text) from generate_series(1, 20) n;
  create table "Odd ""one"" – ß"."a table; drop" ("b c" int); insert into "Odd ""one"" – ß"."a table; drop" values (1), (2);
  create table other."a table" (n int); insert into other."a table" values (7);
  create table other.parents (n int); insert into other.parents values (8), (9);
  create table events (at date) partition by range (at); create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
  insert into events values ('2025-05-05');
  create materialized view summed as select count(*) from children;
  create function note() returns trigger language plpgsql as $$begin raise 'no triggers here'; end$$;
  select lo_from_bytea(4711, 'x')`;

beforeAll(async () => {
  server = await startPostgres(17);
  await server.sql('create database shop');
  await server.sql(CONTENT, 'shop');
  dumped = await take(server);
});

afterAll(() => server?.stop());

afterEach(async () => {
  const names = await server.sql(`select quote_ident(datname) from pg_database where datname not in ('postgres', 'template0', 'template1', 'shop')`);
  for (const name of names.split('\n').filter(Boolean)) await server.sql(`drop database ${name} with (force)`);
});

const BESIDE = 'shop_restored_r1';

/** Rows of every table, one line each. */
const rows = (database: string) =>
  server.sql(
    `select format('select %L, count(*) from %s', c.oid::regclass, c.oid::regclass) from pg_class c
     where relkind = 'r' and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) order by 1 \\gexec`,
    database,
  );

test('only: schema restores all definitions and no rows', async () => {
  expect((await restore(server, dumped, { env: { ONLY: 'schema' } })).status).toBe(0);
  const difference = (text: string) => text.replace(/^(SELECT pg_catalog\.lo_create|ALTER LARGE OBJECT|--).*$/gm, '').replace(/\n+/g, '\n');
  expect(difference(await contentOf(server, BESIDE, '--schema-only'))).toBe(difference(await contentOf(server, 'shop', '--schema-only')));
  expect(await rows(BESIDE)).not.toMatch(/\|[1-9]/);
});

test('tables: restores all definitions, rows of these tables only, and no foreign keys', async () => {
  const tables = 'children\npublic.events_2025\n"Odd ""one"" – ß"."a table; drop"\nother."a table"';
  const done = await restore(server, dumped, { env: { INCLUDE_TABLES: tables } });
  expect(done).toMatchObject({ status: 0 });
  expect((await rows(BESIDE)).split('\n').sort()).toEqual(
    ['"Odd ""one"" – ß"."a table; drop"|2', 'children|20', 'events_2025|1', 'other."a table"|1', 'other.parents|0', 'parents|0'].sort(),
  );
  expect(
    await server.sql(
      `select count(*) filter (where contype = 'f'), count(*) filter (where contype = 'p') from pg_constraint where connamespace = 'public'::regnamespace`,
      BESIDE,
    ),
  ).toBe('0|2');
  expect(await server.sql(`select count(*) from pg_indexes where tablename = 'children'`, BESIDE)).toBe('2');
  expect(await server.sql(`select relispopulated from pg_class where relname = 'summed'`, BESIDE)).toBe('f');
});

test('a table without a schema matches in every schema', async () => {
  expect((await restore(server, dumped, { env: { INCLUDE_TABLES: 'parents' } })).status).toBe(0);
  expect(await rows(BESIDE)).toContain('other.parents|2');
  expect(await rows(BESIDE)).toMatch(/^parents\|30$/m);
});

test('schemas: restores what is in them, and nothing of the others', async () => {
  expect((await restore(server, dumped, { env: { INCLUDE_SCHEMAS: 'other\n"Odd ""one"" – ß"' } })).status).toBe(0);
  expect((await rows(BESIDE)).split('\n').sort()).toEqual(['"Odd ""one"" – ß"."a table; drop"|2', 'other."a table"|1', 'other.parents|2'].sort());
});

test.each([
  [{ INCLUDE_TABLES: 'children\nchildern\nother.nothing' }, 'the dump has no table childern; the dump has no table other.nothing'],
  [{ INCLUDE_TABLES: 'CHILDREN\nevents' }, 'the table events has no rows of its own'],
  [{ INCLUDE_TABLES: '"Children"' }, 'the dump has no table "Children"'],
  [{ INCLUDE_SCHEMAS: 'othre' }, 'the dump has no schema othre'],
])('%j is refused: what matches nothing is a typing error', async (env, reason) => {
  const done = await restore(server, dumped, { env: env as unknown as Record<string, string> });
  expect(done).toMatchObject({ status: 64, lastWords: { reason: expect.stringContaining(reason) } });
  expect(await databases(server)).toBe('shop');
});

test('refuses to restore a part of a plain dump, with a hint', async () => {
  const plain = await take(server, { DUMP_FORMAT: 'plain' });
  for (const env of [{ INCLUDE_TABLES: 'children' }, { ONLY: 'schema' }, { OWNER: 'none' }] as Record<string, string>[]) {
    const done = await restore(server, plain, { env });
    expect(done).toMatchObject({ status: 64, lastWords: { hint: expect.stringContaining('format: custom') } });
  }
  expect(await databases(server)).toBe('shop');
});

test('settings and grants of the dumped database are restored under its new name', async () => {
  await server.sql(`create role guest; alter database shop set work_mem = '5MB'; alter database shop set "my.own" = E'it''s :"x" :y\n DATABASE shop SET';
    alter role guest in database shop set statement_timeout = '7s'; revoke temporary on database shop from public; grant connect on database shop to guest`);
  const own = await take(server);
  await server.sql('alter database shop reset all; grant temporary on database shop to public');
  expect(await restore(server, own, { env: { TARGET_DATABASE: 'Odd "db" – ß' } })).toMatchObject({ status: 0 });
  expect(
    await server.sql(
      `select pg_get_userbyid(setrole), setconfig from pg_db_role_setting join pg_database d on d.oid = setdatabase where datname like 'Odd%' order by 1`,
    ),
  ).toBe(`guest|{statement_timeout=7s}\nunknown (OID=0)|{work_mem=5MB,"my.own=it's :\\"x\\" :y\n DATABASE shop SET"}`);
  expect(await server.sql(`select datacl from pg_database where datname like 'Odd%'`)).toBe('{postgres=CTc/postgres,=c/postgres,guest=c/postgres}');
  await server.sql('alter role guest in database shop reset all; revoke connect on database shop from guest');
});

test('a backup of some tables is restored with the schemas and extensions that it needs', async () => {
  const some = await take(server, { INCLUDE_TABLES: 'public.children\nother."a table"' });
  const done = await restore(server, some);
  expect(done).toMatchObject({ status: 65, lastWords: { reason: expect.stringContaining('relation "public.parents" does not exist') } });
  const both = await take(server, { INCLUDE_TABLES: 'public.children\npublic.parents\nother."a table"' });
  expect(await restore(server, both)).toMatchObject({ status: 0 });
  expect((await rows(BESIDE)).split('\n').sort()).toEqual(['children|20', 'other."a table"|1', 'parents|30']);
});

describe('rows alone', () => {
  const INTO = { ONLY: 'data', TARGET_DATABASE: 'into' };

  async function prepared(): Promise<void> {
    await restore(server, dumped, { env: { ONLY: 'schema', TARGET_DATABASE: 'into' } });
  }

  test('load into existing empty tables; no trigger fires and the order of foreign keys does not matter', async () => {
    await prepared();
    await server.sql('create trigger note before insert on children for each row execute function note()', 'into');
    const done = await restore(server, fetched(dumped), { env: INTO });
    expect(done).toMatchObject({ status: 0 });
    expect(await rows('into')).toBe(await rows('shop'));
    expect(stateOf(done)).toBe('new');
    expect(await server.sql(`select nextval('children_id_seq')`, 'into')).toBe('21');
  });

  test('report missing tables and tables with rows, in every schema', async () => {
    await prepared();
    await server.sql(`drop table other.parents; insert into "Odd ""one"" – ß"."a table; drop" values (5); insert into parents values (1)`, 'into');
    const missing = await restore(server, dumped, { env: INTO });
    expect(missing).toMatchObject({ status: 64, lastWords: { reason: 'into lacks tables that the dump has rows for: other.parents' } });
    await server.sql('create table other.parents (n int)', 'into');
    const full = await restore(server, dumped, { env: INTO });
    expect(full).toMatchObject({ status: 64, lastWords: { reason: expect.stringContaining('tables of into are not empty: ') } });
    expect(full.lastWords?.reason).toContain('"Odd ""one"" – ß"."a table; drop"');
    expect(full.lastWords?.reason).toContain('public.parents');
    expect(await rows('into')).toMatch(/^children\|0$/m);
  });

  test('load in full or not at all', async () => {
    await prepared();
    await server.sql('alter table other.parents add check (n < 9)', 'into');
    const done = await restore(server, dumped, { env: INTO });
    expect(done).toMatchObject({ status: 65, lastWords: { reason: expect.stringContaining('violates check constraint') } });
    expect(await rows('into')).not.toMatch(/\|[1-9]/);
    expect(stateOf(done)).toBe('old');
  });

  test('load into some tables only', async () => {
    await prepared();
    await server.sql('insert into parents values (1)', 'into');
    expect((await restore(server, dumped, { env: { ...INTO, INCLUDE_TABLES: 'other."a table"' } })).status).toBe(0);
    expect(await rows('into')).toContain('other."a table"|1');
    expect(await rows('into')).toMatch(/^children\|0$/m);
  });
});

describe('a role that is not a superuser', () => {
  test('restores beside and in place, as a member of the owners', async () => {
    await server.sql(`create role app; create role admin login createdb password 'p' in role app; create database own owner app`);
    await server.sql(
      `create extension hstore; create extension pg_trgm; comment on extension hstore is 'x'; set role app; create table mine (n int, h hstore);
      insert into mine values (1, 'a=>1'); create schema s; create table s.also (n int)`,
      'own',
    );
    const own = await take(server, { DATABASE: 'own' });
    const as = { PGUSER: 'admin', PGPASSWORD: 'p', DATABASE: 'own' };
    const beside = await restore(server, own, { env: as });
    expect(beside).toMatchObject({ status: 0 });
    const text = async (name: string) => (await contentOf(server, name)).replace(/^(COMMENT ON EXTENSION|-- Name: EXTENSION).*$/gm, '');
    expect(await text('own_restored_r1')).toBe(await text('own'));
    await server.sql('drop database own_restored_r1');
    const done = await restore(server, own, { env: { ...as, ...IN_PLACE, TARGET_DATABASE: 'own' } });
    expect(done).toMatchObject({ status: 0 });
    expect(await server.sql(`select pg_get_userbyid(datdba) from pg_database where datname = 'own'`)).toBe('app');
    expect((await restore(server, fetched(own), { env: { ...as, TARGET_DATABASE: 'own', RESTORE_ACTION: 'drop-old' } })).status).toBe(0);
  });
});
