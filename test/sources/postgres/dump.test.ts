import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import type { SourceContext } from '../../../lib/sources/kind.ts';
import { dump } from '../../../lib/sources/postgres/dump.ts';
import { POSTGRES_MAJORS } from '../../../lib/sources/postgres/images.ts';
import { postgres } from '../../../lib/sources/postgres/kind.ts';

type Settings = z.input<typeof postgres.schema>;

const context: SourceContext = { environment: 'prod', source: 'shop', namespace: 'backup', throttle: { perServer: 3, wait: 3600 } };
const minimal = { host: 'shop-db.shop', database: 'shop', version: 17, credentials: { secret: 'shop-db' } } as const satisfies Settings;
const parts = (written: Settings) => dump.parts(postgres.schema.parse(written), context);
const diagnose = (changes: Partial<Settings>) => {
  const settings = postgres.schema.parse({ ...minimal, ...changes });
  return [...postgres.check(settings), ...dump.check(settings)];
};

test('needs only the required settings', () => {
  expect(parts(minimal)).toEqual([
    {
      name: 'postgres',
      kind: 'postgres',
      method: 'dump',
      image: 'postgres17',
      script: 'postgres-dump.sh',
      env: {
        PGHOST: 'shop-db.shop',
        PGPORT: '5432',
        PGUSER: { secret: 'shop-db', key: 'username' },
        PGPASSWORD: { secret: 'shop-db', key: 'password' },
        PGSSLMODE: 'prefer',
        WAIT_SECONDS: '120',
        DATABASE: 'shop',
        SERVER_MAJOR: '17',
        DUMP_FORMAT: 'custom',
        COMPRESSION: 'zstd',
        COMPRESSION_LEVEL: '1',
        GLOBALS: 'without-passwords',
        LOCK_WAIT_SECONDS: '300',
        THROTTLE_DATABASE: 'postgres',
        THROTTLE_SLOTS: '3',
        THROTTLE_WAIT_SECONDS: '3600',
      },
      mounts: [],
      peers: [{ type: 'pods', namespace: 'shop', labels: {}, port: 5432 }],
      secrets: [{ secret: 'shop-db', keys: ['username', 'password'], purpose: 'PostgreSQL role that backs up shop-db.shop' }],
      databaseName: 'shop',
    },
  ]);
});

/** Every supported setting. A new setting is a compile error until it is listed here. `admin` is for restores: see dump-restore.test.ts. */
type Every = Required<Omit<Settings, 'database' | 'basebackup' | 'wal' | 'admin' | 'dump'>> & {
  readonly dump: Required<Omit<NonNullable<Settings['dump']>, 'copyMethod'>>;
};

test('all settings reach the script', () => {
  const every: Every = {
    host: 'db.acme.dev',
    port: 6432,
    databases: ['shop', 'Shop Archive'],
    version: 16,
    user: 'backup',
    credentials: { secret: 'db', keys: { username: 'user', password: 'pass' } },
    tls: { mode: 'verify-full', ca: { configMap: 'db-ca', key: 'root.pem' } },
    network: { namespace: 'data', labels: { app: 'db' }, port: 5433 },
    wait: '10m',
    throttleDatabase: 'shop',
    dump: {
      format: 'plain',
      compression: 'gzip',
      level: 9,
      schemas: ['public', 'sales'],
      excludeSchemas: ['tmp*'],
      tables: ['orders'],
      excludeTables: ['audit.*', 'log'],
      excludeTableData: ['sessions'],
      globals: 'none',
      lockWait: '90s',
    },
  };
  const [first, second] = parts(every);
  expect(first).toEqual({
    name: 'shop',
    kind: 'postgres',
    method: 'dump',
    image: 'postgres16',
    script: 'postgres-dump.sh',
    env: {
      PGHOST: 'db.acme.dev',
      PGPORT: '6432',
      PGUSER: 'backup',
      PGPASSWORD: { secret: 'db', key: 'pass' },
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: '/etc/backstay/postgres/ca.crt',
      WAIT_SECONDS: '600',
      DATABASE: 'shop',
      SERVER_MAJOR: '16',
      DUMP_FORMAT: 'plain',
      COMPRESSION: 'gzip',
      COMPRESSION_LEVEL: '9',
      INCLUDE_SCHEMAS: 'public\nsales',
      EXCLUDE_SCHEMAS: 'tmp*',
      INCLUDE_TABLES: 'orders',
      EXCLUDE_TABLES: 'audit.*\nlog',
      EXCLUDE_TABLE_DATA: 'sessions',
      GLOBALS: 'none',
      LOCK_WAIT_SECONDS: '90',
      THROTTLE_DATABASE: 'shop',
      THROTTLE_SLOTS: '3',
      THROTTLE_WAIT_SECONDS: '3600',
    },
    mounts: [{ type: 'configMap', configMap: 'db-ca', key: 'root.pem', path: '/etc/backstay/postgres/ca.crt' }],
    peers: [{ type: 'pods', namespace: 'data', labels: { app: 'db' }, port: 5433 }],
    secrets: [{ secret: 'db', keys: ['pass'], purpose: 'PostgreSQL role that backs up db.acme.dev' }],
    databaseName: 'shop',
  });
  expect(second).toMatchObject({ name: 'shop-archive', env: { DATABASE: 'Shop Archive' }, databaseName: 'Shop Archive' });
});

test.each(POSTGRES_MAJORS)('the client has the same major version as server %i', (version) => {
  expect(parts({ ...minimal, version })[0]).toMatchObject({ image: `postgres${version}`, env: { SERVER_MAJOR: String(version) } });
});

test.each([
  [14, 'gzip', '6'],
  [15, 'gzip', '6'],
  [16, 'zstd', '1'],
  [18, 'zstd', '1'],
] as const)('PostgreSQL %i compresses with %s, level %s', (version, method, level) => {
  expect(parts({ ...minimal, version })[0]?.env).toMatchObject({ COMPRESSION: method, COMPRESSION_LEVEL: level });
});

test('sets no level without compression', () => {
  const env = parts({ ...minimal, dump: { compression: 'none' } })[0]?.env;
  expect(env).toMatchObject({ COMPRESSION: 'none' });
  expect(env).not.toHaveProperty('COMPRESSION_LEVEL');
});

test('mounts a ca from a Secret', () => {
  const tls = { mode: 'verify-ca', ca: { secret: 'db-ca' } } as const;
  expect(parts({ ...minimal, tls })[0]?.mounts).toEqual([{ type: 'secret', secret: 'db-ca', key: 'ca.crt', path: '/etc/backstay/postgres/ca.crt' }]);
});

test('role and password come from the Secret, unless the role is set', () => {
  const { PGUSER, PGPASSWORD } = parts(minimal)[0]?.env ?? {};
  expect([PGUSER, PGPASSWORD]).toEqual([
    { secret: 'shop-db', key: 'username' },
    { secret: 'shop-db', key: 'password' },
  ]);
  expect(postgres.schema.safeParse({ ...minimal, credentials: { password: 'hunter2' } }).success).toBe(false);
  expect(postgres.schema.safeParse({ ...minimal, host: 'postgres://shop:hunter2@db/shop' }).success).toBe(false);
});

describe('names of parts', () => {
  test.each([
    ['Shop Archive', 'shop-archive'],
    ['_tmp_', 'tmp'],
    ['大', 'database'],
    [`${'x'.repeat(39)}-more`, 'x'.repeat(39)],
  ])('the database %s is the part %s', (database, name) => {
    expect(parts({ ...minimal, database: undefined, databases: ['shop', database] })[1]).toMatchObject({ name, env: { DATABASE: database } });
  });
});

describe('checks that types cannot express', () => {
  test.each<[string, Partial<Settings>, string, string]>([
    ['no database', { database: undefined }, 'database', 'expected either database or databases'],
    ['database and databases', { databases: ['a'] }, 'database', 'expected either database or databases'],
    [
      'two databases with one part name',
      { database: undefined, databases: ['a b', 'a-b'] },
      'databases.1',
      "two databases share the part name 'a-b'",
    ],
    ['verify-full without a ca', { tls: { mode: 'verify-full' } }, 'tls.ca', "mode 'verify-full' needs a ca"],
    ['verify-ca without a ca', { tls: { mode: 'verify-ca' } }, 'tls.ca', "mode 'verify-ca' needs a ca"],
    [
      'a ca that the mode ignores',
      { tls: { mode: 'require', ca: { configMap: 'ca' } } },
      'tls.mode',
      "ca is set, but mode 'require' does not verify the certificate",
    ],
    ['zstd before PostgreSQL 16', { version: 15, dump: { compression: 'zstd' } }, 'dump.compression', 'pg_dump 15 does not support zstd'],
    ['a level without compression', { dump: { compression: 'none', level: 3 } }, 'dump.level', "level is set, but compression is 'none'"],
    ['a level beyond gzip', { dump: { compression: 'gzip', level: 10 } }, 'dump.level', 'gzip supports levels 1 to 9'],
    ['a level beyond the default gzip', { version: 14, dump: { level: 10 } }, 'dump.level', 'gzip supports levels 1 to 9'],
  ])('reject %s', (_, changes, path, message) => {
    const found = diagnose(changes);
    expect(found.map((diagnostic) => [diagnostic.path.join('.'), diagnostic.message, diagnostic.severity])).toEqual([[path, message, undefined]]);
    expect(found[0]?.hint).toBeTruthy();
  });

  test('accept valid settings', () => {
    const right: readonly Partial<Settings>[] = [
      {},
      { database: undefined, databases: ['a', 'b'] },
      { tls: { mode: 'verify-full', ca: { configMap: 'ca' } } },
      { dump: { level: 19 } },
      { version: 14, dump: { compression: 'none' } },
    ];
    expect(right.flatMap(diagnose)).toEqual([]);
  });
});

describe('rejects unsupported settings by name', () => {
  test.each([
    [{ dump: { format: 'directory' } }, "the format 'directory' is not built yet"],
    [{ dump: { compression: 'lz4' } }, "the compression 'lz4' is not built yet"],
    [{ dump: { globals: 'with-passwords' } }, "'with-passwords' needs encryption, which is not built yet"],
    [{ basebackup: {} }, 'the method `basebackup` is not built yet'],
    [{ wal: {} }, 'the method `wal` is not built yet'],
  ])('%j', (changes, message) => {
    expect(postgres.schema.safeParse({ ...minimal, ...changes }).error?.issues.map((issue) => issue.message)).toEqual([message]);
  });
});
