import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { synthesize } from '../../../lib/charts/synthesize.ts';
import { loadEnvironment } from '../../../lib/model/load.ts';
import { type JobEnd, run } from './job.ts';
import { applyFolder, type Json, kubectl } from './kubectl.ts';
import type { S3 } from './s3.ts';

/** What one test file applied: `dist/test/` of its values. */
export interface Deployment {
  /** Folder with `keep/` and `jobs/`. */
  readonly dist: string;
  /** A run of a source by hand, from start to end. `change` says what a test bends of the synthesized Job. */
  readonly run: (source: string, change?: (job: Json) => void, seconds?: number) => Promise<JobEnd>;
}

/** Values to YAML to the cluster: what `synth` and `kubectl apply -k` do, with every text unchanged. */
export async function deploy(namespace: string, values: Json): Promise<Deployment> {
  return deployDist(namespace, writeDist(values));
}

/** The same for a configuration of ours, with an environment of the test's laid over its base. */
export async function deployExample(namespace: string, base: string, overlay: Json): Promise<Deployment> {
  return deployDist(namespace, writeDistOf(readFileSync(base, 'utf8'), JSON.stringify(overlay)));
}

async function deployDist(namespace: string, dist: string): Promise<Deployment> {
  await applyFolder(join(dist, 'keep'));
  await applyFolder(join(dist, 'jobs'));
  return { dist, run: (source, change, seconds) => run(namespace, `backup-${source}-daily`, change, seconds) };
}

/** Writes what `synth test` writes, into a new folder. */
export function writeDist(values: Json): string {
  return writeDistOf(JSON.stringify(values, undefined, 2), '');
}

function writeDistOf(base: string, overlay: string): string {
  const root = mkdtempSync(join(tmpdir(), 'backstay-'));
  const config = join(root, 'config');
  const dist = join(root, 'dist', 'test');
  mkdirSync(config);
  writeFileSync(join(config, 'base.yaml'), base);
  writeFileSync(join(config, 'test.yaml'), overlay);
  for (const [path, text] of synthesize(loadEnvironment(config, 'test').model, '0.0.0')) {
    mkdirSync(dirname(join(dist, path)), { recursive: true });
    writeFileSync(join(dist, path), text);
  }
  return dist;
}

export interface Defaults {
  readonly namespace: string;
  readonly s3: Pick<S3, 'url'>;
  readonly bucket: string;
}

/**
 * Values as a user would write them for a claim and a store with a private authority: two storages, one plan that never
 * fires by itself, little scratch, no second attempt. A test lays its own over them, key by key.
 */
export function testValues({ namespace, s3, bucket }: Defaults, over: Json): Json {
  const values = {
    namespace,
    storages: { local: { pvc: { size: '1Gi' } }, offsite: s3Storage(s3, bucket) },
    plans: { default: { storages: ['local', 'offsite'], tiers: { daily: { schedule: '0 0 1 1 *', keep: { last: 3 } } } } },
    defaults: {
      pod: { scratch: { size: '64Mi' }, resources: { requests: { cpu: '20m', memory: '32Mi' }, limits: { memory: '512Mi' } } },
      // History limits: Kubernetes removes finished Jobs while a test still looks at them.
      job: { backoffLimit: 0, deadline: '10m', successfulJobsHistoryLimit: 100, failedJobsHistoryLimit: 100 },
    },
    sources: {},
  };
  return merge(values, over);
}

/** A bucket behind the gate, or behind another URL. */
export function s3Storage(s3: Pick<S3, 'url'>, bucket: string, over: Json = {}): Json {
  const given = { bucket, endpoint: s3.url, ca: { configMap: 'private-ca' }, credentials: { secret: 'backup-s3' } };
  return { s3: merge(given, over) };
}

/** A database of a server that `startPostgres` started. */
export function postgresSource(server: string, database: string, over: Json = {}): Json {
  return { postgres: merge({ host: server, database, version: 17, wait: '10s', credentials: { secret: server } }, over) };
}

/** Deletes what `jobs/` holds, as the README says for leaving. */
export async function deleteJobs(dist: string): Promise<string> {
  return kubectl(['delete', '-k', join(dist, 'jobs'), '--wait=true', '--cascade=background']);
}

/** An overlay over values, as the environments do it: objects key by key, all else replaced. */
export function merge(base: Json, over: Json): Json {
  if (typeof base !== 'object' || typeof over !== 'object' || !base || !over || Array.isArray(base) || Array.isArray(over)) return over;
  const keys = [...new Set([...Object.keys(base), ...Object.keys(over)])];
  return Object.fromEntries(keys.map((key) => [key, key in over ? (key in base ? merge(base[key], over[key]) : over[key]) : base[key]]));
}

/** An application's claim. */
export function claim(namespace: string, name: string, storageClassName?: string): Json {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName },
  };
}
