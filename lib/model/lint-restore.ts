import type { Diagnostics } from '../config/diagnostics.ts';
import { nearest } from '../config/nearest.ts';
import type { Path } from '../config/places.ts';
import type { KindSettings, RestoreSettings, Settings, SourceSettings, StorageSettings } from '../config/settings.ts';
import { ConfigError } from '../errors.ts';
import type { Mount } from '../pod.ts';
import { SOURCE_KINDS } from '../sources/index.ts';
import type { RestoreAction } from '../sources/kind.ts';
import { defaultsOf, methodIn } from './methods.ts';
import { kindsWanted, lettersOf, partNamesOf } from './plan-restore.ts';
import { type Elsewhere, originSource, SAFETY_TIER, storageToReadFrom, tiersWanted } from './restore-storages.ts';
import { restoreContextOf } from './source-context.ts';
import { diagnoseWanted } from './wanted.ts';

interface RequestedRestore {
  readonly settings: Settings;
  readonly restore: RestoreSettings;
  readonly action: RestoreAction;
}

/** Checks one restore beyond types. Whatever it rejects would otherwise fail in the pod, hours later. */
export function lintRestore(requested: RequestedRestore, elsewhere: Elsewhere, diagnostics: Diagnostics): void {
  const { settings, restore } = requested;
  const { at } = restore;
  const { source: name } = restore.settings;
  const source = settings.sources.find((candidate) => candidate.name === name);
  if (!source) {
    const known = settings.sources.map((candidate) => candidate.name);
    diagnostics.add([...at, 'source'], `unknown source '${name}'`, nearest(name, known) ?? `known sources: ${known.join(', ') || 'none'}`);
    return;
  }
  const diagnosis = diagnoseWanted(restore.settings.at);
  if (diagnosis) diagnostics.add([...at, 'at'], diagnosis[0], diagnosis[1], restore.settings.at);
  lintOrigin(requested, source, elsewhere, diagnostics);
  lintKinds(requested, source, diagnostics);
  lintPlace(requested, source, diagnostics);
}

/** Checks where the backups come from: environment, source, storage and tier must exist. */
function lintOrigin(
  { settings, restore: { settings: request, at } }: RequestedRestore,
  source: SourceSettings,
  elsewhere: Elsewhere,
  diagnostics: Diagnostics,
): void {
  let there: Settings;
  let origin: SourceSettings;
  try {
    ({ settings: there, source: origin } = originSource(settings, request, elsewhere));
  } catch (error) {
    const [message, hint] = reasonOf(error, request.backupsOf) ?? [(error as Error).message, sourcesOf(request.backupsOf, settings, elsewhere)];
    diagnostics.add([...at, 'backupsOf'], message, hint, request.backupsOf);
    return;
  }
  if (request.backupsOf !== undefined) lintParts(request, { there, environment: settings.environment, origin, source, at }, diagnostics);
  const { from, tier } = request;
  const tiers = [...origin.tiers.map(({ name }) => name), SAFETY_TIER];
  const uses = tiersWanted(origin, tier).flatMap(({ storages }) => storages);
  const storages = [...new Set(uses.map(({ storage }) => storage.name))];
  if (tier !== undefined && !tiers.includes(tier))
    diagnostics.add([...at, 'tier'], `source '${origin.name}' has no tier '${tier}'`, nearest(tier, tiers) ?? `its tiers: ${tiers.join(', ')}`);
  else if (from !== undefined && !storages.includes(from))
    diagnostics.add(
      [...at, 'from'],
      `no tier of source '${origin.name}' uses storage '${from}'`,
      nearest(from, storages) ?? `its storages: ${storages.join(', ')}`,
    );
  else if (uses.length > 0 && request.backupsOf !== undefined)
    lintReach(storageToReadFrom(origin, request), { there, environment: settings.environment, origin, source, at }, diagnostics);
}

/** A hint for an unknown source in a known environment. */
function sourcesOf(backupsOf: string | undefined, settings: Settings, elsewhere: Elsewhere): string {
  const [environment = '', name = ''] = backupsOf?.split('/') ?? [];
  const { sources } = environment === settings.environment ? settings : elsewhere(environment);
  const known = sources.map((source) => source.name);
  return nearest(name, known) ?? `known sources: ${known.join(', ')}`;
}

/** Why another environment cannot be read, as [message, hint]. Its own errors keep their place: they are not of this entry. */
function reasonOf(error: unknown, backupsOf: string | undefined): readonly [string, string] | undefined {
  const [first] = error instanceof ConfigError ? error.diagnostics : [];
  if (!first) return undefined;
  const [environment = ''] = backupsOf?.split('/') ?? [];
  if (!first.place) return [first.message, first.hint ?? 'use ENVIRONMENT/SOURCE, such as prod/shop'];
  const where = `${first.path ? `${first.path}: ` : ''}${first.message} at ${first.place.file}:${first.place.line}`;
  return [`environment '${environment}' has errors: ${where}`, `fix them: backstay synth ${environment} lists them all`];
}

/** The backups of another source are only usable if their parts have the same names. */
function lintParts({ part }: RestoreSettings['settings'], { there, origin, source, at }: Reach, diagnostics: Diagnostics): void {
  const theirs = partNamesOf(origin, there.environment);
  const ours = partNamesOf(source, there.environment).filter((name) => part === undefined || name === part);
  const missing = ours.find((name) => !theirs.includes(name));
  if (missing !== undefined)
    diagnostics.add(
      [...at, 'backupsOf'],
      `source '${origin.name}' has no part '${missing}'`,
      `its parts: ${theirs.join(', ')}; select one that both have with part:`,
    );
}

/** A pod in another namespace would wait for the claim forever, or mount another claim of the same name. */
function lintReach({ name, kind, settings, namespace }: StorageSettings, { there, environment, source, at }: Reach, diagnostics: Diagnostics): void {
  const { mounts } = kind.access(settings, { environment: there.environment, name, namespace }, 1);
  if (!mounts.some(({ type }) => type === 'claim')) return;
  if (namespace === source.namespace) {
    lintPaths(mounts, name, { source, at, environment }, diagnostics);
    return;
  }
  diagnostics.add(
    [...at, 'backupsOf'],
    `the claim of storage '${name}' is in namespace '${namespace}', but the pods of '${source.name}' run in '${source.namespace}'`,
    'select another storage with from:, as pods mount only claims of their own namespace',
  );
}

/** A pod mounts both storages of one name, and one path holds one claim. */
function lintPaths(
  theirs: readonly Mount[],
  name: string,
  { source, at, environment }: Pick<Reach, 'source' | 'at' | 'environment'>,
  diagnostics: Diagnostics,
): void {
  const ours = source.tiers
    .flatMap(({ storages }) => storages.map(({ storage }) => storage))
    .flatMap((storage) => storage.kind.access(storage.settings, { environment, name: storage.name, namespace: storage.namespace }, 1).mounts);
  const differs = theirs.some((a) => ours.some((b) => a.type === 'claim' && b.type === 'claim' && a.path === b.path && a.claim !== b.claim));
  if (differs)
    diagnostics.add(
      [...at, 'backupsOf'],
      `storage '${name}' is another claim there than in '${environment}', and a pod cannot mount both`,
      'rename one of the storages, or select another one with from:',
    );
}

interface Reach {
  /** The environment that restores. */
  readonly environment: string;
  /** The environment whose backups are restored. */
  readonly there: Settings;
  /** The source of these backups. */
  readonly origin: SourceSettings;
  readonly source: SourceSettings;
  readonly at: Path;
}

function lintKinds({ settings, restore, action }: RequestedRestore, source: SourceSettings, diagnostics: Diagnostics): void {
  const { settings: request, at } = restore;
  const used = source.kinds.map(({ kind }) => kind.name);
  for (const { name } of SOURCE_KINDS) {
    if ((request as Readonly<Record<string, unknown>>)[name] !== undefined && !used.includes(name))
      diagnostics.add([...at, name], `source '${source.name}' has no kind '${name}'`, `its kinds: ${used.join(', ')}`);
  }
  const { environment } = settings;
  for (const { kind, settings: slice } of kindsWanted(source, environment, request.part)) {
    const { name: method, restore: restoring } = methodIn(kind, tiersWanted(source, request.tier)[0]);
    if (!restoring) {
      diagnostics.add(at, `restoring the method '${method}' of kind '${kind.name}' is not supported yet`, hintOnTiers(kind, source));
      continue;
    }
    const slicePath = [...at, kind.name];
    const written = (request as Readonly<Record<string, unknown>>)[kind.name] ?? defaultsOf(kind.restoreSchema, slicePath, diagnostics);
    if (written === undefined && kind.restoreSchema) continue;
    const context = restoreContextOf(source, environment, { restore, action, id: lettersOf('') });
    const found = restoring.check(slice, written, context);
    diagnostics.addRelative(found, (path) => [...slicePath, ...path]);
  }
}

/** Checks the data that is replaced, and the applications that are stopped for it. */
function lintPlace(requested: RequestedRestore, source: SourceSettings, diagnostics: Diagnostics): void {
  const { settings, restore, action } = requested;
  const { settings: request, at } = restore;
  const target = `${settings.environment}/${source.name}`;
  if (request.inPlace && request.inPlace.confirm !== target)
    diagnostics.add([...at, 'inPlace', 'confirm'], `confirm must be '${target}', got '${request.inPlace.confirm}'`, `set confirm: ${target}`);
  if (request.inPlace && !request.inPlace.safetyBackup && action === 'restore')
    diagnostics.warn(
      [...at, 'inPlace', 'safetyBackup'],
      'live data is replaced without a safety backup',
      'remove it, unless the live data is worthless',
    );
  if (!request.inPlace && request.scaleDown.length > 0 && action === 'restore')
    diagnostics.add([...at, 'scaleDown'], 'live data does not change, so nothing needs to be scaled down', 'add inPlace:, or remove scaleDown');
  for (const [index, text] of request.scaleDown.entries()) lintApplication(text, [...at, 'scaleDown', index], diagnostics);
  const wanted = kindsWanted(source, settings.environment, request.part);
  if (wanted.length === 0) {
    const parts = partNamesOf(source, settings.environment);
    diagnostics.add([...at, 'part'], `source '${source.name}' has no part '${request.part}'`, `its parts: ${parts.join(', ')}`);
  }
  const { storageClassName } = { ...source.options.pod.scratch, ...request.scratch };
  if (storageClassName !== undefined && wanted.some(({ kind }) => restoringOf(kind, source, request)?.fillsClaims))
    diagnostics.add(
      [...at, 'scratch', 'storageClassName'],
      'restoring a volume needs scratch on the disk of the node: without fsGroup, the pod cannot write to a volume from a StorageClass',
      'remove storageClassName from scratch, also from pod.scratch of the source',
    );
}

/** Which tiers have backups that can be restored. */
function hintOnTiers(kind: KindSettings['kind'], { tiers }: SourceSettings): string {
  const names = tiers.filter((tier) => methodIn(kind, tier).restore).map(({ name }) => name);
  return names.length > 0 ? `set tier: to one of these: ${names.join(', ')}` : 'follow docs/pull-by-hand.md to restore it manually';
}

function restoringOf(kind: KindSettings['kind'], source: SourceSettings, { tier }: RestoreSettings['settings']) {
  return methodIn(kind, tiersWanted(source, tier)[0]).restore;
}

function lintApplication(text: string, at: Path, diagnostics: Diagnostics): void {
  if (/\/[^/]*=/.test(text))
    diagnostics.warn(
      at,
      'with a label selector, the Role lets the restore scale every application of that kind in the namespace',
      'list the applications by name',
    );
}
