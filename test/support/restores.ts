import { readingOf, type Values } from '../../lib/config/define.ts';
import { restore as schema } from '../../lib/config/schema/restore.ts';
import { type Loaded, loadValues } from '../../lib/model/load.ts';
import type { Model, PlannedRestore } from '../../lib/model/model.ts';
import { planRestore } from '../../lib/model/plan-restore.ts';
import type { Elsewhere } from '../../lib/model/restore-storages.ts';
import type { RestoreAction } from '../../lib/sources/kind.ts';
import { SAMPLE_RESTORES, SAMPLE_SOURCES } from './samples.ts';

/** Storages, a plan, and sources that can be restored and verified. Tests add restores. */
export const RESTORABLE = {
  namespace: 'backup',
  storages: {
    local: { pvc: { size: '10Gi' } },
    cold: { s3: { bucket: 'acme-cold', region: 'eu-west-1', credentials: { workloadIdentity: { roleArn: 'arn:aws:iam::1:role/backup' } } } },
    offsite: {
      s3: { bucket: 'acme-backups', endpoint: 'https://minio.minio:9000', ca: { configMap: 'minio-ca' }, credentials: { secret: 'backup-s3' } },
    },
  },
  plans: {
    default: {
      storages: ['local', 'offsite', 'cold'],
      tiers: { daily: { schedule: '0 2 * * *', keep: { daily: 7 } }, weekly: { schedule: '0 3 * * 0', keep: { weekly: 4 }, storages: ['offsite'] } },
    },
  },
  sources: {
    orders: {
      postgres: {
        host: 'orders-db.orders',
        databases: ['orders', 'Orders Archive'],
        version: 17,
        credentials: { secret: 'orders-db' },
        admin: { credentials: { secret: 'orders-admin' } },
      },
      verify: {
        newerThan: '2d',
        storage: 'offsite',
        scratch: { size: '40Gi' },
        deadline: '2h',
        postgres: {
          amcheck: false,
          jobs: 4,
          databases: {
            orders: {
              tables: ['public.orders'],
              rows: { 'public.orders': 1000 },
              fresh: [{ table: 'public.orders', column: 'created_at', within: '1d' }],
              queries: [{ sql: 'select $$x$$', expect: 'x' }],
            },
          },
        },
      },
    },
    uploads: {
      volume: { claim: 'uploads', nextTo: { app: 'web' } },
      verify: { volume: { entriesAtLeast: 10, paths: ['a b/c'], sha256: { 'a b/c': 'a'.repeat(64) } } },
    },
    wiki: {
      postgres: {
        host: 'wiki-db.wiki',
        database: 'wiki',
        version: 16,
        credentials: { secret: 'wiki-db' },
        tls: { mode: 'verify-full', ca: { configMap: 'postgres-ca' } },
        admin: { user: 'admin', credentials: { secret: 'wiki-admin' }, database: 'template1' },
      },
      volume: { claim: 'wiki-data', node: 'worker-1' },
    },
  },
} as const satisfies Values;

type Restores = NonNullable<Values['restores']>;

/** Each way to restore that the values support, once. */
export const EVERY_RESTORE: Restores = {
  beside: { source: 'orders', at: 'before:2026-11-21T09:30:00Z', tier: 'weekly' },
  'another-server': {
    source: 'orders',
    backupsOf: 'staging/orders',
    from: 'offsite',
    at: 'latest-verified',
    part: 'orders-archive',
    postgres: {
      database: 'orders_copy',
      server: {
        host: 'db.acme.dev',
        version: 18,
        tls: { mode: 'verify-ca', ca: { secret: 'db-ca' } },
        admin: { credentials: { secret: 'db-admin' } },
      },
      owner: { role: 'app' },
      privileges: 'none',
      schemas: ['public'],
      tables: ['public.orders'],
      globals: 'missing-roles',
    },
  },
  'in-place': { source: 'orders', inPlace: { confirm: 'prod/orders' } },
  guarded: {
    source: 'wiki',
    at: 'bcdfghjk',
    inPlace: { confirm: 'prod/wiki' },
    scaleDown: ['deployment/api', 'wiki/statefulset/worker', 'wiki/deployment/app=wiki,tier=web'],
    paused: { autoscaler: 'kubectl delete hpa', gitops: 'argocd app set --sync-policy none' },
    stopWait: '2m',
    startWait: '10m',
  },
  files: { source: 'uploads', from: 'cold', volume: { paths: ['a b'], owners: 'none', links: 'keep' } },
  'files-in-place': { source: 'uploads', inPlace: { confirm: 'prod/uploads', safetyBackup: false } },
  'new-claim': {
    source: 'uploads',
    volume: { into: { claim: 'uploads-restored', size: '5Gi', storageClassName: 'fast', accessMode: 'ReadWriteMany' } },
  },
};

/** Settings and plan of an environment `prod` with these restores; `staging` has the same sources. */
export function loadRestores(restores: Restores = EVERY_RESTORE, changes: Partial<Values> = {}): Loaded {
  return loadValues(readingOf('prod', { ...RESTORABLE, ...changes, restores }).values, [], elsewhere);
}

/** The other environment, with a bucket that both can reach. */
export const elsewhere: Elsewhere = () => loadValues(readingOf('staging', RESTORABLE).values).settings;

/** The plan of one restore. */
export function aRestore(entry: Restores[string], changes: Partial<Values> = {}): PlannedRestore {
  const [restore] = loadRestores({ copy: entry }, changes).model.restores;
  if (!restore) throw new Error('nothing is restored');
  return restore;
}

/** The plan of a manual restore, which can run any number of times. */
export function byHand(entry: NonNullable<Restores[string]>): PlannedRestore {
  const { settings, model } = loadRestores({ hand: entry });
  const planned = model.sources.find(({ name }) => name === entry.source);
  const [restore] = settings.restores;
  if (!planned || !restore) throw new Error('nothing is planned');
  return planRestore({ settings, planned, restore, id: 'bcdfghjk', action: 'restore', once: false }, elsewhere);
}

/** The plan of a manual swap-back or drop-old, which leaves no marker. */
export function anEnd(
  action: Exclude<RestoreAction, 'restore'>,
  source: keyof (typeof RESTORABLE)['sources'],
  request: Partial<Restores[string]> = {},
): PlannedRestore {
  const confirm = `prod/${source}`;
  const { settings, model } = loadRestores({ end: { source, inPlace: { confirm, safetyBackup: false } } });
  const planned = model.sources.find(({ name }) => name === source);
  const [restore] = settings.restores;
  if (!planned || !restore) throw new Error(`nothing is planned for ${source}`);
  const requested = { ...restore, settings: schema.parse({ ...restore.written, ...request }) };
  return planRestore({ settings, planned, restore: requested, id: 'bcdfghjk', action, once: false }, elsewhere);
}

/** The sources and restores of an environment that uses each way to restore and to verify, also those of all samples. */
export function restorableModel(): Model {
  return loadRestores({ ...EVERY_RESTORE, ...SAMPLE_RESTORES }, { sources: { ...RESTORABLE.sources, ...SAMPLE_SOURCES } }).model;
}
