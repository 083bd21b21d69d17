import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import type { RestoreContext } from '../../../lib/sources/kind.ts';
import { dump } from '../../../lib/sources/postgres/dump.ts';
import { dumpRestore } from '../../../lib/sources/postgres/dump-restore.ts';
import { postgres } from '../../../lib/sources/postgres/kind.ts';

type Settings = z.input<typeof postgres.schema>;
type Request = z.input<typeof postgres.restoreSchema>;

const context: RestoreContext = {
  ...{ environment: 'prod', source: 'shop', namespace: 'backup', throttle: { perServer: 3, wait: 3600 } },
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

const parts = (request: Request = {}, settings: Settings = minimal, changes: Partial<RestoreContext> = {}) =>
  dumpRestore.parts(postgres.schema.parse(settings), postgres.restoreSchema.parse(request), { ...context, ...changes });
const found = (request: Request, settings: Settings = minimal, changes: Partial<RestoreContext> = {}) =>
  dumpRestore.check(postgres.schema.parse(settings), postgres.restoreSchema.parse(request), { ...context, ...changes });

test('by default, the admin restores into a new database beside the live one', () => {
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

/** Every setting of a restore. A new setting is a compile error until it is listed here. */
type Every = Required<Omit<Request, 'server'>> & { readonly server: Required<NonNullable<Request['server']>> & { readonly admin: Required<Admin> } };
type Admin = NonNullable<Settings['admin']>;

test('all settings reach the script, and another server replaces the own one everywhere', () => {
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

test('in place, the target is the live database, also for swap-back and drop-old', () => {
  expect(parts({}, minimal, { inPlace: true })[0]?.env).toMatchObject({ TARGET_DATABASE: 'shop', IN_PLACE: 'true', RESTORE_ACTION: 'restore' });
  for (const action of ['swap-back', 'drop-old'] as const)
    expect(parts({}, minimal, { action })[0]?.env).toMatchObject({ TARGET_DATABASE: 'shop', RESTORE_ACTION: action });
});

test('several databases are parts with the same names as in the backup', () => {
  const backup = dump.parts(postgres.schema.parse(several), context).map(({ name }) => name);
  expect(parts({}, several).map(({ name, env }) => [name, env.DATABASE])).toEqual([
    ['shop', 'shop'],
    ['shop-archive', 'Shop Archive'],
  ]);
  expect(parts({}, several).map(({ name }) => name)).toEqual(backup);
});

test('restores use the admin role only, and its Secret is required', () => {
  expect(JSON.stringify(parts())).not.toContain('shop-db"');
  expect(dumpRestore.secrets(postgres.schema.parse(minimal))).toEqual([
    { secret: 'shop-admin', keys: ['username', 'password'], purpose: 'PostgreSQL role that restores into shop-db.shop' },
  ]);
  expect(dumpRestore.secrets(postgres.schema.parse({ ...minimal, admin: undefined }))).toEqual([]);
});

describe('rejects', () => {
  const withoutAdmin = { ...minimal, admin: undefined };
  const plain = { ...minimal, dump: { format: 'plain' } } as const;
  const server = { host: 'db.acme.dev', version: 18, admin: { credentials: { secret: 'db-admin' } } } as const;
  const whole = (key: string) => `${key} does not work in place: the live database is replaced as a whole`;

  test.each<readonly [string, Request, Settings, Partial<RestoreContext>, readonly (string | number)[], string]>([
    [
      'the name of a kept database without --swap-back or --drop-old',
      { kept: 'k' },
      minimal,
      {},
      ['kept'],
      'kept applies only to --swap-back and --drop-old',
    ],
    ['a source without an admin', {}, withoutAdmin, {}, [], 'a restore needs a role that may create databases'],
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
          'the backups contain only part of the database',
        ] as const,
    ),
    [
      'rows without a database that has the tables',
      { only: 'data' },
      minimal,
      {},
      ['database'],
      'only: data needs a database that already has the tables',
    ],
    ['one database name for several databases', { database: 'copy' }, several, {}, ['database'], 'one name for several databases is ambiguous'],
    [
      'one kept database for several databases',
      { kept: 'k' },
      several,
      { inPlace: true, action: 'swap-back' },
      ['kept'],
      'one name for several databases is ambiguous',
    ],
    ['tables of a plain dump', { tables: ['a.b'] }, plain, {}, [], 'a plain dump can only be restored as a whole'],
    ['schemas of a plain dump', { schemas: ['a'] }, plain, {}, [], 'a plain dump can only be restored as a whole'],
    ['definitions of a plain dump', { only: 'schema' }, plain, {}, [], 'a plain dump can only be restored as a whole'],
    [
      'a ca that the mode ignores',
      { server: { ...server, tls: { mode: 'require', ca: { configMap: 'ca' } } } },
      minimal,
      {},
      ['server', 'tls', 'mode'],
      '',
    ],
  ])('%s', (_, request, settings, changes, path, message) => {
    const [diagnostic, ...more] = found(request, settings, changes);
    expect(more).toEqual([]);
    expect(diagnostic).toMatchObject({ path, message: expect.stringContaining(message), hint: expect.stringMatching(/./) });
  });

  test.each<readonly [string, Request, Settings, Partial<RestoreContext>]>([
    ['a source without an admin, if the other server has one', { server }, withoutAdmin, {}],
    ['rows into a named database', { only: 'data', database: 'copy' }, minimal, {}],
    ['a database name for one of several databases, as the hint says', { database: 'copy' }, several, { part: 'shop' }],
    ['any settings for swap-back', { tables: ['a.b'] }, minimal, { inPlace: true, action: 'swap-back' }],
    ['the name of a kept database for swap-back', { kept: 'k' }, minimal, { inPlace: true, action: 'swap-back' }],
    [
      'the name of a kept database for swap-back of one of several databases',
      { kept: 'k' },
      several,
      { inPlace: true, action: 'swap-back', part: 'shop' },
    ],
    ['the name of a kept database for drop-old', { kept: 'k' }, minimal, { inPlace: true, action: 'drop-old' }],
  ])('does not reject %s', (_, request, settings, changes) => {
    expect(found(request, settings, changes)).toEqual([]);
  });

  test.each<readonly [object, string]>([
    [{ owner: 'app' }, "expected 'keep', 'none' or { role: NAME }"],
    [{ database: 'a\nb' }, 'expected a name on one line'],
    [{ jobs: 0 }, 'Too small'],
    [{ table: ['a'] }, 'Unrecognized key'],
  ])('%j', (request, message) => {
    expect(
      postgres.restoreSchema
        .safeParse(request)
        .error?.issues.map((issue) => issue.message)
        .join(),
    ).toContain(message);
  });
});
