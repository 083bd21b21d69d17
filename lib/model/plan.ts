import type { Settings, SourceSettings, TierSettings } from '../config/settings.ts';
import type { ClaimSpec, Peer, SecretNeed } from '../pod.ts';
import type { Part } from '../sources/kind.ts';
import { stemOf } from '../units/file-name-template.ts';
import { scheduleOf } from '../units/schedule-word.ts';
import { compare, hashOf, unique } from './lists.ts';
import type { Model, PlannedRun, PlannedSource } from './model.ts';
import { runName, sourceObjectName } from './names.ts';
import { planRestores } from './plan-restore.ts';
import { planStorage } from './plan-storage.ts';
import { planVerify } from './plan-verify.ts';
import type { Elsewhere } from './restore-storages.ts';
import { mergeSecrets } from './secrets.ts';
import { contextOf } from './source-context.ts';

const TWO_DAYS = 48 * 3600;

/** What will run, under which name, into which folder: settings that were checked, as plain data. */
export function planBackups(settings: Settings, warnings: readonly string[], elsewhere: Elsewhere): Model {
  const sources = settings.sources.map((source) => planSource(settings, source));
  const claims = unique(
    sources.flatMap(({ runs }) => runs.flatMap(claimsOf)),
    (claim) => `${claim.namespace}/${claim.name}`,
  );
  return {
    environment: settings.environment,
    images: settings.images,
    namespaces: settings.createNamespace ? unique([settings.namespace, ...sources.map(({ namespace }) => namespace)], String).sort() : [],
    claims: [...claims].sort((a, b) => compare(`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`)),
    sources: [...sources].sort((a, b) => compare(a.name, b.name)),
    restores: planRestores(settings, sources, elsewhere),
    warnings: [
      ...warnings,
      ...unique(
        sources.flatMap(({ runs }) => runs.flatMap(notesOf)),
        String,
      ),
    ],
  };
}

function planSource(settings: Settings, source: SourceSettings): PlannedSource {
  const longest = Math.max(0, ...source.tiers.map(({ options }) => options.job.deadline));
  const runs = source.tiers.map((tier) => planRun(settings, source, tier, Math.max(TWO_DAYS, 2 * longest)));
  return {
    name: source.name,
    namespace: source.namespace,
    objectName: sourceObjectName(source.name),
    folder: source.folder,
    runs,
    verify: planVerify(settings, source, runs),
    peers: unique(runs.flatMap(peersOf), (peer) => JSON.stringify(peer)),
    secrets: mergeSecrets([...runs.flatMap(secretsOf), ...source.kinds.flatMap(({ kind, settings: slice }) => kind.restore?.secrets(slice) ?? [])]),
    networkPolicy: source.options.networkPolicy,
    labels: source.options.pod.labels,
    annotations: source.options.pod.annotations,
  };
}

function planRun(settings: Settings, source: SourceSettings, tier: TierSettings, abandonedAfter: number): PlannedRun {
  const { environment } = settings;
  const { timeZone, suspend, filenameTemplate, pod, job } = tier.options;
  return {
    name: runName(source.name, tier.name),
    environment,
    namespace: source.namespace,
    source: source.name,
    tier: tier.name,
    folder: `${source.folder}/${tier.name}`,
    schedule: tier.schedule && scheduleOf(tier.schedule, `${environment}/${source.name}/${tier.name}`),
    timeZone,
    suspend,
    parts: partsOf(settings, source, tier),
    storages: tier.storages.map((use, index) => planStorage(settings, use, index + 1)),
    filenameTemplate: stemOf(filenameTemplate),
    specHash: hashOf(source.kinds.map(({ kind, settings: slice }) => [kind.name, slice])),
    abandonedAfter,
    pod,
    job,
  };
}

const known = new WeakMap<TierSettings, readonly Part[]>();

/** The parts of one run: those of each kind, by the tier's method where it has one. Checks ask for them too, and they are made once. */
export function partsOf(settings: Settings, source: SourceSettings, tier: TierSettings): readonly Part[] {
  const parts = known.get(tier) ?? makeParts(settings, source, tier);
  known.set(tier, parts);
  return parts;
}

function makeParts({ environment }: Settings, source: SourceSettings, tier: TierSettings): readonly Part[] {
  return source.kinds.flatMap(({ kind, settings }) => kind.parts(settings, contextOf(source, environment, kind, tier)));
}

function claimsOf({ storages }: PlannedRun): readonly ClaimSpec[] {
  return storages.flatMap(({ access }) => (access.claim ? [access.claim] : []));
}

function peersOf({ parts, storages }: PlannedRun): readonly Peer[] {
  return [...parts.flatMap(({ peers }) => peers), ...storages.flatMap(({ access }) => access.peers)];
}

function secretsOf({ parts, storages }: PlannedRun): readonly SecretNeed[] {
  return [...parts.flatMap(({ secrets }) => secrets), ...storages.flatMap(({ access }) => access.secrets)];
}

function notesOf({ storages, pod, job }: PlannedRun): readonly string[] {
  const notes = storages.flatMap(({ name, access }) => (access.notes ?? []).map((note) => `storages.${name}: ${note}`));
  if (pod.scratch.storageClassName === undefined || job.ttlSecondsAfterFinished !== undefined) return notes;
  return [...notes, 'pod.scratch.storageClassName: finished Jobs are removed after ten minutes, because a finished pod holds its volume'];
}
