import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import type { SourceContext } from '../../../lib/sources/kind.ts';
import { dumpVerify } from '../../../lib/sources/postgres/dump-verify.ts';
import { postgres } from '../../../lib/sources/postgres/kind.ts';

type Settings = z.input<typeof postgres.schema>;
type Request = z.input<typeof postgres.verifySchema>;

const context: SourceContext = { environment: 'prod', source: 'shop', namespace: 'backup', throttle: { perServer: 3, wait: 3600 } };
const minimal = { host: 'shop-db.shop', database: 'shop', version: 17, credentials: { secret: 'shop-db' } } as const satisfies Settings;
const several = { ...minimal, database: undefined, databases: ['shop', 'Shop Archive'] };

const parts = (request: Request = {}, settings: Settings = minimal) =>
  dumpVerify.parts(postgres.schema.parse(settings), postgres.verifySchema.parse(request), context);
const found = (request: Request, settings: Settings = minimal) =>
  dumpVerify.check(postgres.schema.parse(settings), postgres.verifySchema.parse(request), context);

test('without assertions a dump is restored and checked', () => {
  expect(parts()).toEqual([
    {
      name: 'postgres',
      kind: 'postgres',
      method: 'dump',
      image: 'postgres17',
      script: 'postgres-verify.sh',
      env: { DATABASE: 'shop', SERVER_MAJOR: '17', AMCHECK: 'true', RESTORE_JOBS: '2', ASSERT_QUERY_COUNT: '0' },
      mounts: [],
    },
  ]);
});

type Query = Required<NonNullable<Request['queries']>[number]>;
type Fresh = Required<NonNullable<Request['fresh']>[number]>;
/** Every setting. A new setting is a compile error until it is listed here. */
type Every = Required<Omit<Request, 'queries' | 'fresh'>> & { readonly queries: Query[]; readonly fresh: Fresh[] };

test('all settings reach the script, queries unchanged', () => {
  const every: Every = {
    tables: ['public.orders', 'public.items'],
    rows: { 'public.orders': 1000, 'public.items': 1 },
    fresh: [{ table: 'public.orders', column: 'created_at', within: '2d' }],
    queries: [
      { sql: 'select count(*)\nfrom orders', expect: '5' },
      { sql: "select '$(PW)'", expect: '' },
    ],
    databases: {},
    amcheck: false,
    jobs: 8,
  };
  expect(parts(every)[0]?.env).toEqual({
    DATABASE: 'shop',
    SERVER_MAJOR: '17',
    AMCHECK: 'false',
    RESTORE_JOBS: '8',
    ASSERT_TABLES: 'public.orders\npublic.items',
    ASSERT_ROWS: '1000 public.orders\n1 public.items',
    ASSERT_FRESH: '172800 public.orders created_at',
    ASSERT_QUERY_COUNT: '2',
    ASSERT_QUERY_1: 'select count(*)\nfrom orders',
    ASSERT_ANSWER_1: '5',
    ASSERT_QUERY_2: "select '$(PW)'",
    ASSERT_ANSWER_2: '',
  });
});

test('each of several databases has its own assertions', () => {
  const asked = parts({ databases: { 'Shop Archive': { rows: { 'public.orders': 5 } } } }, several);
  expect(asked.map(({ name, env }) => [name, env.DATABASE, env.ASSERT_ROWS])).toEqual([
    ['shop', 'shop', undefined],
    ['shop-archive', 'Shop Archive', '5 public.orders'],
  ]);
});

test('no step gets the server, a role or a password', () => {
  for (const { env } of parts({}, several)) {
    expect(Object.keys(env).filter((name) => name.startsWith('PG'))).toEqual([]);
    expect(Object.values(env).filter((value) => typeof value !== 'string')).toEqual([]);
  }
});

describe('rejects', () => {
  const asked: Request = {
    tables: ['a.b'],
    rows: { 'a.b': 1 },
    fresh: [{ table: 'a.b', column: 'c', within: '1d' }],
    queries: [{ sql: 's', expect: '' }],
  };

  test('assertions that could be for either of two databases, with a hint', () => {
    expect(found(asked, several).map(({ path, message, hint }) => [path, message, hint])).toEqual(
      ['tables', 'rows', 'fresh', 'queries'].map((key) => [
        [key],
        'ambiguous, because the source has several databases',
        `write databases: { shop: { ${key}: … } }`,
      ]),
    );
    expect(found(asked)).toEqual([]);
    expect(found({ databases: { shop: asked } }, several)).toEqual([]);
  });

  test('an unknown database', () => {
    expect(found({ databases: { shpo: {} } }, several)).toEqual([
      { path: ['databases', 'shpo'], message: "the source has no database 'shpo'", hint: 'its databases: shop, Shop Archive' },
    ]);
  });

  test.each<readonly [object, string]>([
    [{ tables: ['public orders'] }, 'expected schema.table, without spaces'],
    [{ rows: { 'public.orders': 0 } }, 'Too small'],
    [{ fresh: [{ table: 'a', column: 'b', within: 5 }] }, 'expected a duration'],
    [{ queries: [{ sql: 'select 1' }] }, 'expected string'],
  ])('%j', (request, message) => {
    expect(
      postgres.verifySchema
        .safeParse(request)
        .error?.issues.map((issue) => issue.message)
        .join(),
    ).toContain(message);
  });
});
