import { createHash } from 'node:crypto';
import type { KindSettings, RestoreSettings, Settings, SourceSettings } from '../config/settings.ts';
import type { RestoreAction, RestorePart } from '../sources/kind.ts';
import { canonical, defined, unique } from './lists.ts';
import { contextOf, methodIn, methodsOf } from './methods.ts';
import type { Application, PlannedGuard, PlannedRestore, PlannedRun, PlannedSource } from './model.ts';
import { restoreAccount, runName } from './names.ts';
import { planStorage } from './plan-storage.ts';
import { type Elsewhere, markedStorages, originOf, SAFETY_TIER, safetyStorage, sourceNamed, storagesOf, tiersWanted } from './restore-storages.ts';
import { mergeSecrets } from './secrets.ts';

/** The restores of the values. Each was checked: see `lint-restore.ts`. */
export function planRestores(settings: Settings, sources: readonly PlannedSource[], elsewhere: Elsewhere): readonly PlannedRestore[] {
  return settings.restores.flatMap((restore) => {
    const planned = sources.find(({ name }) => name === restore.settings.source);
    if (!planned) return [];
    return [planRestore({ settings, planned, restore, id: idOf(settings, restore), action: 'restore', once: true }, elsewhere)];
  });
}

/** What was written decides alone: neither a new default nor another order of the keys makes a second run of it. */
function idOf({ environment }: Settings, { name, written }: RestoreSettings): string {
  return lettersOf(canonical([environment, name, { ...written, enabled: undefined }]));
}

/** One restore, and what is true of it alone. */
export interface RestoreRequest {
  readonly settings: Settings;
  /** The source that is restored. */
  readonly planned: PlannedSource;
  readonly restore: RestoreSettings;
  readonly id: string;
  readonly action: RestoreAction;
  /** It leaves a marker in the storages, and never runs again. */
  readonly once: boolean;
}

export function planRestore(request: RestoreRequest, elsewhere: Elsewhere): PlannedRestore {
  const { settings, planned, restore, id, once } = request;
  const { settings: wish, name: entry } = restore;
  const source = sourceNamed(settings, wish.source);
  const safety = safetyRun(planned);
  const safetyBackup = request.action === 'restore' && wish.inPlace?.safetyBackup === true;
  const storage = safetyStorage(settings, source, wish);
  const run: PlannedRun = {
    ...safety,
    storages: [planStorage(settings, { storage }, 1)],
    pod: { ...safety.pod, scratch: { ...safety.pod.scratch, ...defined(wish.scratch) } },
  };
  const parts = restoreParts(request, source);
  const from = originOf(settings, wish, elsewhere);
  const { storages, numbers } = storagesOf(settings, from.storages, markedStorages(once, source, safetyBackup ? [storage] : []));
  const safetyPieces = safetyBackup ? [...run.parts, ...run.storages.map(({ access }) => access)] : [];
  return {
    name: `restore-${entry.slice(0, 40).replace(/-$/, '')}-${id}`,
    entry,
    id,
    account: restoreAccount(source.name),
    run,
    safetyBackup,
    action: request.action,
    origin: from.origin,
    storages,
    once,
    ...(numbers.length > 0 && { markers: { path: `${source.folder}/restores/${id}`, storages: numbers } }),
    parts,
    guard: guardOf(wish, parts, run.namespace),
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

/** The backup that goes before a restore in place: the source's own, into a tier of its own, from which nothing is ever deleted. */
export function safetyRun({ name, folder, runs }: PlannedSource): PlannedRun {
  const [first] = runs;
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

/** All that may lie in the storages of a source: its tiers, and what restores have backed up first. */
export function allRuns(source: PlannedSource): readonly PlannedRun[] {
  return source.runs.length === 0 ? [] : [...source.runs, safetyRun(source)];
}

/** The steps of a restore: those of each kind that knows how, of all parts or of the one that is wanted. */
export function restoreParts(
  { settings: { environment }, restore: { settings: wish }, id, action }: Pick<RestoreRequest, 'settings' | 'restore' | 'id' | 'action'>,
  source: SourceSettings,
): readonly RestorePart[] {
  const all = kindsWanted(source, environment, wish.part).flatMap(({ kind, settings }) => {
    const { restore } = methodIn(kind, tiersWanted(source, wish.tier)[0]);
    if (!restore) return [];
    const written = (wish as Readonly<Record<string, unknown>>)[kind.name];
    const context = { ...contextOf(source, environment), id, action, part: wish.part, inPlace: wish.inPlace !== undefined };
    return restore.parts(settings, written ?? kind.restoreSchema?.parse({}), context);
  });
  return all.filter(({ name }) => wish.part === undefined || name === wish.part);
}

/** The kinds that have a share in a restore: all of the source, or the one whose part is wanted. */
export function kindsWanted(source: SourceSettings, environment: string, part: string | undefined): readonly KindSettings[] {
  return source.kinds.filter(({ kind, settings }) => {
    if (part === undefined) return true;
    return partsOfKind(source, environment, { kind, settings }).includes(part);
  });
}

/** The parts of a source's backups, by which a restore finds what it needs in them. */
export function partNamesOf(source: SourceSettings, environment: string): readonly string[] {
  return unique(
    source.kinds.flatMap((kind) => partsOfKind(source, environment, kind)),
    String,
  );
}

function partsOfKind(source: SourceSettings, environment: string, { kind, settings }: Pick<KindSettings, 'kind' | 'settings'>): readonly string[] {
  return methodsOf(source, kind).flatMap((method) => method.parts(settings, contextOf(source, environment)).map(({ name }) => name));
}

function guardOf(wish: RestoreSettings['settings'], parts: readonly RestorePart[], namespace: string): PlannedGuard | undefined {
  const claims = parts.flatMap(({ occupies }) => occupies ?? []);
  if (wish.scaleDown.length === 0 && (claims.length === 0 || wish.whileInUse)) return undefined;
  return {
    applications: wish.scaleDown.map((text) => applicationOf(text, namespace)),
    paused: Object.fromEntries(Object.entries(wish.paused).flatMap(([what, how]) => (how === undefined ? [] : [[what, how]]))),
    claims,
    claimsInUse: wish.whileInUse,
    stopWait: wish.stopWait,
    startWait: wish.startWait,
  };
}

/** `[namespace/]kind/name`, or labels in place of the name: no name has an equals sign, and labels may have slashes. */
export function applicationOf(text: string, namespace: string): Application {
  const [, where, kind, which = ''] = /^(?:([a-z0-9-]+)\/)?(deployment|statefulset)\/(.+)$/.exec(text) ?? [];
  const target = which.includes('=') ? { selector: which } : { name: which };
  return { namespace: where ?? namespace, kind: kind as Application['kind'], ...target };
}

/** Eight letters for a text, as a run id has them. */
export function lettersOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return hex.replaceAll(/./g, (digit) => 'bcdfghjkmnpqrstv'[Number.parseInt(digit, 16)] ?? '');
}
