import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { synthesize } from '../../../lib/charts/synthesize.ts';
import { loadEnvironment } from '../../../lib/model/load.ts';
import { type JobEnd, run } from './job.ts';
import { applyFolder, type Json, kubectl } from './kubectl.ts';
import type { S3 } from './s3.ts';

/** The output that a test file applied: `dist/test/` of its values. */
export interface Deployment {
  /** Folder with `keep/` and `jobs/`. */
  readonly dist: string;
  /** A manual run of a source, from start to end. `change` modifies the synthesized Job. */
  readonly run: (source: string, change?: (job: Json) => void, seconds?: number) => Promise<JobEnd>;
}

/** Synthesizes values and applies the unmodified YAML, like `synth` and `kubectl apply -k`. */
export async function deploy(namespace: string, values: Json): Promise<Deployment> {
  return deployDist(namespace, writeDist(values));
}

/** The same for an example of this project, with an environment of the test over its base. */
export async function deployExample(namespace: string, base: string, overlay: Json): Promise<Deployment> {
  return deployDist(namespace, writeDistOf(readFileSync(base, 'utf8'), JSON.stringify(overlay)));
}

async function deployDist(namespace: string, dist: string): Promise<Deployment> {
  await applyFolder(join(dist, 'keep'));
  await applyFolder(join(dist, 'jobs'));
  return { dist, run: (source, change, seconds) => run(namespace, `backup-${source}-daily`, change, seconds) };
}

/** Writes the output of `synth test` to a new folder. */
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
 * Values as a user would write them for a claim and a store with a private CA: two storages, one plan that never fires by
 * itself, little scratch, no second attempt. A test merges its own values over them.
 */
export function testValues({ namespace, s3, bucket }: Defaults, over: Json): Json {
  const values = {
    namespace,
    storages: { local: { pvc: { size: '1Gi' } }, offsite: s3Storage(s3, bucket) },
    plans: { default: { storages: ['local', 'offsite'], tiers: { daily: { schedule: '0 0 1 1 *', keep: { last: 3 } } } } },
    defaults: {
      pod: { scratch: { size: '64Mi' }, resources: { requests: { cpu: '20m', memory: '32Mi' }, limits: { memory: '512Mi' } } },
      // Without these limits, Kubernetes removes finished Jobs while a test still looks at them.
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

/** A database on a server from `startPostgres`. */
export function postgresSource(server: string, database: string, over: Json = {}): Json {
  return { postgres: merge({ host: server, database, version: 17, wait: '10s', credentials: { secret: server } }, over) };
}

/** Deletes the objects of `jobs/`, as the README describes. */
export async function deleteJobs(dist: string): Promise<string> {
  return kubectl(['delete', '-k', join(dist, 'jobs'), '--wait=true', '--cascade=background']);
}

/** Merges an overlay over values like an environment: objects by key, everything else is replaced. */
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
