import type { Diagnostics } from '../config/diagnostics.ts';
import type { Settings, SourceSettings } from '../config/settings.ts';

/** A folder that a source writes to. */
export interface Folder {
  /** Name of the storage. */
  readonly storage: string;
  /** Equal for equal places. */
  readonly place: string;
}

/** Every folder that a source writes to, once for each storage. */
export function foldersOf({ environment }: Settings, { folder, tiers }: SourceSettings): readonly Folder[] {
  const found = new Map<string, Folder>();
  for (const { storage } of tiers.flatMap(({ storages }) => storages)) {
    const { name, kind, settings, namespace } = storage;
    const place = `${kind.place(settings, { environment, name, namespace })}/${folder}`.replace(/\/+/g, '/');
    found.set(name, { storage: name, place });
  }
  return [...found.values()];
}

/** Rejects shared and nested folders of sources or storages: each would prune the backups of the other. */
export function checkFolders(settings: Settings, diagnostics: Diagnostics): void {
  const folders = settings.sources.flatMap((source) => foldersOf(settings, source).map((folder) => ({ source, ...folder })));
  const taken = new Map<string, string>();
  for (const { source, storage, place } of folders) {
    const owner = taken.get(place);
    taken.set(place, `${source.name} in ${storage}`);
    if (owner !== undefined) diagnostics.add(source.at, `its folder in storage '${storage}' is already used by ${owner}`, HINT);
  }
  for (const { source, storage, place } of folders) {
    const owner = above(place).flatMap((folder) => taken.get(folder) ?? [])[0];
    if (owner !== undefined) diagnostics.add(source.at, `its folder in storage '${storage}' is inside the folder of ${owner}`, HINT);
  }
}

const HINT = 'set another folder: on the source, or another prefix: on one of the storages';

/** The folders around a place. */
export function above(place: string): readonly string[] {
  const steps = place.split('/');
  return steps.slice(1).map((_, index) => steps.slice(0, index + 1).join('/'));
}
