import * as z from 'zod';
import { checkSchedule } from './check-schedule.ts';
import type { Diagnostics } from './diagnostics.ts';
import { type Layer, layered } from './layers.ts';
import { nearest } from './nearest.ts';
import type { Path, Tree } from './places.ts';
import type { ResolveContext } from './resolve-context.ts';
import { pickOptions, resolveOptions, type SourceLayers } from './resolve-options.ts';
import { type Options, tier } from './schema/options.ts';
import type { StorageUse, TierSettings } from './settings.ts';

interface Tiers extends SourceLayers {
  readonly at: Path;
  readonly written: Tree;
  /** The source's plan is `none`. */
  readonly byHand: boolean;
}

/** The keys of a tier that are not options. */
const own = z.strictObject({ enabled: tier.shape.enabled, schedule: tier.shape.schedule, method: tier.shape.method });

/** Every enabled tier of a source, from its plan and its own; `once` for a source with manual runs only. */
export function resolveTiers(source: Tiers, context: ResolveContext): readonly TierSettings[] {
  if (source.byHand) return byHand(source, context);
  const planned = treesOf(source.planTree?.tiers);
  const changed = treesOf(source.written.tiers);
  const names = [...new Set([...planned.keys(), ...changed.keys()])];
  if (names.length === 0 && !context.diagnostics.hasInvalid(source.planAt)) {
    context.diagnostics.add(
      source.at,
      'the source has no tiers, so it never runs',
      "add tiers to its plan: tiers: { daily: { schedule: '@daily', keep: { daily: 7 } } }, or set plan: none",
    );
  }
  if (names.length > 0 && names.every((name) => (changed.get(name)?.enabled ?? planned.get(name)?.enabled) === false))
    context.diagnostics.add(source.at, 'every tier is disabled', 'enable one, disable the source with enabled: false, or set plan: none');
  return names.flatMap((name) => {
    const ofPlan: Layer[] = planned.has(name) ? [{ tree: planned.get(name) ?? {}, at: [...source.planAt, 'tiers', name] }] : [];
    const ofSource: Layer[] = changed.has(name) ? [{ tree: changed.get(name) ?? {}, at: [...source.at, 'tiers', name] }] : [];
    const settings = resolveTier(name, { source, ofPlan, ofSource }, context);
    return settings ? [settings] : [];
  });
}

interface TierLayers {
  readonly source: Tiers;
  readonly ofPlan: readonly Layer[];
  readonly ofSource: readonly Layer[];
}

function resolveTier(name: string, { source, ofPlan, ofSource }: TierLayers, context: ResolveContext): TierSettings | undefined {
  const { diagnostics } = context;
  const itself = layered([...ofPlan, ...ofSource].map(({ tree, at }) => ({ tree: ownKeys(tree), at })));
  const keys = diagnostics.parse(own, itself.tree, itself);
  if (!keys?.enabled) return undefined;
  const options = [...source.defaults, ...source.plan, ...onlyOptions(ofPlan), ...source.source, ...onlyOptions(ofSource)];
  const settings = resolveOptions(options, diagnostics);
  const { origin } = layered([...options, ...ofPlan, ...ofSource]);
  if (!settings) return undefined;
  if (keys.schedule === undefined) addNoSchedule(name, origin(['schedule']), source, diagnostics);
  else checkSchedule(keys.schedule, settings.timeZone, { diagnostics, origin });
  const storages = storagesOf(settings, { byHand: false, origin }, context);
  return { name, schedule: keys.schedule, method: keys.method, options: settings, storages, origin };
}

/** A tier of the source alone may be a misspelled tier of its plan. */
function addNoSchedule(name: string, at: Path, { planTree }: Tiers, diagnostics: Diagnostics): void {
  const planned = [...treesOf(planTree?.tiers).keys()].filter((other) => other !== name);
  diagnostics.add(at, 'the tier has no schedule', nearest(name, planned) ?? "set schedule: '@daily', or five cron fields");
}

function byHand(source: Tiers, context: ResolveContext): readonly TierSettings[] {
  const layers = [...source.defaults, ...source.source];
  const options = resolveOptions(layers, context.diagnostics);
  if (!options) return [];
  const { origin } = layered(layers);
  return [{ name: 'once', options, storages: storagesOf(options, { byHand: true, origin }, context), origin }];
}

interface Uses {
  readonly byHand: boolean;
  origin(path: Path): Path;
}

/** The enabled storages of a run, with the retention of each. */
function storagesOf(
  options: Options,
  { byHand: hand, origin }: Uses,
  { storages, storageNames, diagnostics }: ResolveContext,
): readonly StorageUse[] {
  const at = origin(['storages']);
  if (options.storages === undefined) {
    diagnostics.add(at, 'no storages are set', `set storages: [${storageNames.join(', ') || 'NAME'}]${hand ? '' : ' in the plan'}`);
    return [];
  }
  const uses = options.storages.flatMap((ref, index): StorageUse[] => {
    const { name, keep = options.keep } = typeof ref === 'string' ? { name: ref } : ref;
    const storage = storages.get(name);
    const path = [...at, index];
    if (!storageNames.includes(name))
      diagnostics.add(path, `unknown storage '${name}'`, nearest(name, storageNames) ?? `known storages: ${storageNames.join(', ') || 'none'}`);
    if (!storage?.enabled) return [];
    if (keep === undefined && !hand)
      diagnostics.add(origin(['keep']), `storage '${name}' has no retention policy (keep)`, 'set keep: { daily: 7, weekly: 4 } in the tier');
    return [{ storage, keep: hand ? undefined : keep, at: path }];
  });
  if (uses.length === 0 && options.storages.every((ref) => storages.has(typeof ref === 'string' ? ref : ref.name)))
    diagnostics.add(at, 'every storage is disabled', 'enable one, or disable the source with enabled: false');
  checkTwice(uses, at, diagnostics);
  return uses;
}

function checkTwice(uses: readonly StorageUse[], at: Path, diagnostics: Diagnostics): void {
  for (const [index, { storage }] of uses.entries()) {
    if (uses.findIndex((use) => use.storage === storage) < index)
      diagnostics.add([...at, index], `storage '${storage.name}' is listed twice`, 'list each storage once');
  }
}

function ownKeys(tree: Tree): Tree {
  return Object.fromEntries(Object.keys(own.shape).flatMap((key) => (key in tree ? [[key, tree[key]]] : [])));
}

function onlyOptions(layers: readonly Layer[]): readonly Layer[] {
  return layers.map(({ tree, at }) => ({ tree: pickOptions(tree), at }));
}

function treesOf(tree: unknown): ReadonlyMap<string, Tree> {
  const entries = typeof tree === 'object' && tree !== null ? Object.entries(tree) : [];
  return new Map(entries.filter((entry): entry is [string, Tree] => typeof entry[1] === 'object' && entry[1] !== null));
}
