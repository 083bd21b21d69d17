import { nearest } from '../config/nearest.ts';
import type { Path } from '../config/places.ts';
import type { Problems } from '../config/problems.ts';
import type { RestoreSettings, Settings, SourceSettings } from '../config/settings.ts';
import { ConfigError } from '../errors.ts';
import { SOURCE_KINDS } from '../sources/index.ts';
import type { RestoreAction } from '../sources/kind.ts';
import { type Elsewhere, lettersOf, originSource, restoreParts, SAFETY_TIER } from './plan-restore.ts';
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
  lintOrigin(wished, elsewhere, problems);
  lintKinds(wished, source, problems);
  lintPlace(wished, source, problems);
}

/** Where the backups come from: an environment, a source, a storage and a tier that exist. */
function lintOrigin({ settings, restore: { settings: wish, at } }: Wished, elsewhere: Elsewhere, problems: Problems): void {
  let origin: SourceSettings;
  try {
    origin = originSource(settings, wish, elsewhere).source;
  } catch (error) {
    const [problem] = error instanceof ConfigError ? error.problems : [];
    problems.add([...at, 'backupsOf'], problem?.message ?? (error as Error).message, problem?.hint ?? 'write it as prod/shop', wish.backupsOf);
    return;
  }
  const storages = [...new Set(origin.tiers.flatMap((tier) => tier.storages.map(({ storage }) => storage.name)))];
  const { from, tier } = wish;
  if (from !== undefined && !storages.includes(from))
    problems.add(
      [...at, 'from'],
      `no tier of '${origin.name}' has the storage '${from}'`,
      nearest(from, storages) ?? `its storages: ${storages.join(', ')}`,
    );
  const tiers = [...origin.tiers.map(({ name }) => name), SAFETY_TIER];
  if (tier !== undefined && !tiers.includes(tier))
    problems.add([...at, 'tier'], `'${origin.name}' has no tier '${tier}'`, nearest(tier, tiers) ?? `its tiers: ${tiers.join(', ')}`);
}

function lintKinds({ settings, restore: { settings: wish, at }, action }: Wished, source: SourceSettings, problems: Problems): void {
  const used = source.kinds.map(({ kind }) => kind.name);
  for (const { name } of SOURCE_KINDS) {
    if ((wish as Readonly<Record<string, unknown>>)[name] !== undefined && !used.includes(name))
      problems.add([...at, name], `'${source.name}' has nothing of the kind ${name}`, `its kinds: ${used.join(', ')}`);
  }
  const { environment } = settings;
  for (const { kind, settings: slice } of source.kinds) {
    if (!kind.restore) {
      problems.add(at, `no Job restores the kind ${kind.name} yet`, 'docs/pull-by-hand.md shows how to get a backup out');
      continue;
    }
    const written = (wish as Readonly<Record<string, unknown>>)[kind.name] ?? kind.restore.schema.parse({});
    const { name, namespace, options } = source;
    const context = { environment, source: name, namespace, method: kind.methods[0] ?? '', throttle: options.throttle };
    const findings = kind.restore.check(slice, written, { ...context, id: lettersOf(''), action, inPlace: wish.inPlace !== undefined });
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
  const parts = hasMistakes(wished, source) ? [] : restoreParts({ ...wished, id: lettersOf('') }, source);
  if (wish.part !== undefined && parts.length === 0 && !hasMistakes(wished, source))
    problems.add([...at, 'part'], `'${source.name}' has no part '${wish.part}'`, `its parts: ${partNames(wished, source).join(', ')}`);
  const { storageClassName } = { ...source.options.pod.scratch, ...wish.scratch };
  if (storageClassName !== undefined && source.kinds.some(({ kind }) => kind.name === 'volume'))
    problems.add(
      [...at, 'scratch', 'storageClassName'],
      'a pod that fills a claim sets no fsGroup, without which it cannot write to a volume of its own',
      "restore with the node's disk: a source without pod.scratch.storageClassName",
    );
}

function lintApplication(text: string, at: Path, problems: Problems): void {
  if (/\/[^/]*=/.test(text))
    problems.warn(
      at,
      'by labels, the Role lets the restore stop and start every application of that kind in the namespace',
      'name the applications one by one',
    );
}

/** What a part is made of is only asked of settings in which nothing is wrong. */
function hasMistakes({ restore: { settings: wish } }: Wished, source: SourceSettings): boolean {
  return source.kinds.some(({ kind, settings }) => {
    if (!kind.restore) return true;
    const written = (wish as Readonly<Record<string, unknown>>)[kind.name] ?? kind.restore.schema.parse({});
    const context = { environment: '', source: source.name, namespace: source.namespace, method: '', throttle: source.options.throttle };
    return kind.restore
      .check(settings, written, { ...context, id: '', action: 'restore', inPlace: wish.inPlace !== undefined })
      .some(({ severity }) => severity !== 'warning');
  });
}

function partNames(wished: Wished, source: SourceSettings): readonly string[] {
  const all = { ...wished.restore, settings: { ...wished.restore.settings, part: undefined } };
  return restoreParts({ ...wished, restore: all, id: lettersOf('') }, source).map(({ name }) => name);
}
