import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PostgresMajor } from '../../lib/sources/postgres/images.ts';
import { AWKWARD_SQL } from '../support/cluster/awkward.ts';
import { contentOf } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type Dumped, databases, IN_PLACE, restore, take } from '../support/restore-database.ts';

/** Each format and compression of each major at least once. */
const FORMATS: Readonly<Record<PostgresMajor, readonly (readonly [string, string])[]>> = {
  14: [
    ['custom', 'gzip'],
    ['custom', 'none'],
    ['plain', 'gzip'],
    ['plain', 'none'],
  ],
  15: [
    ['custom', 'gzip'],
    ['plain', 'none'],
  ],
  16: [
    ['custom', 'zstd'],
    ['plain', 'gzip'],
  ],
  17: [
    ['custom', 'none'],
    ['plain', 'zstd'],
  ],
  18: [
    ['custom', 'zstd'],
    ['plain', 'zstd'],
  ],
};

describe.each([14, 15, 16, 17, 18] as const)('PostgreSQL %i', (major) => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres(major);
    await server.sql('create database shop');
    // Before 15, owning a database is no right in its schema public.
    const sql = readFileSync('test/support/awkward.sql', 'utf8');
    await server.sql(major < 15 ? sql.replace('revoke all on schema public from public', 'revoke create on schema public from public') : sql, 'shop');
  });

  afterAll(() => server?.stop());

  test.each(FORMATS[major])('restores %s with compression %s beside and in place', async (format, compression) => {
    const dumped = await take(server, { DUMP_FORMAT: format, COMPRESSION: compression });
    const content = await contentOf(server, 'shop');
    expect(await restore(server, dumped)).toMatchObject({ status: 0 });
    expect(await contentOf(server, 'shop_restored_r1')).toBe(content);
    await server.sql('drop database shop_restored_r1');
    expect(await restore(server, dumped, { env: IN_PLACE })).toMatchObject({ status: 0 });
    expect(await contentOf(server, 'shop')).toBe(content);
    expect(await databases(server)).toMatch(/^shop\nshop_before_\d{8}_\d{6}$/);
    const drop = await restore(server, dumped, { env: { ...IN_PLACE, RESTORE_ACTION: 'drop-old' } });
    expect(drop).toMatchObject({ status: 0 });
    expect(await databases(server)).toBe('shop');
  });
});

describe('another major', () => {
  let older: PostgresServer;
  let newer: PostgresServer;
  let dumped: Dumped;

  beforeAll(async () => {
    [older, newer] = await Promise.all([startPostgres(14), startPostgres(18)]);
    await older.sql('create database shop');
    await older.sql(AWKWARD_SQL, 'shop');
    dumped = await take(older);
  });

  afterAll(() => Promise.all([older?.stop(), newer?.stop()]));

  test('restores rows and definitions from 14 to 18', async () => {
    expect(await restore(newer, dumped)).toMatchObject({ status: 0 });
    const rows = `select md5(string_agg(o::text, ' ' order by id)) from orders o`;
    expect(await newer.sql(rows, 'shop_restored_r1')).toBe(await older.sql(rows, 'shop'));
    const odd = `select md5(string_agg(o::text, ' ')) from "Odd ""schema"" – ß"."Größe; drop table" o`;
    expect(await newer.sql(odd, 'shop_restored_r1')).toBe(await older.sql(odd, 'shop'));
    expect(await newer.sql('select n, sum from totals', 'shop_restored_r1')).toBe(await older.sql('select n, sum from totals', 'shop'));
  });

  test('refuses an older major, and creates nothing', async () => {
    await newer.sql('create database shop');
    const new18 = await take(newer);
    const done = await restore(older, new18);
    expect(done).toMatchObject({ status: 64, lastWords: { reason: expect.stringMatching(/from PostgreSQL 18, the server is PostgreSQL 14/) } });
    expect(await databases(older)).toBe('shop');
  });

  test('keeps an encoding and locale other than the default of the server', async () => {
    await newer.sql(`create database latin template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'`);
    await newer.sql(`create database icu template template0 locale_provider icu icu_locale 'de-DE'`).catch(() => undefined);
    await newer.sql(`create database built template template0 locale_provider builtin builtin_locale 'C.UTF-8'`);
    const LOCALE = (name: string) =>
      newer.sql(`select pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider, datlocale from pg_database where datname = '${name}'`);
    for (const name of ['latin', 'icu', 'built']) {
      if ((await LOCALE(name)) === '') continue;
      const own = await take(newer, { DATABASE: name });
      expect(await restore(newer, own, { env: { DATABASE: name } })).toMatchObject({ status: 0 });
      expect(await LOCALE(`${name}_restored_r1`)).toBe(await LOCALE(name));
    }
  });
});

describe('names and settings in another encoding', () => {
  /** A server that speaks LATIN1 throughout, but for the database that initdb made. */
  async function latin(server: PostgresServer): Promise<void> {
    for (const name of ['admin1', 'latin1']) {
      await server.sql(`create database ${name} template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'`);
    }
  }
  const utf8 = (text: string) => `set client_encoding = 'UTF8'; ${text}`;
  const PROPERTIES = utf8(`
    select pg_get_userbyid(datdba), (select string_agg(a::text, ' ') from aclexplode(coalesce(datacl, acldefault('d', datdba))) a) from pg_database where datname = current_database();
    select pg_get_userbyid(setrole), setconfig from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database()) order by 1, 2;
    select pg_get_userbyid(relowner), relacl from pg_class where relname = 'größe'`);
  const env = { DATABASE: 'latin1', ADMIN_DATABASE: 'admin1' };
  let older: PostgresServer;
  let newer: PostgresServer;
  let own: Dumped;

  beforeAll(async () => {
    // Their own: from a database of UTF8 nobody can read such roles any more.
    [older, newer] = await Promise.all([startPostgres(16), startPostgres(17)]);
    for (const server of [older, newer]) await latin(server);
    await older.sql(
      utf8(`create role "jörg"; create role "ärger 'n'"; create table "größe" (n int); alter table "größe" owner to "jörg"; grant select on "größe" to "ärger 'n'";
        alter database latin1 owner to "jörg"; alter database latin1 set "my.own" = 'grüß'; alter role "jörg" in database latin1 set "my.own" = 'ä'`),
      'latin1',
    );
    own = await take(older, { DATABASE: 'latin1' });
  });

  afterAll(() => Promise.all([older?.stop(), newer?.stop()]));

  test('are restored beside and in place', async () => {
    const before = await older.sql(PROPERTIES, 'latin1');
    const beside = await restore(older, own, { env });
    expect(beside.stderr).not.toMatch(/ (warn|error) /);
    expect(beside).toMatchObject({ status: 0 });
    expect(await older.sql(PROPERTIES, 'latin1_restored_r1')).toBe(before);
    await older.sql('drop database latin1_restored_r1');
    expect(await restore(older, own, { env: { ...env, ...IN_PLACE, TARGET_DATABASE: 'latin1' } })).toMatchObject({ status: 0 });
    expect(await older.sql(PROPERTIES, 'latin1')).toBe(before);
  });

  test('are created if missing, and reported in readable form', async () => {
    const refused = await restore(newer, own, { env });
    expect(refused).toMatchObject({ status: 64, lastWords: { reason: "the server lacks roles that the dump names: jörg, ärger 'n'" } });
    const done = await restore(newer, own, { env: { ...env, RESTORE_GLOBALS: 'missing-roles' } });
    expect(done).toMatchObject({ status: 0 });
    expect(done.stderr).toContain("created roles without passwords: jörg, ärger 'n'");
    const table = utf8(`select tableowner, has_table_privilege('ärger ''n''', 'größe', 'select') from pg_tables where tablename = 'größe'`);
    expect(await newer.sql(table, 'latin1_restored_r1')).toBe(await older.sql(table, 'latin1'));
  });

  test('are refused with a hint if adminDatabase cannot represent them', async () => {
    const done = await restore(older, own, { env: { DATABASE: 'latin1' } });
    expect(done).toMatchObject({
      status: 64,
      lastWords: {
        reason: expect.stringContaining('the database postgres cannot represent'),
        hint: expect.stringContaining('a database of encoding LATIN1'),
      },
    });
    expect(await databases(older)).not.toContain('latin1_restored_r1');
  });
});
