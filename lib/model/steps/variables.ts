import type { Keep } from '../../config/schema/keep.ts';
import type { Env } from '../../pod.ts';
import { documentedBy } from '../../script-headers.ts';
import type { StepPart } from '../../sources/kind.ts';
import { bytesOf } from '../../units/size.ts';
import { floorOf } from '../keep-floor.ts';
import type { Origin, PlannedRun, PlannedStorage } from '../model.ts';
import type { Step } from './step.ts';

/** Where the steps of a run share files. */
export const WORK_DIR = '/work';

/** Read by tools that the scripts call. */
const FOR_TOOLS: ReadonlySet<string> = new Set(['HOME']);

/** Variables that any step of a run may read. */
export function sharedEnv(run: PlannedRun): Env {
  return {
    POD_UID: { field: 'metadata.uid' },
    POD_NAME: { field: 'metadata.name' },
    // Set by the Job controller since Kubernetes 1.27; a pod without a Job gets the empty text.
    JOB_NAME: { field: "metadata.labels['batch.kubernetes.io/job-name']" },
    ENVIRONMENT: run.environment,
    SOURCE: run.source,
    TIER: run.tier,
    FILENAME_TEMPLATE: run.filenameTemplate,
    ...(run.filenameTemplate.includes('.DatabaseName') && { TEMPLATE_DATABASE: databaseOf(run) }),
    WORK_DIR,
    SCRATCH_BYTES: String(bytesOf(run.pod.scratch.size)),
    HOME: '/tmp',
  };
}

/**
 * The variables of one step, as pairs of name and value: the shared ones that its scripts read, then its own.
 *
 * No name is in both. It is a list because merging maps with this many keys dominated the time of synth.
 */
export function stepEnv({ run, env }: Pick<Step, 'run' | 'env'>, shared: Env): readonly (readonly [string, Env[string]])[] {
  const read = documentedBy(run);
  const found = Object.entries(shared).filter(([name]) => read.has(name) || FOR_TOOLS.has(name));
  for (const name in env) found.push([name, env[name] as Env[string]]);
  return found;
}

/** Where the backups of a run are, for `publish`, `list`, `get` and `prune`. */
export function folderEnv(run: PlannedRun): Env {
  return {
    NAMESPACE: run.namespace,
    FOLDER: run.folder,
    ABANDONED_AFTER_SECONDS: String(run.abandonedAfter),
    ...storagesEnv(run.storages),
  };
}

/** Which backup to fetch, and from where. */
export function fetchEnv(origin: Origin, storages: readonly PlannedStorage[], parts: readonly StepPart[], namespace: string): Env {
  return {
    NAMESPACE: namespace,
    ORIGIN_ENVIRONMENT: origin.environment,
    ORIGIN_SOURCES: origin.sources.join('\n'),
    FOLDERS: origin.folders.join('\n'),
    FROM_STORAGE: String(origin.from),
    WANTED: origin.wanted,
    ...(origin.notAfter !== undefined && { NOT_AFTER: String(origin.notAfter) }),
    ...(origin.newerThan !== undefined && { NEWER_THAN_SECONDS: String(origin.newerThan) }),
    PARTS: parts.map(({ name, kind, method }) => `${name} ${kind} ${method}`).join('\n'),
    ...storagesEnv(storages),
  };
}

/** Storages in the form of storage.sh. */
export function storagesEnv(storages: readonly PlannedStorage[]): Env {
  return { STORAGE_COUNT: String(storages.length), ...Object.assign({}, ...storages.map((storage, index) => storageEnv(storage, index + 1))) };
}

/** The same for all parts: a template may use `.DatabaseName` only in a run with a single database. */
function databaseOf({ parts }: PlannedRun): string {
  const names = parts.flatMap(({ databaseName }) => databaseName ?? []);
  return names.length === 1 ? (names[0] ?? '') : '';
}

function storageEnv({ name, kind, role, access, keep }: PlannedStorage, number: number): Env {
  const own = {
    NAME: name,
    KIND: kind,
    ROLE: role,
    REMOTE: access.remote,
    COMPARE: access.compare,
    READ_BACK: String(access.readBack),
    ...(keep && keepEnv(keep)),
  };
  return { ...Object.fromEntries(Object.entries(own).map(([key, value]) => [`STORAGE_${number}_${key}`, value])), ...access.env };
}

function keepEnv(keep: Keep): Env {
  const rules = {
    KEEP_LAST: keep.last,
    KEEP_FOR_SECONDS: keep.for,
    KEEP_DAILY: keep.daily,
    KEEP_WEEKLY: keep.weekly,
    KEEP_MONTHLY: keep.monthly,
    KEEP_YEARLY: keep.yearly,
    KEEP_AT_LEAST: floorOf(keep),
    KEEP_AT_MOST_DELETED: keep.atMostDeleted,
  };
  return Object.fromEntries(Object.entries(rules).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])));
}
