import * as z from 'zod';
import type { Diagnostic } from '../diagnostics.ts';
import { LATER_STORAGES, STORAGE_KINDS, storageKind } from '../storages/index.ts';
import { dnsLabel } from '../units/names.ts';
import { Diagnostics } from './diagnostics.ts';
import { isTree, type Tree } from './places.ts';
import type { ReadValues } from './read.ts';
import type { ResolveContext } from './resolve-context.ts';
import { resolveSource } from './resolve-source.ts';
import { restore } from './schema/restore.ts';
import { values } from './schema/values.ts';
import type { RestoreSettings, Settings, SourceSettings, StorageSettings } from './settings.ts';

/** The resolved values of one environment. The settings are complete only if there are no errors. */
export interface Resolved {
  readonly settings: Settings;
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

/** Settings of the whole environment: all keys but the maps. */
const general = z.object({
  namespace: values.shape.namespace,
  createNamespace: values.shape.createNamespace,
  production: values.shape.production,
  images: values.shape.images,
});

/** Applies defaults, merges plans into sources, and checks what depends on several values. */
export function resolve({ environment, tree, place, invalid }: ReadValues): Resolved {
  const diagnostics = new Diagnostics(place, invalid);
  const top = diagnostics.parse(general, tree, { origin: (path) => path });
  const namespace = top?.namespace ?? 'unknown';
  const storages = resolveStorages(tree, namespace, diagnostics);
  const sources = resolveSources(tree, { namespace, storages, storageNames: entriesOf(tree.storages).map(([name]) => name), diagnostics });
  const settings: Settings = {
    environment,
    namespace,
    createNamespace: top?.createNamespace ?? false,
    production: top?.production ?? ['prod', 'production'].includes(environment),
    images: imagesOf(top?.images),
    storages,
    sources,
    restores: resolveRestores(tree, diagnostics),
  };
  return { settings, errors: diagnostics.errors, warnings: diagnostics.warnings };
}

function resolveStorages(tree: Tree, namespace: string, diagnostics: Diagnostics): ReadonlyMap<string, StorageSettings> {
  const found = new Map<string, StorageSettings>();
  if (!isTree(tree.storages)) diagnostics.add(['storages'], 'no storages are defined', 'add one: storages: { local: { pvc: { size: 10Gi } } }');
  for (const [name, written] of entriesOf(tree.storages)) {
    const storage = resolveStorage(name, written, namespace, diagnostics);
    if (storage) found.set(name, storage);
  }
  return found;
}

function resolveStorage(name: string, written: Tree, namespace: string, diagnostics: Diagnostics): StorageSettings | undefined {
  const at = ['storages', name];
  const kinds = STORAGE_KINDS.filter((kind) => kind.name in written);
  const [kind] = kinds;
  if (Object.keys(LATER_STORAGES).some((later) => later in written) || (!kind && diagnostics.hasInvalid(at))) return undefined; // already reported
  if (!kind || kinds.length > 1) {
    const names = STORAGE_KINDS.map((each) => each.name).join(', ');
    diagnostics.add(at, `expected exactly one storage kind: ${names}`, 'set one: { pvc: { size: 10Gi } }');
    return undefined;
  }
  const settings = diagnostics.parse(kind.schema, written[kind.name], { origin: (path) => [...at, kind.name, ...path] });
  const ns = written.namespace === undefined ? namespace : diagnostics.parse(dnsLabel, written.namespace, { origin: () => [...at, 'namespace'] });
  if (settings === undefined || ns === undefined) return undefined;
  return { name, enabled: written.enabled !== false, namespace: ns, kind: storageKind(kind.name), settings, at: [...at, kind.name] };
}

function resolveSources(tree: Tree, context: Omit<ResolveContext, 'plans' | 'defaults' | 'top'>): readonly SourceSettings[] {
  const plans = new Map(entriesOf(tree.plans));
  const defaults = isTree(tree.defaults) ? tree.defaults : {};
  if (!isTree(tree.sources)) context.diagnostics.add(['sources'], 'no sources are defined', 'add one: sources: { shop: { postgres: { … } } }');
  return entriesOf(tree.sources).flatMap(([name, written]) => {
    if (written.enabled === false) return [];
    const source = resolveSource(name, written, { ...context, plans, defaults, top: tree });
    return source ? [source] : [];
  });
}

function resolveRestores(tree: Tree, diagnostics: Diagnostics): readonly RestoreSettings[] {
  return entriesOf(tree.restores).flatMap(([name, written]) => {
    if (written.enabled === false) return [];
    const at = ['restores', name];
    const settings = diagnostics.parse(restore, written, { origin: (path) => [...at, ...path] });
    return settings ? [{ name, settings, written, at }] : [];
  });
}

/** Our images with the user's overrides. `registry` replaces the registry of images that are not overridden. */
function imagesOf(images: z.output<typeof values.shape.images> | undefined): Readonly<Record<string, string>> {
  const { registry, ...named } = (images ?? {}) as Record<string, string>;
  const moved = (reference: string) => (registry === undefined ? reference : reference.replace(/^(docker\.io|registry\.k8s\.io)\//, `${registry}/`));
  return Object.fromEntries(Object.entries(named).map(([name, reference]) => [name, moved(reference)]));
}

/** The entries of a map that are objects; others were rejected as written. */
function entriesOf(tree: unknown): readonly (readonly [string, Tree])[] {
  if (!isTree(tree)) return [];
  return Object.entries(tree).filter((entry): entry is [string, Tree] => isTree(entry[1]));
}
