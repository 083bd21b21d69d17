import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresSource } from '../support/cluster/backups.ts';
import { commandLine } from '../support/cluster/command-line.ts';
import { startWorld, verdict, type World } from '../support/cluster/world.ts';

const ADMIN = { admin: { credentials: { secret: 'db' } } };

let world: World;
let backstay: ReturnType<typeof commandLine>;

beforeAll(async () => {
  world = await startWorld('damaged', () => ({ sources: { shop: postgresSource('db', 'shop', ADMIN) } }));
  backstay = commandLine(world.dist);
  expect(verdict(await world.run('shop'))).toMatch(/^complete/);
});
afterAll(() => world?.end());

describe('a backup that was damaged in the store', () => {
  let object: string;

  beforeAll(() => {
    object = world.s3.keys('backups', 'test/shop/daily').find((key) => key.endsWith('.dump')) ?? '';
    const path = world.s3.file('backups', object);
    const bytes = Buffer.from(world.s3.read('backups', object), 'latin1');
    writeFileSync(path, bytes.fill(0x7f, bytes.length >> 1, (bytes.length >> 1) + 1));
  });

  test('is refused by name of the damaged file, and the server is unchanged', async () => {
    const before = await world.db.sql('select string_agg(datname, $$ $$ order by 1) from pg_database');
    const told = await backstay(['restore', 'test/shop', '--from', 'offsite', '--apply']);
    expect(told.status).toBe(65);
    expect(told.stderr).toContain(object.replace(/.*\//, ''));
    expect(await world.db.sql('select string_agg(datname, $$ $$ order by 1) from pg_database')).toBe(before);
  });

  test('is restored from the other storage', async () => {
    const told = await backstay(['restore', 'test/shop', '--from', 'local', '--apply']);
    expect({ status: told.status, stderr: told.stderr }, told.stdout).toEqual({ status: 0, stderr: '' });
  });
});
