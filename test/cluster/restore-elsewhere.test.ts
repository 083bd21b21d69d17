import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fingerprint } from '../support/cluster/awkward.ts';
import { postgresSource } from '../support/cluster/backups.ts';
import { commandLine } from '../support/cluster/command-line.ts';
import { endOf, type JobEnd } from '../support/cluster/job.ts';
import { kubectl } from '../support/cluster/kubectl.ts';
import { freshNamespace, type Namespace } from '../support/cluster/namespace.ts';
import { type Postgres, startPostgres } from '../support/cluster/postgres.ts';
import { startWorld, verdict, type World } from '../support/cluster/world.ts';

const ADMIN = { admin: { credentials: { secret: 'db' } } };

let world: World;
let backstay: ReturnType<typeof commandLine>;
/** A namespace in which nothing of ours was ever applied, with a server that has no database. */
let empty: Namespace;
let server: Postgres;

beforeAll(async () => {
  empty = await freshNamespace('elsewhere-empty');
  world = await startWorld('elsewhere', () => ({ sources: { shop: postgresSource('db', 'shop', ADMIN) } }));
  [server] = await Promise.all([startPostgres(empty.name), world.s3.introduce(empty.name)]);
  writeFileSync(
    join(resolve(world.dist, '../../config'), 'other.yaml'),
    JSON.stringify({ namespace: empty.name, storages: { local: null }, plans: { default: { storages: ['offsite'] } } }),
  );
  backstay = commandLine(world.dist);
  expect(verdict(await world.run('shop'))).toMatch(/^complete/);
});

afterAll(() => Promise.all([world?.end(), empty?.end()]));

test("another environment's backup comes back in a namespace that has two Secrets and a server, and nothing else", async () => {
  const told = await backstay(['restore', 'other/shop', '--source', 'test/shop', '--from', 'offsite', '--set', 'postgres.database=shop', '--apply']);
  expect({ status: told.status, stderr: told.stderr }, told.stdout).toEqual({ status: 0, stderr: '' });
  expect(await fingerprint(server, 'shop')).toBe(await fingerprint(world.db, 'shop'));
});

describe('a restore that stands in the values', () => {
  const config = () => resolve(world.dist, '../../config');
  const file = () => join(dirname(world.dist), 'restores/test/again.yaml');
  const declare = async (database: string) => {
    writeFileSync(join(config(), 'test.yaml'), JSON.stringify({ restores: { again: { source: 'shop', from: 'offsite', postgres: { database } } } }));
    const { status, stderr } = await backstay(['synth', 'test', '--out', dirname(world.dist)]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  };
  const apply = async (): Promise<JobEnd> => {
    const printed = await kubectl(['apply', '-f', file(), '-o', 'name']);
    return endOf(world.namespace, /job.batch\/(\S+)/.exec(printed)?.[1] ?? '');
  };
  const restored = async () => (await world.db.sql(`select datname from pg_database where datname like 'again%' order by 1`)).trim().split('\n');

  test('runs when its file is applied, which the rest never does', async () => {
    await declare('again');
    await kubectl(['apply', '-k', join(world.dist, 'jobs')]);
    expect(await restored()).toEqual(['']);
    expect(verdict(await apply())).toMatch(/^complete/);
    expect(await restored()).toEqual(['again']);
  });

  test('P91: runs once: re-created, as GitOps does it, the Job ends at once and touches nothing', async () => {
    await world.db.sql('drop database again');
    await kubectl(['delete', '-f', file(), '--wait=true']);
    const end = await apply();
    expect(verdict(end)).toMatch(/^complete: .*already done/);
    expect(await restored()).toEqual(['']);
  });

  test('runs again when somebody changes it', async () => {
    await declare('again_and_again');
    expect(verdict(await apply())).toMatch(/^complete/);
    expect(await restored()).toEqual(['again_and_again']);
  });
});

describe('a backup that was damaged in the store', () => {
  let object: string;

  beforeAll(() => {
    object = world.s3.keys('backups', 'test/shop/daily').find((key) => key.endsWith('.dump')) ?? '';
    const path = world.s3.file('backups', object);
    const bytes = Buffer.from(world.s3.read('backups', object), 'latin1');
    writeFileSync(path, bytes.fill(0x7f, bytes.length >> 1, (bytes.length >> 1) + 1));
  });

  test('is not restored: the reason names the file, and the server is as it was', async () => {
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
