import type { k8s } from '../../imports/k8s.ts';
import type { Keep } from '../config/schema/keep.ts';
import { floorOf } from '../model/keep-floor.ts';
import type { Origin, PlannedGuard, PlannedRestore, PlannedRun, PlannedStorage } from '../model/model.ts';
import type { Env } from '../pod.ts';
import type { Part, StepPart } from '../sources/kind.ts';
import { bytesOf } from '../units/size.ts';
import type { Plain } from './kubernetes-object.ts';

/** Where all steps of a run find each other's files. */
export const WORK_DIR = '/work';

/** Variables that take their value from the pod itself. */
const FIELDS: readonly Plain<k8s.EnvVar>[] = Object.entries({
  POD_UID: 'metadata.uid',
  POD_NAME: 'metadata.name',
  // Set by the Job controller since Kubernetes 1.27; a pod without a Job gets the empty text.
  JOB_NAME: "metadata.labels['batch.kubernetes.io/job-name']",
}).map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { fieldPath } } }));

/** What every step of a run is given. */
export function commonEnv(run: PlannedRun): Env {
  return {
    ENVIRONMENT: run.environment,
    SOURCE: run.source,
    TIER: run.tier,
    FILENAME_TEMPLATE: run.filenameTemplate,
    TEMPLATE_DATABASE: databaseOf(run),
    WORK_DIR,
    SCRATCH_BYTES: String(bytesOf(run.pod.scratch.size)),
    HOME: '/tmp',
  };
}

/** What the step that takes a part is given beside that. */
export function takeEnv(run: PlannedRun, part: Part): Env {
  return { PART: part.name, PART_COUNT: String(run.parts.length), ...part.env };
}

/** What `publish` is given beside that. */
export function publishEnv(run: PlannedRun, label?: string, pin = false): Env {
  return { ...folderEnv(run), SPEC_HASH: run.specHash, ...(label !== undefined && { LABEL: label }), ...(pin && { PIN: 'true' }) };
}

/** Where the backups of a run are: what `publish`, `list`, `get` and `prune` have in common. */
export function folderEnv(run: PlannedRun): Env {
  return {
    NAMESPACE: run.namespace,
    FOLDER: run.folder,
    ABANDONED_AFTER_SECONDS: String(run.abandonedAfter),
    ...storagesEnv(run.storages),
  };
}

/** Which backup is wanted, and where it lies: what `fetch` is given. */
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

/** What is stored of a restore itself. */
export function markersEnv({ id, markers }: PlannedRestore): Env {
  return { RESTORE_ID: id, ...(markers && { MARKER_STORAGES: markers.storages.join(' '), MARKER_PATH: markers.path }) };
}

/** Who leaves word that a backup went first, and who looks for it, are of one Job, or that backup may be of weeks ago. */
export function safetyEnv({ markers }: PlannedRestore): Env {
  return markers ? { JOB_UID: { field: "metadata.labels['batch.kubernetes.io/controller-uid']" } } : {};
}

/** What the guard is given. */
export function guardEnv({ id, run, parts }: PlannedRestore, guard: PlannedGuard): Env {
  const { applications, paused, claims } = guard;
  return {
    NAMESPACE: run.namespace,
    RESTORE_ID: id,
    ...lines(
      'APPLICATIONS',
      applications.map(({ namespace, kind, name, selector }) => `${namespace} ${kind} ${name ?? `selector ${selector}`}`),
    ),
    ...lines(
      'PAUSED',
      Object.entries(paused).map(([what, how]) => `${what} ${how}`),
    ),
    ...lines(
      'CLAIMS',
      claims.map((claim) => `${run.namespace} ${claim}`),
    ),
    CLAIMS_IN_USE: String(guard.claimsInUse),
    STATES: parts.map(({ name }) => name).join('\n'),
    STOP_WAIT_SECONDS: String(guard.stopWait),
    START_WAIT_SECONDS: String(guard.startWait),
  };
}

/** Storages as scripts/storage.sh reads them. */
export function storagesEnv(storages: readonly PlannedStorage[]): Env {
  return { STORAGE_COUNT: String(storages.length), ...Object.assign({}, ...storages.map((storage, index) => storageEnv(storage, index + 1))) };
}

function lines(name: string, list: readonly string[]): Env {
  return list.length === 0 ? {} : { [name]: list.join('\n') };
}

/** Variables as a container has them. No name is in two groups: a merged map of so many names costs more than the rest. */
export function variables(...groups: readonly Env[]): Plain<k8s.EnvVar>[] {
  const all = [...FIELDS];
  for (const env of groups) {
    for (const [name, value] of Object.entries(env)) {
      if (typeof value === 'string') all.push({ name, value: literal(value) });
      else if ('field' in value) all.push({ name, valueFrom: { fieldRef: { fieldPath: value.field } } });
      else all.push({ name, valueFrom: { secretKeyRef: { name: value.secret, key: value.key } } });
    }
  }
  return all;
}

/** Text that reaches the process as it is: the kubelet replaces `$(NAME)` and turns `$$` into `$`. */
export function literal(text: string): string {
  return text.includes('$') ? text.replaceAll('$', '$$$$') : text;
}

/** One name for all parts: a template may use `.DatabaseName` only where a run has one database. */
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
