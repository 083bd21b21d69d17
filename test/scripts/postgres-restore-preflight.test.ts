import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { contentOf, real } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { BACKUP, type Dumped, databases, fetched, IN_PLACE, restore, stateOf, take } from '../support/restore-database.ts';
import { type Outcome, SHELLS } from '../support/run-script.ts';
import { postgresBin } from '../support/tools.ts';

let server: PostgresServer;
let other: PostgresServer;
let dumped: Dumped;
let plain: Dumped;

const SQL = `
  create role "role with blanks"; create role "quoted ""one"", too"; create role "line
break"; create role plainly; create role policied; create role defaulted; create role member in role plainly;
  create role bystander login; comment on role plainly is 'it''s';
  alter role plainly set search_path = 'a;b';`;
const CONTENT = `
  create table t as select n from generate_series(1, 100) n; alter table t owner to "role with blanks";
  create table "a b" (n int); alter table "a b" owner to "line
break"; grant select on t to "quoted ""one"", too" with grant option;
  create function f() returns text language plpgsql as $f$
begin
ALTER TABLE public.t OWNER TO nobody_at_all;
return 'x'; end $f$;
  comment on table t is E'\nALTER TABLE public.t OWNER TO nobody_either;\n';
  create policy p on t to policied using (true); alter default privileges for role defaulted grant select on tables to plainly;
  insert into "a b" values (1); create table texts (body text); insert into texts values ('ALTER TABLE public.t OWNER TO no_one;'), ('\\.');
  grant usage on schema public to member`;

beforeAll(async () => {
  [server, other] = await Promise.all([startPostgres(17), startPostgres(17)]);
  await server.sql(SQL);
  await server.sql('create database shop');
  await server.sql(CONTENT, 'shop');
  dumped = await take(server);
  plain = await take(server, { DUMP_FORMAT: 'plain' });
});

afterAll(() => Promise.all([server?.stop(), other?.stop()]));

afterEach(async () => {
  for (const one of [server, other]) {
    const names = await one.sql(`select quote_ident(datname) from pg_database where datname not in ('postgres', 'template0', 'template1', 'shop')`);
    for (const name of names.split('\n').filter(Boolean)) await one.sql(`drop database ${name} with (force)`);
  }
});

/** Nothing may have been made, and no data moved. */
function expectRefused(done: Outcome, status: number, reason: RegExp | string): void {
  expect(done.lastWords).toMatchObject({ status, reason: expect.stringMatching(reason) });
  expect(done).toMatchObject({ status, stdout: '' });
  expect(stateOf(done)).toBe('old');
  expect(existsSync(join(done.work, 'run', 'result-postgres.json'))).toBe(false);
  expect(existsSync(join(done.work, 'tmp', 'restore-postgres'))).toBe(false);
}

const ROLES = /lacks roles that the dump names: .*defaulted, line\\nbreak, member, plainly, policied, quoted "one", too, role with blanks$/;

describe('roles', () => {
  test.each([
    ['custom', () => dumped],
    ['plain', () => plain],
  ])('that a %s dump names and the server lacks are reported, and nothing that only looks like one', async (_, from) => {
    const done = await restore(other, from());
    expectRefused(done, 64, ROLES);
    expect(done.lastWords).toHaveProperty('hint', expect.stringContaining('owner: none'));
    expect(await databases(other)).toBe('');
  });

  test('are not needed if owners and grants are omitted', async () => {
    const done = await restore(other, dumped, { env: { OWNER: 'none', PRIVILEGES: 'none' } });
    expectRefused(done, 64, /^the server lacks roles that the dump names: policied$/);
    await other.sql('create role policied');
    const again = await restore(other, dumped, { env: { OWNER: 'none', PRIVILEGES: 'none' } });
    expect(again.status).toBe(0);
    const options = ['--no-owner', '--no-privileges'];
    expect(await contentOf(other, 'shop_restored_r1', ...options)).toBe(await contentOf(server, 'shop', ...options));
    await other.sql('drop database shop_restored_r1');
    await other.sql('drop role policied');
  });

  test('owner: role:NAME makes that role the owner of everything, and requires it', async () => {
    const env = { OWNER: 'role:new "owner"', PRIVILEGES: 'none' };
    expectRefused(await restore(other, dumped, { env }), 64, /lacks roles .*new "owner"/);
    await other.sql('create role "new ""owner"""; create role policied');
    expect((await restore(other, dumped, { env })).status).toBe(0);
    expect(
      await other.sql(`select distinct pg_get_userbyid(relowner) from pg_class where relnamespace = 'public'::regnamespace`, 'shop_restored_r1'),
    ).toBe('new "owner"');
    await other.sql('drop database shop_restored_r1');
    await other.sql('drop role "new ""owner""", policied');
  });

  // Pitfalls P10, P89.
  test('globals: missing-roles creates missing roles without passwords, and changes no existing one', async () => {
    await other.sql(`create role bystander nologin; create role plainly superuser`);
    const done = await restore(other, dumped, { env: { RESTORE_GLOBALS: 'missing-roles' } });
    expect(done).toMatchObject({ status: 0 });
    expect(done.stderr).toMatch(/created roles without passwords: .*member/);
    expect(await other.sql(`select rolname, rolcanlogin, rolsuper from pg_roles where rolname in ('bystander', 'plainly') order by 1`)).toBe(
      'bystander|f|f\nplainly|f|t',
    );
    expect(await other.sql(`select count(*) from pg_authid where rolpassword is not null and rolname <> 'postgres'`)).toBe('0');
    expect(await other.sql(`select pg_has_role('member', 'plainly', 'MEMBER')`)).toBe('t');
    expect(await contentOf(other, 'shop_restored_r1')).toBe(await contentOf(server, 'shop'));
  });
});

describe('the server', () => {
  test('refuses a client of another major', async () => {
    expectRefused(await restore(server, dumped, { path: [postgresBin(16)] }), 64, /this image has pg_dump 16\.\d+, but version: 17 is given/);
  });

  test('refuses a backup of a newer major, and names both', async () => {
    const facts = { ...dumped.facts, server: { version: '18.1', major: 18 } };
    expectRefused(await restore(server, { ...dumped, facts }), 64, /the backup is from PostgreSQL 18, the server is PostgreSQL 17\.\d+/);
  });

  test('reports missing extensions; another version is a warning', async () => {
    const database = {
      ...(dumped.facts.database as object),
      extensions: [
        { name: 'postgis', version: '3' },
        { name: 'hstore', version: '0.1' },
      ],
    };
    const done = await restore(server, { ...dumped, facts: { ...dumped.facts, database } });
    expectRefused(done, 64, /^the server has no extension postgis \(the backup has version 3\)$/);
    expect(done.stderr).toMatch(/warn .*extension hstore becomes version 1\.\d, the backup has 0\.1/);
  });

  test('reports a missing locale, and leaves nothing', async () => {
    const database = { ...(dumped.facts.database as object), collation: 'xx_YY.UTF-8' };
    const done = await restore(server, { ...dumped, facts: { ...dumped.facts, database } });
    expectRefused(done, 64, /cannot create a database like the dumped one: .*xx_YY\.UTF-8/);
    expect(await databases(server)).toBe('shop');
  });

  test('refuses at once a role that can neither create databases nor become the owner', async () => {
    await server.sql(`create role weak login password 'p'`);
    const done = await restore(server, dumped, { env: { PGUSER: 'weak', PGPASSWORD: 'p', PRIVILEGES: 'none' } });
    expectRefused(done, 77, /^the role weak cannot create databases; .*the role weak is not a member of "role with blanks"/);
    expect(done.lastWords).toHaveProperty('hint', expect.stringContaining('postgres-restore-role.sql'));
  });
});

describe('the target', () => {
  test('leaves an existing database alone', async () => {
    await server.sql('create database shop_restored_r1');
    const done = await restore(server, dumped);
    expectRefused(done, 64, 'the database shop_restored_r1 already exists and does not belong to this restore');
    expect(await databases(server)).toBe('shop\nshop_restored_r1');
  });

  test('leaves an existing database with the name of the new one alone in place', async () => {
    await server.sql('create database shop_restored_r1');
    await server.sql(`comment on database shop_restored_r1 is 'backstay restore r2 of ${BACKUP}: loading'`);
    expectRefused(await restore(server, dumped, { env: IN_PLACE }), 64, 'the database shop_restored_r1 already exists');
    expect(await databases(server)).toBe('shop\nshop_restored_r1');
  });

  test('in place, the database must exist', async () => {
    expectRefused(await restore(server, dumped, { env: { ...IN_PLACE, TARGET_DATABASE: 'shpo' } }), 64, 'there is no database shpo');
  });

  test.each(['postgres', 'template1'])('%s cannot be the target', async (name) => {
    expectRefused(await restore(server, dumped, { env: { ...IN_PLACE, TARGET_DATABASE: name } }), 64, `${name} cannot be the target`);
  });

  test.each(['INCLUDE_SCHEMAS=public', 'EXCLUDE_SCHEMAS=other', 'INCLUDE_TABLES=public.t', 'EXCLUDE_TABLES=public.t', 'EXCLUDE_TABLE_DATA=public.t'])(
    'a partial backup, taken with %s, replaces no database, but can be restored beside',
    async (filter) => {
      const [name = '', value = ''] = filter.split('=');
      const part = await take(server, { [name]: value });
      const done = await restore(server, part, { env: IN_PLACE });
      expectRefused(done, 64, /^the backup holds only a part of the database and cannot replace it$/);
      expect(done.lastWords).toHaveProperty('hint', 'restore beside, and copy what you need');
      expect(await databases(server)).toBe('shop');
      expect(await restore(server, fetched(part))).toMatchObject({ status: 0 });
    },
  );

  test.each(['custom', 'plain'])('restores a %s dump of the schema public with its owner and grants', async (format) => {
    await server.sql('alter schema public owner to plainly; grant create on schema public to member', 'shop');
    const part = await take(server, { INCLUDE_SCHEMAS: 'public', DUMP_FORMAT: format });
    expect(await restore(server, part)).toMatchObject({ status: 0 });
    expect(await contentOf(server, 'shop_restored_r1', '--schema=public')).toBe(await contentOf(server, 'shop', '--schema=public'));
    await server.sql('revoke create on schema public from member; alter schema public owner to pg_database_owner', 'shop');
  });

  // BusyBox takes its own awk.
  test.each(SHELLS.filter(([name]) => name !== 'busybox ash'))(
    'refuses a plain dump of the schema public whose filter ends early under %s',
    async (_, shell) => {
      const part = await take(server, { INCLUDE_SCHEMAS: 'public', DUMP_FORMAT: 'plain' });
      const awk = real('awk', `case $* in *'CREATE SCHEMA public;'*) PATH=\${PATH#*:} awk "$@" | sed '/^CREATE TABLE/,$d'; exit 1 ;; esac`);
      const done = await restore(server, part, { standIns: { awk }, shell });
      expectRefused(done, 65, /cannot decompress the dump to its end/);
      expect(await databases(server)).toBe('shop');
    },
  );

  test('reports all problems at once', async () => {
    const database = { ...(dumped.facts.database as object), extensions: [{ name: 'postgis', version: '3' }] };
    const facts = { ...dumped.facts, database };
    const done = await restore(other, { ...dumped, facts }, { env: { ...IN_PLACE, TARGET_DATABASE: 'nowhere', OWNER: 'role:nobody' } });
    expectRefused(done, 64, /there is no database nowhere.*; the server has no extension postgis.*; the server lacks roles .*nobody/);
  });
});

describe('files', () => {
  /** A sum that says the artifact is what the manifest says. */
  const sumOf = ({ facts }: Dumped) =>
    real('sha256sum', `case "$*" in *globals*) ;; *) echo "${(facts.files as { sha256: string }[])[0]?.sha256} x"; exit ;; esac`);

  const artifact = `20261121-073320-bcdfpqrs.dump`;

  test.each([
    ['cut', (file: string) => truncateSync(file, 2000)],
    [
      'changed in one bit',
      (file: string) => {
        const bytes = readFileSync(file);
        bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
        writeFileSync(file, bytes);
      },
    ],
  ])('refuses a dump that was %s before any tool opens it', async (_, damage) => {
    const work = fetched(dumped);
    damage(join(work, 'in', artifact));
    const done = await restore(server, work, { standIns: { pg_restore: real('pg_restore'), psql: real('psql') } });
    expectRefused(done, 65, `${artifact} does not match the manifest: its SHA-256 differs`);
    expect(done.calls).toEqual([]);
  });

  test('leaves nothing when a truncated dump with a matching sum fails to load', async () => {
    const work = fetched(dumped);
    truncateSync(join(work, 'in', artifact), readFileSync(join(work, 'in', artifact)).length - 300);
    const done = await restore(server, work, {
      standIns: { sha256sum: sumOf(dumped) },
      env: IN_PLACE,
    });
    expectRefused(done, 65, /./);
    expect(await databases(server)).toBe('shop');
  });

  test('leaves nothing of a plain dump whose compressed file is truncated', async () => {
    const work = fetched(plain);
    const file = join(work, 'in', '20261121-073320-bcdfpqrs.sql.zst');
    truncateSync(file, readFileSync(file).length - 50);
    const done = await restore(server, work, { standIns: { sha256sum: sumOf(plain) } });
    expectRefused(done, 65, 'cannot decompress the dump to its end');
    expect(await databases(server)).toBe('shop');
  });

  test.each([
    ['between two statements', (text: string) => text.slice(0, text.indexOf('\n--\n-- Name: f()'))],
    [
      'after a row that looks like its end',
      (text: string) =>
        text.slice(0, text.indexOf('COPY public.texts')).concat('COPY public.texts (body) FROM stdin;\n-- PostgreSQL database dump complete\n'),
    ],
    ['after its last statement', (text: string) => text.slice(0, text.lastIndexOf('--\n-- PostgreSQL database dump complete'))],
  ])('refuses a plain dump that was stored cut off, %s, before anything is created', async (_, cut) => {
    const unpacked = await take(server, { DUMP_FORMAT: 'plain', COMPRESSION: 'none' });
    const work = fetched(unpacked);
    const file = join(work, 'in', '20261121-073320-bcdfpqrs.sql');
    writeFileSync(file, cut(readFileSync(file, 'utf8')));
    const done = await restore(server, work, { standIns: { sha256sum: sumOf(unpacked) } });
    expectRefused(done, 65, /^the dump does not end with 'PostgreSQL database dump complete': it was cut off$/);
    expect(done.stderr).not.toContain('loading into');
    expect(await databases(server)).toBe('shop');
  });

  test('refuses and drops a restored database that lacks a table of the dump', async () => {
    const psql = real('psql', `case "$*" in */counts.sql*) echo '2|2|0'; exit ;; esac`);
    const done = await restore(server, dumped, { standIns: { psql }, env: { ...IN_PLACE } });
    expectRefused(done, 65, 'the dump has 3 tables, the restored database 2');
    expect(await databases(server)).toBe('shop');
  });

  test('does nothing if fetch left its marker', async () => {
    const work = fetched(dumped);
    writeFileSync(join(work, 'run', 'already'), '');
    const done = await restore(server, work, { standIns: { psql: real('psql') } });
    expect(done).toMatchObject({ status: 0, calls: [], lastWords: { reason: expect.stringContaining('already done') } });
  });
});

describe('values', () => {
  test.each([
    [{ ONLY: 'rows' }, "ONLY must be one of: all schema data, got 'rows'"],
    [{ OWNER: 'role:' }, "OWNER must be keep, none or role:NAME, got 'role:'"],
    [{ RESTORE_JOBS: '0' }, 'RESTORE_JOBS must be at least 1'],
    [{ RESTORE_ID: 'a b' }, 'RESTORE_ID must have up to 31'],
    [{ ...IN_PLACE, ONLY: 'schema' }, 'a part of a database cannot replace the whole database'],
    [{ ...IN_PLACE, INCLUDE_TABLES: 't' }, 'a part of a database cannot replace the whole database'],
    [{ RESTORE_ACTION: 'undo' }, 'RESTORE_ACTION must be restore, swap-back or drop-old'],
  ])('%j is refused', async (env, reason) => {
    const done = await restore(server, dumped, { env: env as unknown as Record<string, string> });
    expect(done).toMatchObject({ status: 64, lastWords: { reason: expect.stringContaining(reason) } });
  });
});
