import type { Diagnostics } from '../config/diagnostics.ts';
import type { Settings, StorageSettings } from '../config/settings.ts';
import type { Access } from '../storages/kind.ts';
import { partsOf } from './plan.ts';

/** Rejects claims that two storages define differently, that the pods of a source cannot mount, or that a source backs up. */
export function checkClaims(settings: Settings, diagnostics: Diagnostics): void {
  const storages = [...settings.storages.values()]
    .filter(({ enabled }) => enabled)
    .map((storage) => ({ storage, access: accessOf(settings, storage) }));
  const made = new Map<string, string>();
  const kept = new Map<string, string>();
  for (const { storage, access } of storages) {
    for (const mount of access.mounts) if (mount.type === 'claim') kept.set(`${storage.namespace}/${mount.claim}`, storage.name);
    if (!access.claim) continue;
    const key = `${access.claim.namespace}/${access.claim.name}`;
    const before = made.get(key);
    const spec = JSON.stringify(access.claim);
    if (before !== undefined && before !== spec)
      diagnostics.add(
        storage.at,
        `the claim '${access.claim.name}' is defined twice, with different settings`,
        'set another claim: on one of the storages',
      );
    made.set(key, spec);
  }
  checkSources(settings, kept, diagnostics);
  checkNamespaces(settings, diagnostics);
}

/** A pod that mounts a claim of another namespace waits forever. */
function checkNamespaces(settings: Settings, diagnostics: Diagnostics): void {
  for (const { name, namespace, tiers } of settings.sources) {
    for (const { storage, at } of tiers.flatMap(({ storages }) => storages)) {
      if (storage.namespace === namespace || !accessOf(settings, storage).mounts.some(({ type }) => type === 'claim')) continue;
      diagnostics.add(
        at,
        `the claim of storage '${storage.name}' is in namespace '${storage.namespace}', but the pods of '${name}' run in '${namespace}'`,
        'use another storage, or define one in this namespace, as pods mount only claims of their own namespace',
      );
    }
  }
}

/** A backup that contains all earlier backups doubles each time. */
function checkSources(settings: Settings, kept: ReadonlyMap<string, string>, diagnostics: Diagnostics): void {
  for (const source of settings.sources) {
    for (const tier of source.tiers) {
      for (const mount of partsOf(settings, source, tier).flatMap(({ mounts }) => mounts)) {
        const storage = mount.type === 'claim' ? kept.get(`${source.namespace}/${mount.claim}`) : undefined;
        if (storage !== undefined)
          diagnostics.add(source.at, `the source backs up the claim of storage '${storage}'`, 'store the backups in a separate claim');
      }
    }
  }
}

function accessOf({ environment }: Settings, { kind, settings, name, namespace }: StorageSettings): Access {
  return kind.access(settings, { environment, name, namespace }, 1);
}
