import { createHash } from 'node:crypto';
import type { KindSettings, RestoreSettings, Settings, SourceSettings } from '../config/settings.ts';
import type { RestoreAction, RestorePart } from '../sources/kind.ts';
import { canonical, defined, unique } from './lists.ts';
import { methodIn, methodsOf } from './methods.ts';
import type { Application, PlannedGuard, PlannedRestore, PlannedRun, PlannedSource } from './model.ts';
import { restoreAccount, runName } from './names.ts';
import { planStorage } from './plan-storage.ts';
import { type Elsewhere, markedStorages, originOf, SAFETY_TIER, safetyStorage, sourceNamed, storagesOf, tiersWanted } from './restore-storages.ts';
import { mergeSecrets } from './secrets.ts';
import { contextOf, restoreContextOf } from './source-context.ts';

/** The restores of the values, which `lint-restore.ts` has checked. */
export function planRestores(settings: Settings, sources: readonly PlannedSource[], elsewhere: Elsewhere): readonly PlannedRestore[] {
  return settings.restores.flatMap((restore) => {
    const planned = sources.find(({ name }) => name === restore.settings.source);
    if (!planned) return [];
    return [planRestore({ settings, planned, restore, id: idOf(settings, restore), action: 'restore', once: true }, elsewhere)];
  });
}

/** Depends only on what was written: neither a new default nor another order of keys may run the restore again. */
function idOf({ environment }: Settings, { name, written }: RestoreSettings): string {
  return lettersOf(canonical([environment, name, { ...written, enabled: undefined }]));
}

/** One restore, and how it is run. */
export interface RestoreTask {
  readonly settings: Settings;
  /** The source that is restored. */
  readonly planned: PlannedSource;
  readonly restore: RestoreSettings;
  readonly id: string;
  readonly action: RestoreAction;
  /** It leaves a marker in the storages and never runs a second time. */
  readonly once: boolean;
}

export function planRestore(task: RestoreTask, elsewhere: Elsewhere): PlannedRestore {
  const { settings, planned, restore, id, once } = task;
  const { settings: request, name: entry } = restore;
  const source = sourceNamed(settings, request.source);
  const safety = safetyRun(planned, tiersWanted(source, request.tier)[0]?.name);
  const safetyBackup = task.action === 'restore' && request.inPlace?.safetyBackup === true;
  const storage = safetyStorage(settings, source, request);
  const run: PlannedRun = {
    ...safety,
    storages: [planStorage(settings, { storage }, 1)],
    pod: { ...safety.pod, scratch: { ...safety.pod.scratch, ...defined(request.scratch) } },
  };
  const parts = restoreParts(task, source);
  const from = originOf(settings, request, elsewhere);
  const { storages, numbers } = storagesOf(settings, from.storages, markedStorages(once, source, safetyBackup ? [storage] : []));
  const safetyPieces = safetyBackup ? [...run.parts, ...run.storages.map(({ access }) => access)] : [];
  return {
    name: `restore-${entry.slice(0, 40).replace(/-$/, '')}-${id}`,
    entry,
    id,
    account: restoreAccount(source.name),
    run,
    safetyBackup,
    action: task.action,
    origin: from.origin,
    storages,
    once,
    ...(numbers.length > 0 && { markers: { path: `${source.folder}/restores/${id}`, storages: numbers } }),
    parts,
    guard: guardOf(request, parts, run.namespace),
    claims: parts.flatMap(({ claim }) => claim ?? []),
    peers: unique(
      [...parts, ...storages.map(({ access }) => access), ...safetyPieces].flatMap(({ peers }) => peers),
      (peer) => JSON.stringify(peer),
    ),
    secrets: mergeSecrets([...parts, ...storages.map(({ access }) => access), ...safetyPieces].flatMap(({ secrets }) => secrets)),
    networkPolicy: planned.networkPolicy,
    labels: planned.labels,
    annotations: planned.annotations,
  };
}

/**
 * The safety backup before a restore in place: a backup of the source into its own tier, where nothing is ever deleted.
 *
 * @param tier - the tier whose method takes it, so that it can be restored the same way; default: the first
 */
export function safetyRun({ name, folder, runs }: PlannedSource, tier?: string): PlannedRun {
  const first = runs.find((run) => run.tier === tier) ?? runs[0];
  if (!first) throw new Error(`'${name}' has no run`);
  return {
    ...first,
    name: runName(name, SAFETY_TIER),
    tier: SAFETY_TIER,
    folder: `${folder}/${SAFETY_TIER}`,
    schedule: undefined,
    storages: first.storages.map((storage) => ({ ...storage, keep: undefined })),
  };
}

/** Every run that may have backups in the storages of a source: its tiers, and safety backups. */
export function allRuns(source: PlannedSource): readonly PlannedRun[] {
  return source.runs.length === 0 ? [] : [...source.runs, safetyRun(source)];
}

/** The steps of a restore, for all parts or the requested one, of every kind that supports restores. */
export function restoreParts(
  { settings: { environment }, restore, id, action }: Pick<RestoreTask, 'settings' | 'restore' | 'id' | 'action'>,
  source: SourceSettings,
): readonly RestorePart[] {
  const { settings: request } = restore;
  const all = kindsWanted(source, environment, request.part).flatMap(({ kind, settings }) => {
    const { restore: restoring } = methodIn(kind, tiersWanted(source, request.tier)[0]);
    if (!restoring) return [];
    const written = (request as Readonly<Record<string, unknown>>)[kind.name];
    const context = restoreContextOf(source, environment, { restore, action, id });
    return restoring.parts(settings, written ?? kind.restoreSchema?.parse({}), context);
  });
  return all.filter(({ name }) => request.part === undefined || name === request.part);
}

/** The kinds that take part in a restore: all of the source, or the one with the requested part. */
export function kindsWanted(source: SourceSettings, environment: string, part: string | undefined): readonly KindSettings[] {
  return source.kinds.filter(({ kind, settings }) => {
    if (part === undefined) return true;
    return partsOfKind(source, environment, { kind, settings }).includes(part);
  });
}

/** The names of the parts of a source, by which a restore finds its files in a backup. */
export function partNamesOf(source: SourceSettings, environment: string): readonly string[] {
  return unique(
    source.kinds.flatMap((kind) => partsOfKind(source, environment, kind)),
    String,
  );
}

function partsOfKind(source: SourceSettings, environment: string, { kind, settings }: Pick<KindSettings, 'kind' | 'settings'>): readonly string[] {
  return methodsOf(source, kind).flatMap((method) => method.parts(settings, contextOf(source, environment)).map(({ name }) => name));
}

function guardOf(request: RestoreSettings['settings'], parts: readonly RestorePart[], namespace: string): PlannedGuard | undefined {
  const claims = parts.flatMap(({ occupies }) => occupies ?? []);
  if (request.scaleDown.length === 0 && (claims.length === 0 || request.whileInUse)) return undefined;
  return {
    applications: request.scaleDown.map((text) => applicationOf(text, namespace)),
    paused: Object.fromEntries(Object.entries(request.paused).flatMap(([what, how]) => (how === undefined ? [] : [[what, how]]))),
    claims,
    claimsInUse: request.whileInUse,
    stopWait: request.stopWait,
    startWait: request.startWait,
  };
}

/** Parses `[namespace/]kind/name`, or labels instead of the name: only labels contain `=`, and they may contain slashes. */
export function applicationOf(text: string, namespace: string): Application {
  const [, where, kind, which = ''] = /^(?:([a-z0-9-]+)\/)?(deployment|statefulset)\/(.+)$/.exec(text) ?? [];
  const target = which.includes('=') ? { selector: which } : { name: which };
  return { namespace: where ?? namespace, kind: kind as Application['kind'], ...target };
}

/** Eight letters derived from a text, like a run id. */
export function lettersOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return hex.replaceAll(/./g, (digit) => 'bcdfghjkmnpqrstv'[Number.parseInt(digit, 16)] ?? '');
}
