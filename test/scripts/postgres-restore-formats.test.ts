import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PostgresMajor } from '../../lib/images.ts';
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

  test.each(FORMATS[major])('%s with compression %s comes back beside and in place', async (format, compression) => {
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

  test('upwards from 14 to 18, rows and definitions come back', async () => {
    expect(await restore(newer, dumped)).toMatchObject({ status: 0 });
    const rows = `select md5(string_agg(o::text, ' ' order by id)) from orders o`;
    expect(await newer.sql(rows, 'shop_restored_r1')).toBe(await older.sql(rows, 'shop'));
    const odd = `select md5(string_agg(o::text, ' ')) from "Odd ""schema"" – ß"."Größe; drop table" o`;
    expect(await newer.sql(odd, 'shop_restored_r1')).toBe(await older.sql(odd, 'shop'));
    expect(await newer.sql('select n, sum from totals', 'shop_restored_r1')).toBe(await older.sql('select n, sum from totals', 'shop'));
  });

  test('downwards it is refused, and nothing is made', async () => {
    await newer.sql('create database shop');
    const new18 = await take(newer);
    const done = await restore(older, new18);
    expect(done).toMatchObject({ status: 64, lastWords: { reason: expect.stringMatching(/from PostgreSQL 18, the server is PostgreSQL 14/) } });
    expect(await databases(older)).toBe('shop');
  });

  test('another encoding and locale than the server has by default', async () => {
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
