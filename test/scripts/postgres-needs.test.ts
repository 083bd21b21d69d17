import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseManifest, strictManifest } from '../../lib/model/manifest.ts';
import { POSTGRES_MAJORS } from '../../lib/sources/postgres/images.ts';
import { dump, factsOf, makeRole, NAME } from '../support/dump.ts';
import { FLAT } from '../support/flat-scripts.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type Dumped, restore, take } from '../support/restore-database.ts';
import type { Outcome } from '../support/run-script.ts';
import { fetched, taken, verify } from '../support/verify-database.ts';

const ROLES = String.raw`
  create role "own table"; create role "own ""view"""; create role "back\slash"; create role "it's"; create role "Größe"; create role "tab	and
line"; create role o_function; create role o_schema; create role o_type; create role o_domain; create role o_fdw; create role o_server; create role o_event superuser;
  create role o_publication superuser; create role o_object; create role o_dictionary; create role o_operator; create role o_public; create role o_language superuser;
  create role g_table; create role g_column; create role g_function; create role g_schema; create role g_default; create role d_owner; create role g_object;
  create role g_public; create role g_again; create role g_catalog; create role g_member; create role p_policy; create role u_mapping; create role g_database; create role s_database;
  create role system_owner; create role temporary; create role extends superuser; create role bystander;
  set allow_in_place_tablespaces = on; create tablespace "fast one" location ''; create tablespace indexes location ''; create tablespace unused location '';
  create tablespace "of database" location '';`;

const CONTENT = String.raw`
  create table "t 1" (a int, b int); alter table "t 1" owner to "own table"; create view v as select 1 as one; alter view v owner to "own ""view""";
  create schema s authorization o_schema; create sequence s.q; alter sequence s.q owner to "back\slash"; create materialized view m as select 1 as one;
  alter materialized view m owner to "it's"; create type mood as enum ('a'); alter type mood owner to o_type; create type pair as (a int); alter type pair owner to "Größe";
  create domain d as int; alter domain d owner to o_domain; create function f() returns int language sql as 'select 1'; alter function f() owner to o_function;
  create function e() returns event_trigger language plpgsql as $$begin end$$; create event trigger e on ddl_command_end execute function e(); alter event trigger e owner to o_event;
  create foreign data wrapper w; alter foreign data wrapper w owner to o_event; create server far foreign data wrapper w; alter server far owner to o_server;
  grant usage on foreign data wrapper w to o_server; create publication p; alter publication p owner to o_publication;
  select lo_create(4711); alter large object 4711 owner to o_object; grant select on large object 4711 to g_object;
  create text search dictionary dict (template = simple); alter text search dictionary dict owner to o_dictionary;
  create operator === (leftarg = int, rightarg = int, function = int4eq); alter operator === (int, int) owner to o_operator;
  create statistics st on a, b from "t 1"; alter statistics st owner to "tab	and
line"; create trusted language other handler plpgsql_call_handler; alter language other owner to o_language;
  grant select on "t 1" to g_table with grant option; set role g_table; grant select on "t 1" to g_again; reset role;
  revoke insert on v from "own ""view"""; grant select (a) on "t 1" to g_column; grant execute on function f() to g_function; grant usage on schema s to g_schema, pg_monitor;
  alter default privileges for role d_owner in schema s grant select on tables to g_default; grant create on schema public to g_public;
  grant execute on function pg_catalog.pg_stat_reset() to g_catalog; create policy p on "t 1" to p_policy using (true);
  create user mapping for u_mapping server far; create user mapping for postgres server far;
  set role extends; create extension pg_trgm; create extension pg_stat_statements; reset role; grant execute on function similarity(text, text) to g_member;
  grant temporary on database shop to g_database; alter role s_database in database shop set work_mem = '5MB';
  create table on_fast (n int) tablespace "fast one"; create index on on_fast (n) tablespace indexes; create table split (n int) partition by range (n) tablespace "fast one";
  create temporary table gone (n int) tablespace unused; alter table gone owner to temporary`;

/** Where the catalog and the dump differ: what pg_dump leaves to another object, to an extension, or to initdb. */
const EDGE_ROLES = `
  create role o_split; create role o_split_by; create role g_language; create role g_identity; create role g_serial; create role g_row;
  create role p_member; create role p_kept; create role u_member; create role u_kept; create role created_extension superuser;
  set allow_in_place_tablespaces = on; create tablespace of_member location ''; create tablespace of_member_index location ''; create tablespace kept location '';`;

const EDGES = `
  drop schema public cascade; create schema public; alter schema public owner to o_public;
  create table split (a int, b int) partition by range (a); alter table split owner to o_split;
  create table split_by (a int) partition by hash ((a + 1)); alter table split_by owner to o_split_by;
  grant usage on language sql to g_language;
  create table numbered (a int generated always as identity, b serial); grant usage on sequence numbered_a_seq to g_identity; grant usage on sequence numbered_b_seq to g_serial;
  create table wide (a int); grant usage on type wide to g_row; create view narrow as select 1 as one; grant usage on type narrow to g_row; create policy p on wide to p_kept using (true);
  create table wide_kept (a int) tablespace kept;
  create extension pg_trgm; create table member (a int) tablespace of_member; create index on member (a) tablespace of_member_index; create policy p on member to p_member using (true);
  alter extension pg_trgm add table member; create foreign data wrapper w; create server far foreign data wrapper w; create user mapping for u_member server far;
  create server near foreign data wrapper w; create user mapping for u_kept server near; alter extension pg_trgm add foreign data wrapper w; alter extension pg_trgm add server far;
  set role created_extension; create extension pg_stat_statements; reset role;
  reassign owned by created_extension to postgres; drop owned by created_extension; drop role created_extension;
  -- as pg_upgrade brings it from 16 to newer servers
  update pg_init_privs set initprivs = initprivs || makeaclitem(99999, 10, 'SELECT', false) where objoid = 'pg_stat_statements'::regclass`;

describe.each(POSTGRES_MAJORS)('on PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let done: Outcome;

  beforeAll(async () => {
    server = await startPostgres(major);
    await makeRole(server);
    await server.sql(ROLES);
    await server.sql('create database shop owner system_owner tablespace "of database"');
    await server.sql(CONTENT, 'shop');
    await server.sql('alter schema public owner to o_public', 'shop');
    done = await dump(server, { env: major < 16 ? { COMPRESSION: 'gzip' } : {} });
  });

  afterAll(() => server?.stop());

  test('the catalog lists the roles that the statements of the dump name, and no others', async () => {
    expect(done.lastWords?.reason).toBe('database shop dumped and read to its end');
    const { roles } = factsOf(done) as { roles: Record<string, readonly string[]> };
    expect({ owners: roles.owners, grantees: roles.grantees, grantors: roles.grantors, others: roles.others }).toEqual(
      await rolesOfStatements(server, done),
    );
    expect(roles.others).toEqual(['p_policy', 'postgres', 'u_mapping']);
    expect(roles.grantors).toEqual(['g_table']);
    expect(factsOf(done).tablespaces).toEqual(['fast one', 'indexes']);
    expect(strictManifest.shape.parts.safeParse([factsOf(done)]).error).toBeUndefined();
    expect(roles.database).toEqual(['g_database', 's_database', 'system_owner']);
  });

  test('the catalog lists no roles and tablespaces that the dump leaves to another object, an extension or initdb', async () => {
    await server.sql(EDGE_ROLES);
    await server.sql('create database edges');
    await server.sql(EDGES, 'edges');
    const edges = await dump(server, { env: { DATABASE: 'edges', ...(major < 16 ? { COMPRESSION: 'gzip' } : {}) } });
    const { roles, tablespaces } = factsOf(edges) as { roles: Record<string, readonly string[]>; tablespaces: readonly string[] };
    const { owners, grantees, grantors, others } = roles;
    expect({ owners, grantees, grantors, others }).toEqual(await rolesOfStatements(server, edges));
    expect(owners).toEqual([...(major < 15 ? [] : ['o_public']), 'o_split', 'o_split_by', 'postgres']);
    const granted = [...(major < 15 ? [] : ['g_identity']), 'g_serial'];
    // Before 17, a dropped role remains in pg_init_privs, and the dump names it by its oid.
    expect(grantees).toEqual(major < 17 ? [expect.stringMatching(/^[0-9]+$/), '99999', ...granted, 'postgres'] : ['99999', ...granted]);
    expect(others).toEqual(['p_kept', 'u_kept']);
    expect(tablespaces).toEqual(['kept']);
  });
});

describe('the lists of the manifest', () => {
  let server: PostgresServer;
  let bare: PostgresServer;
  let whole: Dumped;

  beforeAll(async () => {
    [server, bare] = await Promise.all([startPostgres(17), startPostgres(17)]);
    await makeRole(server);
    await server.sql(String.raw`create role "back\slash"; create role "it's ""one"""; create role reader; create role elsewhere`);
    await server.sql('create database shop');
    await server.sql(
      String.raw`create table t (n int); alter table t owner to "back\slash"; grant select on t to "it's ""one"""; create policy p on t to reader;
        create schema s; create table s.u (n int); alter table s.u owner to elsewhere`,
      'shop',
    );
    whole = await take(server);
  });

  afterAll(() => Promise.all([server?.stop(), bare?.stop()]));

  const CREATE_ROLE = 'create the role before a restore, or restore with globals: missing-roles, or with owner: none and privileges: none';
  const LACKS = /^the server lacks roles that the dump names: back\\slash, elsewhere, it's "one", reader$/;
  const phantom = ({ facts, ...rest }: Dumped): Dumped => ({
    ...rest,
    facts: { ...facts, roles: { ...(facts.roles as object), owners: ['phantom'] } },
  });
  const older = ({ facts: { roles, tablespaces, ...facts }, ...rest }: Dumped): Dumped => ({ ...rest, facts });

  test.each(['custom', 'plain'])('decide what a restore of a whole %s dump needs', async (DUMP_FORMAT) => {
    const dumped = await take(server, { DUMP_FORMAT });
    expect((await restore(bare, dumped)).lastWords?.reason).toMatch(LACKS);
    expect((await restore(server, phantom(dumped))).lastWords?.reason).toBe('the server lacks roles that the dump names: phantom');
    expect((await restore(server, dumped, { env: { TARGET_DATABASE: DUMP_FORMAT } })).lastWords).toMatchObject({ status: 0 });
  });

  test('do not hold up a restore of a part, whose roles are those of its statements', async () => {
    const schema = await restore(server, phantom(whole), { env: { INCLUDE_SCHEMAS: 's', TARGET_DATABASE: 'part' } });
    expect(schema.lastWords).toMatchObject({ status: 0 });
    const filtered = await take(server, { INCLUDE_TABLES: 's.u' });
    expect(filtered.facts).toMatchObject({ roles: { owners: expect.arrayContaining(['back\\slash']) } });
    expect((await restore(server, phantom(filtered), { env: { TARGET_DATABASE: 'filtered' } })).lastWords).toMatchObject({ status: 0 });
    expect((await restore(bare, filtered)).lastWords?.reason).toBe('the server lacks roles that the dump names: elsewhere');
  });

  test.each(['custom', 'plain'])('are not needed: without them the statements of a %s dump name the same roles', async (DUMP_FORMAT) => {
    const dumped = older(await take(server, { DUMP_FORMAT }));
    expect((await restore(bare, dumped)).lastWords?.reason).toMatch(LACKS);
    expect((await restore(server, dumped, { env: { TARGET_DATABASE: `old_${DUMP_FORMAT}` } })).lastWords).toMatchObject({ status: 0 });
  });

  test('are missing from the backup that the first version stored, which restores with the roles of its globals', async () => {
    const folder = 'test/fixtures/stored-v1/prod/shop/daily';
    const manifest = parseManifest(readFileSync(join(folder, '20261121-073320-bcdfpqrs.manifest.json'), 'utf8'));
    const first = { files: folder, facts: manifest.parts[0] as Record<string, unknown>, backup: manifest.name };
    expect(first.facts).not.toHaveProperty('roles');
    expect((await restore(bare, first)).lastWords?.reason).toMatch(/^the server lacks roles that the dump names: app/);
    const done = await restore(bare, first, { env: { RESTORE_GLOBALS: 'missing-roles', TARGET_DATABASE: 'first' } });
    expect(done.lastWords).toMatchObject({ status: 0 });
    expect(await bare.sql(`select distinct tableowner from pg_tables where schemaname = 'public'`, 'first')).toBe('app');
  });

  test.each(['custom', 'plain'])(
    'give a verification of a %s dump without globals its roles; older manifests have them in the dump',
    async (DUMP_FORMAT) => {
      const backup = await taken(server, { env: { DUMP_FORMAT, GLOBALS: 'none' } });
      const verified = (facts?: (lines: string) => string) => verify(server, { work: fetched(backup, { facts }) });
      expect((await verified()).lastWords).toMatchObject({ status: 0 });
      expect((await verified((lines) => lines.replace(/^(roles|tablespaces).*\n/gm, ''))).lastWords).toMatchObject({ status: 0 });
      const less = await verified((lines) => lines.replace(/^(roles\.\w+\.\d+\t).*slash$/gm, '$1other'));
      expect(less.lastWords).toMatchObject({ status: 64, reason: expect.stringMatching(/role "back\\slash" does not exist/), hint: CREATE_ROLE });
    },
  );

  test.each(['custom', 'plain'])('are not to blame if rows of a %s dump name a role that the server lacks', async (DUMP_FORMAT) => {
    await server.sql('create role named_in_row');
    await server.sql('create database rows');
    await server.sql(`create table r (who regrole); insert into r values ('named_in_row')`, 'rows');
    const dumped = await take(server, { DUMP_FORMAT, DATABASE: 'rows' });
    const backup = await taken(server, { env: { DUMP_FORMAT, DATABASE: 'rows', GLOBALS: 'none' } });
    await server.sql('drop database rows');
    await server.sql('drop role named_in_row');
    const refused = { status: 64, reason: expect.stringMatching(/^cannot load the dump: .*role "named_in_row" does not exist$/), hint: CREATE_ROLE };
    expect((await restore(server, dumped, { env: { TARGET_DATABASE: `rows_${DUMP_FORMAT}` } })).lastWords).toMatchObject(refused);
    expect((await verify(server, { work: fetched(backup) })).lastWords).toMatchObject(refused);
  });

  test('are left out, with a warning, where a name is not valid in the encoding of the database', async () => {
    await server.sql(`create database bytes template template0 encoding 'SQL_ASCII' locale 'C'`);
    await server.sql(
      String.raw`do $$ begin execute format('create role %I', convert_from('\x6df6'::bytea, 'SQL_ASCII')); end $$;
        create table t (n int); do $$ begin execute format('alter table t owner to %I', convert_from('\x6df6'::bytea, 'SQL_ASCII')); end $$`,
      'bytes',
    );
    const done = await dump(server, { env: { DATABASE: 'bytes', GLOBALS: 'none' } });
    expect(done.stderr).toContain(
      'warn take: the manifest does not list roles and tablespaces: a name is not valid in the encoding of database bytes\n',
    );
    expect(done.lastWords).toMatchObject({ status: 0 });
    expect(factsOf(done)).not.toHaveProperty('roles');
    expect(strictManifest.shape.parts.safeParse([factsOf(done)]).error).toBeUndefined();
    await server.sql(`drop table t; do $$ begin execute format('drop role %I', convert_from('\\x6df6'::bytea, 'SQL_ASCII')); end $$`, 'bytes');
  });
});

/** What the tokenizer finds in the SQL of the dump, in the order of the facts. */
async function rolesOfStatements(server: PostgresServer, { work }: Outcome): Promise<Record<string, readonly string[]>> {
  const file = join(mkdtempSync(join(tmpdir(), 'named-')), 'definitions.sql');
  writeFileSync(file, await server.tool('pg_restore', ['--no-subscriptions', '--file=-', join(work, 'out', `${NAME}.dump`)]));
  const named = execFileSync('dash', ['-c', `. ${FLAT}/postgres-statements.sh; named_in "$1"`, 'dash', file], { encoding: 'utf8' });
  const lines = named.split('\n').map((line) => line.split('\t'));
  const unescaped = (name: string) => name.replace(/\\(.)/g, (_, letter) => ({ n: '\n', t: '\t' })[letter as string] ?? letter);
  const of = (kind: string) => [...new Set(lines.filter(([word]) => word === kind).map(([, name = '']) => unescaped(name)))].sort();
  return { owners: of('owner'), grantees: of('grantee'), grantors: of('acts'), others: of('role') };
}
