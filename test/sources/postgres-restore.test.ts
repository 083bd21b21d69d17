import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import type { RestoreContext } from '../../lib/sources/kind.ts';
import { postgres } from '../../lib/sources/postgres.ts';
import { postgresRestore } from '../../lib/sources/postgres-restore.ts';

type Settings = z.input<typeof postgres.schema>;
type Wish = z.input<typeof postgresRestore.schema>;

const context: RestoreContext = {
  ...{ environment: 'prod', source: 'shop', namespace: 'backup', method: 'dump', throttle: { perServer: 3, wait: 3600 } },
  inPlace: false,
  action: 'restore',
  id: 'bcdfghjk',
};
const minimal = {
  host: 'shop-db.shop',
  database: 'shop',
  version: 17,
  credentials: { secret: 'shop-db' },
  admin: { credentials: { secret: 'shop-admin' } },
} as const satisfies Settings;
const several = { ...minimal, database: undefined, databases: ['shop', 'Shop Archive'] };

const parts = (wish: Wish = {}, settings: Settings = minimal, changes: Partial<RestoreContext> = {}) =>
  postgresRestore.parts(postgres.schema.parse(settings), postgresRestore.schema.parse(wish), { ...context, ...changes });
const findings = (wish: Wish, settings: Settings = minimal, changes: Partial<RestoreContext> = {}) =>
  postgresRestore.check(postgres.schema.parse(settings), postgresRestore.schema.parse(wish), { ...context, ...changes });

test('the least that can be written is enough: a new database beside the live one, by the admin', () => {
  expect(parts()).toEqual([
    {
      name: 'postgres',
      kind: 'postgres',
      method: 'dump',
      image: 'postgres17',
      script: 'postgres-restore.sh',
      env: {
        PGHOST: 'shop-db.shop',
        PGPORT: '5432',
        PGUSER: { secret: 'shop-admin', key: 'username' },
        PGPASSWORD: { secret: 'shop-admin', key: 'password' },
        PGSSLMODE: 'prefer',
        WAIT_SECONDS: '120',
        ADMIN_DATABASE: 'postgres',
        SERVER_MAJOR: '17',
        DATABASE: 'shop',
        TARGET_DATABASE: '',
        IN_PLACE: 'false',
        RESTORE_ACTION: 'restore',
        LOCK_WAIT_SECONDS: '300',
        OWNER: 'keep',
        PRIVILEGES: 'keep',
        ONLY: 'all',
        RESTORE_GLOBALS: 'none',
        RESTORE_JOBS: '2',
      },
      mounts: [],
      peers: [{ type: 'pods', namespace: 'shop', labels: {}, port: 5432 }],
      secrets: [{ secret: 'shop-admin', keys: ['username', 'password'], purpose: 'PostgreSQL role that restores into shop-db.shop' }],
    },
  ]);
});

/** Every setting of a restore: a new one does not compile until it is named here. */
type Every = Required<Omit<Wish, 'server'>> & { readonly server: Required<NonNullable<Wish['server']>> & { readonly admin: Required<Admin> } };
type Admin = NonNullable<Settings['admin']>;

test('all the settings reach the script, and the other server takes the place of the own one in all of it', () => {
  const every: Every = {
    database: 'shop_copy',
    server: {
      host: 'db.acme.dev',
      port: 6432,
      version: 18,
      tls: { mode: 'verify-full', ca: { configMap: 'db-ca', key: 'root.pem' } },
      network: 'external',
      wait: '10m',
      admin: { user: 'admin', credentials: { secret: 'db-admin', keys: { username: 'user', password: 'pass' } }, database: 'template1' },
    },
    owner: { role: 'app' },
    privileges: 'none',
    only: 'schema',
    schemas: ['public', 'sales'],
    tables: ['public.orders'],
    globals: 'missing-roles',
    jobs: 8,
    kept: 'shop_before_20260101_000000',
  };
  expect(parts(every, { ...minimal, dump: { lockWait: '90s' } })).toEqual([
    {
      name: 'postgres',
      kind: 'postgres',
      method: 'dump',
      image: 'postgres18',
      script: 'postgres-restore.sh',
      env: {
        PGHOST: 'db.acme.dev',
        PGPORT: '6432',
        PGUSER: 'admin',
        PGPASSWORD: { secret: 'db-admin', key: 'pass' },
        PGSSLMODE: 'verify-full',
        PGSSLROOTCERT: '/etc/backstay/postgres/ca.crt',
        WAIT_SECONDS: '600',
        ADMIN_DATABASE: 'template1',
        SERVER_MAJOR: '18',
        DATABASE: 'shop',
        TARGET_DATABASE: 'shop_copy',
        IN_PLACE: 'false',
        RESTORE_ACTION: 'restore',
        LOCK_WAIT_SECONDS: '90',
        OWNER: 'role:app',
        PRIVILEGES: 'none',
        ONLY: 'schema',
        INCLUDE_SCHEMAS: 'public\nsales',
        INCLUDE_TABLES: 'public.orders',
        RESTORE_GLOBALS: 'missing-roles',
        RESTORE_JOBS: '8',
        KEPT_DATABASE: 'shop_before_20260101_000000',
      },
      mounts: [{ type: 'configMap', configMap: 'db-ca', key: 'root.pem', path: '/etc/backstay/postgres/ca.crt' }],
      peers: [{ type: 'external', port: 6432 }],
      secrets: [{ secret: 'db-admin', keys: ['pass'], purpose: 'PostgreSQL role that restores into db.acme.dev' }],
    },
  ]);
});

test('in place the target is the live database; a restore is ended by the name of what it restored', () => {
  expect(parts({}, minimal, { inPlace: true })[0]?.env).toMatchObject({ TARGET_DATABASE: 'shop', IN_PLACE: 'true', RESTORE_ACTION: 'restore' });
  for (const action of ['swap-back', 'drop-old'] as const)
    expect(parts({}, minimal, { action })[0]?.env).toMatchObject({ TARGET_DATABASE: 'shop', RESTORE_ACTION: action });
});

test('several databases are the parts that the backup has, under the same names', () => {
  const backup = postgres.parts(postgres.schema.parse(several), context).map(({ name }) => name);
  expect(parts({}, several).map(({ name, env }) => [name, env.DATABASE])).toEqual([
    ['shop', 'shop'],
    ['shop-archive', 'Shop Archive'],
  ]);
  expect(parts({}, several).map(({ name }) => name)).toEqual(backup);
});

test('the role of the backup never restores, and the Secret of the admin is one that must exist', () => {
  expect(JSON.stringify(parts())).not.toContain('shop-db"');
  expect(postgresRestore.secrets(postgres.schema.parse(minimal))).toEqual([
    { secret: 'shop-admin', keys: ['username', 'password'], purpose: 'PostgreSQL role that restores into shop-db.shop' },
  ]);
  expect(postgresRestore.secrets(postgres.schema.parse({ ...minimal, admin: undefined }))).toEqual([]);
});

describe('what is refused', () => {
  const withoutAdmin = { ...minimal, admin: undefined };
  const plain = { ...minimal, dump: { format: 'plain' } } as const;
  const server = { host: 'db.acme.dev', version: 18, admin: { credentials: { secret: 'db-admin' } } } as const;
  const whole = (key: string) => `the live database gives way as a whole, so ${key} has no place here`;

  test.each<readonly [string, Wish, Settings, Partial<RestoreContext>, readonly (string | number)[], string]>([
    ['what was kept, where a backup is wanted', { kept: 'k' }, minimal, {}, ['kept'], 'a restore takes a backup, and not what was kept'],
    ['no admin', {}, withoutAdmin, {}, [], 'a restore needs a role that may make databases'],
    ['a name in place', { database: 'copy' }, minimal, { inPlace: true }, ['database'], whole('database')],
    ['another server in place', { server }, minimal, { inPlace: true }, ['server'], whole('server')],
    ['definitions alone in place', { only: 'schema' }, minimal, { inPlace: true }, ['only'], whole('only')],
    ['schemas in place', { schemas: ['a'] }, minimal, { inPlace: true }, ['schemas'], whole('schemas')],
    ['tables in place', { tables: ['a.b'] }, minimal, { inPlace: true }, ['tables'], whole('tables')],
    ...(['schemas', 'excludeSchemas', 'tables', 'excludeTables', 'excludeTableData'] as const).map(
      (filter) =>
        [
          `backups that leave out by ${filter}, in place`,
          {},
          { ...minimal, dump: { [filter]: ['a.b'] } },
          { inPlace: true },
          [],
          'the backups hold only a part of the database',
        ] as const,
    ),
    ['rows into nothing', { only: 'data' }, minimal, {}, ['database'], 'rows alone need a database that has their tables'],
    ['one name for two', { database: 'copy' }, several, {}, ['database'], 'one name for several databases'],
    ['one that was kept for two', { kept: 'k' }, several, { inPlace: true, action: 'swap-back' }, ['kept'], 'one name for several databases'],
    ['tables of a plain dump', { tables: ['a.b'] }, plain, {}, [], 'a plain dump comes back whole'],
    ['schemas of a plain dump', { schemas: ['a'] }, plain, {}, [], 'a plain dump comes back whole'],
    ['definitions of a plain dump', { only: 'schema' }, plain, {}, [], 'a plain dump comes back whole'],
    [
      'a ca nobody looks at',
      { server: { ...server, tls: { mode: 'require', ca: { configMap: 'ca' } } } },
      minimal,
      {},
      ['server', 'tls', 'mode'],
      '',
    ],
  ])('%s', (_, wish, settings, changes, path, message) => {
    const [finding, ...more] = findings(wish, settings, changes);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ path, message: expect.stringContaining(message), hint: expect.stringMatching(/./) });
  });

  test.each<readonly [string, Wish, Settings, Partial<RestoreContext>]>([
    ['no admin of its own, where another server has one', { server }, withoutAdmin, {}],
    ['rows into a database that is named', { only: 'data', database: 'copy' }, minimal, {}],
    ['one name for one of several databases, as the hint says', { database: 'copy' }, several, { part: 'shop' }],
    ['what ends a restore, whatever it was given', { tables: ['a.b'] }, minimal, { inPlace: true, action: 'swap-back' }],
    ['which of those that were kept is swapped back', { kept: 'k' }, minimal, { inPlace: true, action: 'swap-back' }],
    ['which is swapped back of one of several databases', { kept: 'k' }, several, { inPlace: true, action: 'swap-back', part: 'shop' }],
    ['which of those that were kept is dropped', { kept: 'k' }, minimal, { inPlace: true, action: 'drop-old' }],
  ])('and what is not: %s', (_, wish, settings, changes) => {
    expect(findings(wish, settings, changes)).toEqual([]);
  });

  test.each<readonly [object, string]>([
    [{ owner: 'app' }, "expected 'keep', 'none' or { role: NAME }"],
    [{ database: 'a\nb' }, 'expected a name on one line'],
    [{ jobs: 0 }, 'Too small'],
    [{ table: ['a'] }, 'Unrecognized key'],
  ])('%j', (wish, message) => {
    expect(
      postgresRestore.schema
        .safeParse(wish)
        .error?.issues.map((issue) => issue.message)
        .join(),
    ).toContain(message);
  });
});
