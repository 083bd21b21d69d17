import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contentOf } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type Dumped, databases, IN_PLACE, restore, take } from '../support/restore-database.ts';

const ROLE_SQL = readFileSync('docs/postgres-restore-role.sql', 'utf8');
const AS_ROLE = { PGUSER: 'backstay_restore', PGPASSWORD: 'p' };

describe.each([14, 17] as const)('docs/postgres-restore-role.sql on PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let dumped: Dumped;
  let content: string;

  beforeAll(async () => {
    server = await startPostgres(major);
    await server.sql(`create role "shop owner" login password 'p'; create role other; create role reader; create role boss superuser`);
    await server.sql('create database shop owner "shop owner"; create database elsewhere owner other');
    await server.sql(
      `create table orders (n int primary key); insert into orders select generate_series(1, 100); alter table orders owner to "shop owner";
       grant select on orders to reader; create schema private authorization other; create table private.t (n int); alter table private.t owner to other;
       create extension pg_trgm; alter table orders enable row level security; create policy none on orders using (false)`,
      'shop',
    );
    dumped = await take(server);
    content = await contentOf(server, 'shop');
  });

  afterAll(() => server?.stop());

  test('creates a role that is not a superuser, and can run again', async () => {
    await server.sql(ROLE_SQL);
    await server.sql(ROLE_SQL);
    await server.sql(`alter role backstay_restore password 'p'`);
    expect(
      await server.sql(`select rolsuper, rolcreaterole, rolreplication, rolbypassrls, rolcreatedb from pg_roles where rolname = 'backstay_restore'`),
    ).toBe('f|f|f|f|t');
    const groups = await server.sql(
      `select string_agg(roleid::regrole::text, ', ' order by 1) from pg_auth_members where member = 'backstay_restore'::regrole`,
    );
    expect(groups.split(', ').sort()).toEqual(['"shop owner"', 'other', 'pg_signal_backend']);
  });

  test('the role restores objects of others beside and in place', async () => {
    const beside = await restore(server, dumped, { env: { ...AS_ROLE, TARGET_DATABASE: 'beside' } });
    expect(beside.lastWords).toMatchObject({ status: 0 });
    expect(await contentOf(server, 'beside')).toBe(content);
    await server.sql('drop table orders', 'shop');
    const inPlace = await restore(server, dumped, { env: { ...AS_ROLE, ...IN_PLACE } });
    expect(inPlace.lastWords).toMatchObject({ status: 0 });
    expect(await contentOf(server, 'shop')).toBe(content);
    const back = await restore(server, dumped, { env: { ...AS_ROLE, RESTORE_ACTION: 'drop-old', TARGET_DATABASE: 'shop' } });
    expect(back.lastWords).toMatchObject({ status: 0 });
    expect(await databases(server)).toBe('beside\nelsewhere\nshop');
  });

  test('limited to one database, it grants the owners there and no others', async () => {
    await server.sql(`\\set role narrow\n\\set database elsewhere\n${ROLE_SQL}`);
    const groups = await server.sql(
      `select string_agg(roleid::regrole::text, ', ' order by 1) from pg_auth_members where member = 'narrow'::regrole`,
    );
    expect(groups.split(', ').sort()).toEqual(['other', 'pg_signal_backend']);
    await server.sql(`alter role narrow password 'p'`);
    const refused = await restore(server, dumped, { env: { ...AS_ROLE, PGUSER: 'narrow', TARGET_DATABASE: 'not_made' } });
    expect(refused.lastWords).toMatchObject({
      status: 77,
      reason: 'the role narrow is not a member of "shop owner"',
      hint: expect.stringContaining('docs/postgres-restore-role.sql'),
    });
    expect(await databases(server)).not.toContain('not_made');
  });
});
