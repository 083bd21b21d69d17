import type { Sample } from '../kind.ts';
import type { dumpFacts } from './dump-facts.ts';
import type { restoreSchema } from './restore.ts';
import type { schema } from './settings.ts';
import type { verifySchema } from './verify.ts';

/** Two databases, every setting of a dump, and a `$` wherever one is allowed. */
export const dumpSample = {
  settings: {
    host: 'shop-db.shop',
    port: 5433,
    databases: ['shop', 'Shop Archive'],
    version: 17,
    user: 'back$up',
    credentials: { secret: 'shop-db' },
    tls: { mode: 'verify-full', ca: { configMap: 'postgres-ca' } },
    dump: {
      format: 'custom',
      compression: 'gzip',
      level: 6,
      schemas: ['public', 'sales$(HOME)'],
      excludeSchemas: ['scratch'],
      tables: ['*'],
      excludeTables: ['audit_*'],
      excludeTableData: ['log'],
    },
    admin: { credentials: { secret: 'shop-admin' } },
  },
  restore: {
    owner: { role: 'app' },
    privileges: 'none',
    schemas: ['public'],
    tables: ['public.orders$(HOME)'],
    globals: 'missing-roles',
    jobs: 4,
  },
  verify: {
    databases: {
      shop: {
        tables: ['public.orders'],
        rows: { 'public.orders': 1000 },
        fresh: [{ table: 'public.orders', column: 'created_at', within: '1d' }],
        queries: [{ sql: 'select $$x$$', expect: 'x' }],
      },
    },
    amcheck: false,
    jobs: 4,
  },
  facts: {
    format: 'custom',
    server: { version: '17.11', major: 17 },
    database: {
      name: 'shop',
      owner: 'app',
      encoding: 'UTF8',
      collation: 'C.UTF-8',
      ctype: 'C.UTF-8',
      localeProvider: 'libc',
      collationVersion: '2.36',
      bytes: 8_000_000,
      tables: 3,
      largeObjects: 0,
      extensions: [{ name: 'plpgsql', version: '1.0' }],
    },
    filters: { excludeTableData: ['audit.*'] },
    throttle: { slot: 1, waitedSeconds: 0, held: true },
  },
} satisfies Sample<typeof schema, typeof restoreSchema, typeof verifySchema, ReturnType<typeof dumpFacts>>;
