import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { contentOf } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type Dumped, databases, fetched, IN_PLACE, restore, resultOf, stateOf, take } from '../support/restore-database.ts';
import { type Outcome, SHELLS } from '../support/run-script.ts';

const AWKWARD = readFileSync('test/support/awkward.sql', 'utf8');

let server: PostgresServer;
let dumped: Dumped;
let content: string;

beforeAll(async () => {
  server = await startPostgres(17);
  await server.sql('create database shop');
  await server.sql(AWKWARD, 'shop');
  dumped = await take(server);
  content = await contentOf(server, 'shop');
});

afterAll(() => server?.stop());

async function dropAll(pattern: string): Promise<void> {
  const names = await server.sql(`select quote_ident(datname) from pg_database where datname like '${pattern}'`);
  for (const name of names.split('\n').filter(Boolean)) await server.sql(`drop database ${name} with (force)`);
}

function expectRestored(done: Outcome): void {
  expect(done.stderr).not.toContain(' error ');
  expect(done).toMatchObject({ status: 0, stdout: '' });
  expect(stateOf(done)).toBe('new');
}

describe('beside', () => {
  afterEach(() => dropAll('%restored%'));

  test.each(SHELLS)('restores a whole database unchanged: %s', async (_, shell) => {
    const done = await restore(server, dumped, { shell });
    expectRestored(done);
    expect(await contentOf(server, 'shop_restored_r1')).toBe(content);
    expect(resultOf(done)).toMatchObject({ part: 'postgres', database: 'shop_restored_r1', kept: null });
  });
});

describe('in place', () => {
  test('the restored database takes the name, and the old one is kept', async () => {
    await server.sql('create database live');
    const done = await restore(server, dumped, { env: { ...IN_PLACE, TARGET_DATABASE: 'live' } });
    expectRestored(done);
    expect(await databases(server)).toMatch(/^live\nlive_before_\d{8}_\d{6}\nshop$/);
    expect(await contentOf(server, 'live')).toBe(content);
    const back = await restore(server, fetched(dumped), { env: { RESTORE_ACTION: 'swap-back', TARGET_DATABASE: 'live' } });
    expectRestored(back);
    expect(await databases(server)).toMatch(/^live\nlive_undone_\d{8}_\d{6}\nshop$/);
    const drop = await restore(server, fetched(dumped), { env: { RESTORE_ACTION: 'drop-old', TARGET_DATABASE: 'live' } });
    expectRestored(drop);
    expect(await databases(server)).toMatch(/^live\nshop$/);
  });
});
