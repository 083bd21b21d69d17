import { options } from '../../lib/config/schema/options.ts';
import type { Model, PlannedRun, PlannedSource, PlannedStorage } from '../../lib/model/model.ts';
import { IMAGES } from '../../lib/sources/images.ts';
import type { Part } from '../../lib/sources/kind.ts';
import { dump } from '../../lib/sources/postgres/dump.ts';
import { postgres } from '../../lib/sources/postgres/kind.ts';
import { volume } from '../../lib/sources/volume/kind.ts';
import { tar } from '../../lib/sources/volume/tar.ts';
import { STORAGE_KINDS, storageKind } from '../../lib/storages/index.ts';
import { restorableModel } from './restores.ts';
import { SAMPLES } from './samples.ts';

/** Changes to a run, with `pod` and `job` in the form of the values. */
export interface RunChanges extends Partial<Omit<PlannedRun, 'pod' | 'job'>> {
  readonly pod?: object;
  readonly job?: object;
}

const KEEP = { daily: 7, weekly: 4, atMostDeleted: 50 };

/** Parts of a PostgreSQL source, from the values under `postgres`. */
export function postgresParts(written: object = {}, source = 'shop'): readonly Part[] {
  const settings = { host: 'shop-db.shop', database: 'shop', version: 17, credentials: { secret: 'shop-db' }, ...written };
  return dump.parts(postgres.schema.parse(settings), {
    environment: 'prod',
    source,
    namespace: 'backup',
    throttle: { perServer: 3, wait: 3600 },
  });
}

/** Parts of a volume source, from the values under `volume`. */
export function volumeParts(written: object = {}): readonly Part[] {
  const settings = { claim: 'app-data', nextTo: { app: 'web' }, ...written };
  return tar.parts(volume.schema.parse(settings));
}

/** The default of tests that do not set it. */
const DEFAULTS: Readonly<Record<string, object>> = { s3: { bucket: 'acme-backups', credentials: { secret: 'backup-s3' } } };

/** Storages of one run, from values: `{ local: { pvc: { size: '10Gi' } } }`. The first is the primary. */
export function storagesOf(written: Readonly<Record<string, Readonly<Record<string, object>>>>): readonly PlannedStorage[] {
  return Object.entries(written).map(([name, storage], index) => {
    const kind = storageKind(Object.keys(storage)[0] ?? '');
    const settings = kind.schema.parse({ ...DEFAULTS[kind.name], ...storage[kind.name] });
    const access = kind.access(settings, { environment: 'prod', name, namespace: 'backup' }, index + 1);
    return { name, kind: kind.name, role: index === 0 ? 'primary' : 'copy', keep: KEEP, access };
  });
}

/** A run of a PostgreSQL database into a claim and a bucket, with all defaults. */
export function aRun({ pod = {}, job = {}, ...changes }: RunChanges = {}): PlannedRun {
  const source = changes.source ?? 'shop';
  const tier = changes.tier ?? 'daily';
  const defaults = options.parse({ pod, job });
  return {
    name: `backup-${source}-${tier}`,
    environment: 'prod',
    namespace: 'backup',
    source,
    tier,
    folder: `${source}/${tier}`,
    schedule: '0 2 * * *',
    timeZone: 'Etc/UTC',
    suspend: false,
    parts: postgresParts({}, source),
    storages: storagesOf({ local: { pvc: { size: '10Gi' } }, offsite: { s3: {} } }),
    filenameTemplate: defaults.filenameTemplate,
    specHash: '0123456789ab',
    abandonedAfter: 172_800,
    ...changes,
    pod: defaults.pod,
    job: defaults.job,
  };
}

/** A source with one run, as in a plan. */
export function aSource(runs: readonly PlannedRun[] = [aRun()], changes: Partial<PlannedSource> = {}): PlannedSource {
  const { source, namespace } = runs[0] ?? aRun();
  const pieces = runs.flatMap(({ parts, storages }) => [...parts, ...storages.map(({ access }) => access)]);
  return {
    name: source,
    namespace,
    objectName: `backup-${source}`,
    folder: source,
    runs,
    peers: pieces.flatMap(({ peers }) => peers),
    secrets: pieces.flatMap(({ secrets }) => secrets),
    networkPolicy: { enabled: true, exceptCidrs: [], dnsPort: 53, apiServerPort: 6443 },
    labels: {},
    annotations: {},
    ...changes,
  };
}

/** An environment with these sources and the claims that they need. */
export function aModel(sources: readonly PlannedSource[] = [aSource()], changes: Partial<Model> = {}): Model {
  const claims = sources.flatMap(({ runs }) => runs.flatMap(({ storages }) => storages.flatMap(({ access }) => access.claim ?? [])));
  return {
    environment: 'prod',
    images: IMAGES,
    namespaces: [],
    claims: [...new Map(claims.map((claim) => [`${claim.namespace}/${claim.name}`, claim])).values()],
    sources,
    restores: [],
    warnings: [],
    ...changes,
  };
}

const ALL_RULES = { last: 10, for: 604_800, daily: 7, weekly: 4, monthly: 6, yearly: 1, atLeast: 3, atMostDeleted: 50 };

/** An environment with every option of every kind, one source with defaults only, and the sample of each method. */
export function aFullModel(): Model {
  const shop = {
    source: 'shop',
    parts: postgresParts({ database: undefined, ...dump.sample.settings }),
    pod: EVERYTHING_OF_A_POD,
    storages: everyStorage(),
  };
  const { sources: restorable, restores } = restorableModel();
  const files = { source: 'files', parts: volumeParts(tar.sample.settings), storages: everyStorage() };
  return aModel(
    [
      aSource([aRun({ source: 'plain' })]),
      aSource([aRun(shop), aRun({ ...shop, tier: 'weekly', suspend: true, timeZone: 'Europe/Berlin' })], { labels: { team: 'shop' } }),
      aSource([aRun({ ...files, job: { ttlSecondsAfterFinished: 3600 } })], {
        networkPolicy: { enabled: true, exceptCidrs: ['10.96.0.0/12', 'fd00::/8', '10.0.0.0/8'], dnsPort: 5353, apiServerPort: 6443 },
      }),
      aSource([
        aRun({
          source: 'both',
          parts: [...postgresParts(), ...volumeParts({ nextTo: undefined, node: 'worker-1', tar: 'busybox' })],
        }),
      ]),
      aSource([aRun({ source: 'large', pod: { scratch: { size: '2Ti', storageClassName: 'fast' } } })]),
      aSource([aRun({ source: 'by-hand', tier: 'once', schedule: undefined })], {
        networkPolicy: { enabled: false, exceptCidrs: [], dnsPort: 53, apiServerPort: 6443 },
      }),
      ...namedAfterDatabases(),
      ...restorable,
    ],
    { namespaces: ['backup'], restores },
  );
}

/** A source for each method whose files are named after a database, because every script that names files reads that variable. */
function namedAfterDatabases(): readonly PlannedSource[] {
  const filenameTemplate = '{{ .DatabaseName }}-{{ .Timestamp }}-{{ .RunID }}';
  return SAMPLES.map(({ kind, method }) => {
    const source = `named-${method.name}`;
    const context = { environment: 'prod', source, namespace: 'backup', throttle: { perServer: 3, wait: 3600 } };
    return aSource([aRun({ source, filenameTemplate, parts: method.parts(kind.schema.parse(method.sample.settings), context) })]);
  });
}

/** Every sample of every kind. The first three have the names that tests use. */
function everyStorage(): readonly PlannedStorage[] {
  const samples = STORAGE_KINDS.flatMap((kind) => kind.samples.map((sample) => ({ [kind.name]: sample })));
  const named = samples.map((sample, index) => [['local', 'offsite', 'cold'][index] ?? `storage-${index + 1}`, sample] as const);
  return storagesOf(Object.fromEntries(named)).map((storage, index) => (index === 0 ? { ...storage, keep: ALL_RULES } : storage));
}

const EVERYTHING_OF_A_POD = {
  runAsUser: 1000,
  runAsGroup: 2000,
  supplementalGroups: [3000],
  resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '2', memory: '1Gi' } },
  scratch: { size: '20Gi' },
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
  tolerations: [{ key: 'backup', operator: 'Exists', effect: 'NoSchedule' }],
  priorityClassName: 'low',
  imagePullSecrets: ['registry'],
  labels: { 'acme.dev/cost': 'backup', 'app.kubernetes.io/name': 'mine' },
  annotations: { 'sidecar.istio.io/inject': 'false' },
  terminationGracePeriod: '2m',
};
