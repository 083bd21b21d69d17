import { type PlaceOf, printPath } from '../config/places.ts';
import type { Settings } from '../config/settings.ts';
import type { Problem } from '../errors.ts';
import { foldersOf } from './folders.ts';

/** The settings of one environment, which still know where they were written. */
export interface Environment {
  readonly settings: Settings;
  readonly place: PlaceOf;
}

interface Folder extends Environment {
  readonly source: string;
  readonly storage: string;
  /** Text that is equal for equal places, its steps parted by slashes. */
  readonly at: string;
}

/**
 * Folders that two environments would share, or of which one lies in the other: staging that points at production's
 * prefix prunes production's backups.
 */
export function sharedPlaces(environments: readonly Environment[]): readonly Problem[] {
  const folders = environments.flatMap(foldersIn);
  const owners = new Map<string, string>();
  for (const { at, settings } of folders) if (!owners.has(at)) owners.set(at, settings.environment);
  return folders.flatMap((folder) => {
    const others = [folder.at, ...ancestors(folder.at)].flatMap((at) => owners.get(at) ?? []).filter((name) => name !== folder.settings.environment);
    return others[0] === undefined ? [] : [problemOf(folder, others[0])];
  });
}

function foldersIn({ settings, place }: Environment): readonly Folder[] {
  return settings.sources.flatMap((source) =>
    foldersOf(settings, source).map((folder) => ({ settings, place, source: source.name, storage: folder.storage, at: folder.place })),
  );
}

function ancestors(at: string): readonly string[] {
  const steps = at.split('/');
  return steps.slice(1).map((_, index) => steps.slice(0, index + 1).join('/'));
}

function problemOf({ settings, place, source, storage }: Folder, owner: string): Problem {
  const path = [...(settings.storages.get(storage)?.at ?? []), 'prefix'];
  return {
    path: printPath(path),
    message: `the environments '${owner}' and '${settings.environment}' would both keep the source '${source}' in one folder`,
    hint: "leave the prefix out: it is the environment's name by default",
    place: place(path),
  };
}
