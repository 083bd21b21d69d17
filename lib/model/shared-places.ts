import { type PlaceOf, printPath } from '../config/places.ts';
import type { Settings } from '../config/settings.ts';
import type { Diagnostic, Place } from '../diagnostics.ts';
import { above, foldersOf } from './folders.ts';

/** A folder that a source of one environment writes to, without the settings. */
export interface OwnedFolder {
  readonly environment: string;
  readonly source: string;
  /** Equal for equal places; steps are separated by slashes. */
  readonly at: string;
  /** Path in the values of the prefix of that place, and where it was written. */
  readonly prefix: string;
  readonly place?: Place;
}

/** All folders of one environment. */
export function ownedFolders(settings: Settings, place: PlaceOf): readonly OwnedFolder[] {
  return settings.sources.flatMap((source) =>
    foldersOf(settings, source).map(({ storage, place: at }) => {
      const prefix = [...(settings.storages.get(storage)?.at ?? []), 'prefix'];
      return { environment: settings.environment, source: source.name, at, prefix: printPath(prefix), place: place(prefix) };
    }),
  );
}

/**
 * Reports folders of two environments that are the same or nested: staging that points at the prefix of production
 * prunes the backups of production.
 */
export function sharedPlaces(folders: readonly OwnedFolder[]): readonly Diagnostic[] {
  const owners = new Map<string, string>();
  for (const { at, environment } of folders) if (!owners.has(at)) owners.set(at, environment);
  return folders.flatMap(({ environment, source, at, prefix, place }) => {
    const owner = [at, ...above(at)].map((path) => owners.get(path)).find((name) => name !== undefined && name !== environment);
    if (owner === undefined) return [];
    const message = `environments '${owner}' and '${environment}' store source '${source}' in the same folder`;
    return [{ path: prefix, message, hint: 'remove the prefix: it defaults to the name of the environment', place }];
  });
}
