import { nearest } from '../config/nearest.ts';
import type { Path } from '../config/places.ts';
import type { Problems } from '../config/problems.ts';
import type { KindSettings, RestoreSettings, Settings, SourceSettings, StorageSettings } from '../config/settings.ts';
import { ConfigError } from '../errors.ts';
import { SOURCE_KINDS } from '../sources/index.ts';
import type { RestoreAction } from '../sources/kind.ts';
import { contextOf, methodIn } from './methods.ts';
import { kindsWanted, lettersOf, partNamesOf } from './plan-restore.ts';
import { type Elsewhere, originSource, SAFETY_TIER, storageToReadFrom, tiersWanted } from './restore-storages.ts';
import { wantedMistake } from './wanted.ts';

interface Wished {
  readonly settings: Settings;
  readonly restore: RestoreSettings;
  readonly action: RestoreAction;
}

/** Everything about one restore that no type can see. What is refused here would be refused by the pod, hours later or too late. */
export function lintRestore(wished: Wished, elsewhere: Elsewhere, problems: Problems): void {
  const { settings, restore } = wished;
  const { at } = restore;
  const { source: name } = restore.settings;
  const source = settings.sources.find((candidate) => candidate.name === name);
  if (!source) {
    const known = settings.sources.map((candidate) => candidate.name);
    problems.add([...at, 'source'], `there is no source '${name}'`, nearest(name, known) ?? `known sources: ${known.join(', ') || 'none'}`);
    return;
  }
  const mistake = wantedMistake(restore.settings.at);
  if (mistake) problems.add([...at, 'at'], mistake[0], mistake[1], restore.settings.at);
  lintOrigin(wished, source, elsewhere, problems);
  lintKinds(wished, source, problems);
  lintPlace(wished, source, problems);
}

/** Where the backups come from: an environment, a source, a storage and a tier that exist. */
function lintOrigin({ settings, restore: { settings: wish, at } }: Wished, source: SourceSettings, elsewhere: Elsewhere, problems: Problems): void {
  let there: Settings;
  let origin: SourceSettings;
  try {
    ({ settings: there, source: origin } = originSource(settings, wish, elsewhere));
  } catch (error) {
    const [problem] = error instanceof ConfigError ? error.problems : [];
    const hint = problem ? problem.hint : sourcesOf(wish.backupsOf, settings, elsewhere);
    problems.add([...at, 'backupsOf'], problem?.message ?? (error as Error).message, hint ?? 'write it as prod/shop', wish.backupsOf);
    return;
  }
  if (wish.backupsOf !== undefined) lintParts(wish, { there, origin, source, at }, problems);
  const { from, tier } = wish;
  const tiers = [...origin.tiers.map(({ name }) => name), SAFETY_TIER];
  const uses = tiersWanted(origin, tier).flatMap(({ storages }) => storages);
  const storages = [...new Set(uses.map(({ storage }) => storage.name))];
  if (tier !== undefined && !tiers.includes(tier))
    problems.add([...at, 'tier'], `'${origin.name}' has no tier '${tier}'`, nearest(tier, tiers) ?? `its tiers: ${tiers.join(', ')}`);
  else if (from !== undefined && !storages.includes(from))
    problems.add(
      [...at, 'from'],
      `no tier of '${origin.name}' has the storage '${from}'`,
      nearest(from, storages) ?? `its storages: ${storages.join(', ')}`,
    );
  else if (uses.length > 0 && wish.backupsOf !== undefined) lintReach(storageToReadFrom(origin, wish), { there, origin, source, at }, problems);
}

/** Of the environment that is there and has no such source. */
function sourcesOf(backupsOf: string | undefined, settings: Settings, elsewhere: Elsewhere): string {
  const [environment = '', name = ''] = backupsOf?.split('/') ?? [];
  const { sources } = environment === settings.environment ? settings : elsewhere(environment);
  const known = sources.map((source) => source.name);
  return nearest(name, known) ?? `known sources: ${known.join(', ')}`;
}

/** Backups of another source have parts of its own: what has another name there is not found. */
function lintParts({ part }: RestoreSettings['settings'], { there, origin, source, at }: Reach, problems: Problems): void {
  const theirs = partNamesOf(origin, there.environment);
  const ours = partNamesOf(source, there.environment).filter((name) => part === undefined || name === part);
  const missing = ours.find((name) => !theirs.includes(name));
  if (missing !== undefined)
    problems.add(
      [...at, 'backupsOf'],
      `'${origin.name}' has no part '${missing}'`,
      `its parts: ${theirs.join(', ')}; choose one that both have with part:`,
    );
}

/** A claim is of one namespace: a pod of another one would wait for it for ever, or find one of the same name. */
function lintReach({ name, kind, settings, namespace }: StorageSettings, { there, source, at }: Reach, problems: Problems): void {
  const { mounts } = kind.access(settings, { environment: there.environment, name, namespace }, 1);
  if (namespace === source.namespace || !mounts.some(({ type }) => type === 'claim')) return;
  problems.add(
    [...at, 'backupsOf'],
    `the claim of '${name}' is in the namespace '${namespace}', and the pods of '${source.name}' run in '${source.namespace}'`,
    'a pod mounts claims of its own namespace only: restore from another storage with from:',
  );
}

interface Reach {
  /** The environment whose backups are restored. */
  readonly there: Settings;
  /** The source that they are of. */
  readonly origin: SourceSettings;
  readonly source: SourceSettings;
  readonly at: Path;
}

function lintKinds({ settings, restore: { settings: wish, at }, action }: Wished, source: SourceSettings, problems: Problems): void {
  const used = source.kinds.map(({ kind }) => kind.name);
  for (const { name } of SOURCE_KINDS) {
    if ((wish as Readonly<Record<string, unknown>>)[name] !== undefined && !used.includes(name))
      problems.add([...at, name], `'${source.name}' has nothing of the kind ${name}`, `its kinds: ${used.join(', ')}`);
  }
  const { environment } = settings;
  for (const { kind, settings: slice } of kindsWanted(source, environment, wish.part)) {
    const restoring = restoringOf(kind, source, wish);
    if (!restoring) {
      problems.add(at, `no Job restores the kind ${kind.name} yet`, 'docs/pull-by-hand.md shows how to get a backup out');
      continue;
    }
    const written = (wish as Readonly<Record<string, unknown>>)[kind.name] ?? kind.restoreSchema?.parse({});
    const context = { ...contextOf(source, environment), id: lettersOf(''), action, part: wish.part, inPlace: wish.inPlace !== undefined };
    const findings = restoring.check(slice, written, context);
    problems.addFindings(findings, (path) => [...at, kind.name, ...path]);
  }
}

/** What gives way, and what is stopped for it. */
function lintPlace(wished: Wished, source: SourceSettings, problems: Problems): void {
  const { settings, restore, action } = wished;
  const { settings: wish, at } = restore;
  const target = `${settings.environment}/${source.name}`;
  if (wish.inPlace && wish.inPlace.confirm !== target)
    problems.add([...at, 'inPlace', 'confirm'], `confirms '${wish.inPlace.confirm}', and what gives way is ${target}`, `write confirm: ${target}`);
  if (wish.inPlace && !wish.inPlace.safetyBackup && action === 'restore')
    problems.warn(
      [...at, 'inPlace', 'safetyBackup'],
      'what is live is not backed up before it gives way',
      'leave it out, unless there is nothing left to lose',
    );
  if (!wish.inPlace && wish.scaleDown.length > 0 && action === 'restore')
    problems.add([...at, 'scaleDown'], 'nothing that is live changes, so nothing needs to be stopped', 'write inPlace:, or leave scaleDown out');
  for (const [index, text] of wish.scaleDown.entries()) lintApplication(text, [...at, 'scaleDown', index], problems);
  const wanted = kindsWanted(source, settings.environment, wish.part);
  if (wanted.length === 0) {
    const parts = partNamesOf(source, settings.environment);
    problems.add([...at, 'part'], `'${source.name}' has no part '${wish.part}'`, `its parts: ${parts.join(', ')}`);
  }
  const { storageClassName } = { ...source.options.pod.scratch, ...wish.scratch };
  if (storageClassName !== undefined && wanted.some(({ kind }) => restoringOf(kind, source, wish)?.fillsClaims))
    problems.add(
      [...at, 'scratch', 'storageClassName'],
      'a pod that fills a claim sets no fsGroup, without which it cannot write to a volume of its own',
      "restore with the node's disk: a source without pod.scratch.storageClassName",
    );
}

function restoringOf(kind: KindSettings['kind'], source: SourceSettings, { tier }: RestoreSettings['settings']) {
  return methodIn(kind, tiersWanted(source, tier)[0]).restore;
}

function lintApplication(text: string, at: Path, problems: Problems): void {
  if (/\/[^/]*=/.test(text))
    problems.warn(
      at,
      'by labels, the Role lets the restore stop and start every application of that kind in the namespace',
      'name the applications one by one',
    );
}
