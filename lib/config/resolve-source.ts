import { LATER_SOURCES, SOURCE_KINDS, sourceKind } from '../sources/index.ts';
import { dnsLabel } from '../units/names.ts';
import type { Diagnostics } from './diagnostics.ts';
import { type Layer, layered } from './layers.ts';
import { nearest } from './nearest.ts';
import type { Path, Tree } from './places.ts';
import type { ResolveContext } from './resolve-context.ts';
import { pickOptions, resolveOptions, type SourceLayers } from './resolve-options.ts';
import { resolveTiers } from './resolve-tier.ts';
import { resolveVerify } from './resolve-verify.ts';
import type { KindSettings, SourceSettings } from './settings.ts';

/** Resolves one source with its plan and the defaults. Returns nothing if errors make that impossible. */
export function resolveSource(name: string, written: Tree, context: ResolveContext): SourceSettings | undefined {
  const at = ['sources', name];
  const { diagnostics } = context;
  const kinds = resolveKinds(name, written, context);
  const namespace = named(written, 'namespace', at, diagnostics) ?? context.namespace;
  const folder = named(written, 'folder', at, diagnostics) ?? name;
  const below = layersOf(written, at, context);
  if (!below) return undefined;
  const whole = resolveOptions([...below.defaults, ...below.plan, ...below.source], diagnostics);
  const byHand = written.plan === 'none';
  const tiers = resolveTiers({ ...below, byHand, at, written }, context);
  const verified = { ...below, written, at, timeZone: tiers[0]?.options.timeZone };
  const verify = byHand && written.verify === undefined ? undefined : resolveVerify(verified, context);
  return whole && kinds && { name, namespace, folder, kinds, options: whole, tiers, verify, at };
}

function layersOf(written: Tree, at: Path, { plans, defaults, top, diagnostics }: ResolveContext): SourceLayers | undefined {
  const planName = typeof written.plan === 'string' ? written.plan : 'default';
  const planTree = plans.get(planName);
  const unnamed = written.plan === undefined;
  if (!planTree && planName !== 'none' && !(unnamed && written.tiers !== undefined)) {
    const hint = unnamed
      ? 'add plans: { default: … }, set plan: NAME, or set plan: none'
      : (nearest(planName, [...plans.keys(), 'none']) ?? `known plans: ${[...plans.keys()].join(', ') || 'none'}`);
    diagnostics.add([...at, 'plan'], unnamed ? "no plan is set, and plan 'default' does not exist" : `unknown plan '${planName}'`, hint);
    return undefined;
  }
  const planAt = ['plans', planName];
  return {
    defaults: [
      { tree: pickTimeZone(top), at: [] },
      { tree: pickOptions(defaults), at: ['defaults'] },
    ],
    plan: planTree ? [{ tree: pickOptions(planTree), at: planAt }] : [],
    source: [{ tree: pickOptions(written), at }],
    planTree,
    planAt,
  };
}

const zones = new WeakMap<Tree, Tree>();

function pickTimeZone(top: Tree): Tree {
  const own = zones.get(top) ?? ('timeZone' in top ? { timeZone: top.timeZone } : {});
  zones.set(top, own);
  return own;
}

function resolveKinds(name: string, written: Tree, { defaults, diagnostics }: ResolveContext): readonly KindSettings[] | undefined {
  const at = ['sources', name];
  const used = SOURCE_KINDS.filter((kind) => kind.name in written);
  if (used.length === 0) {
    if (!diagnostics.hasInvalid(at) && !Object.keys(LATER_SOURCES).some((later) => later in written)) {
      diagnostics.add(
        at,
        `expected a source kind: ${SOURCE_KINDS.map((kind) => kind.name).join(', ')}`,
        'set one: { postgres: { host: …, database: …, version: 17 } }',
      );
    }
    return undefined;
  }
  const found = used.flatMap((kind) => {
    const layers: Layer[] = [
      { tree: (expanded(defaults[kind.name], name) ?? {}) as Tree, at: ['defaults', kind.name] },
      { tree: (written[kind.name] ?? {}) as Tree, at: [...at, kind.name] },
    ];
    const whole = layered(layers);
    const settings = diagnostics.parse(kind.schema, whole.tree, whole);
    return settings === undefined ? [] : [{ kind: sourceKind(kind.name), settings, origin: whole.origin }];
  });
  return found.length === used.length ? found : undefined;
}

/** Defaults with `{{ .Source }}` replaced in every text. */
function expanded(tree: unknown, source: string): unknown {
  if (typeof tree === 'string') return tree.replace(/\{\{\s*\.Source\s*\}\}/g, source);
  if (Array.isArray(tree)) return tree.map((item) => expanded(item, source));
  if (typeof tree !== 'object' || tree === null) return tree;
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, expanded(value, source)]));
}

function named(written: Tree, key: string, at: Path, diagnostics: Diagnostics): string | undefined {
  return written[key] === undefined ? undefined : diagnostics.parse(dnsLabel, written[key], { origin: () => [...at, key] });
}
