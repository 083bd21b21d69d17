import { listEnvironments, readEnvironment } from '../config/read.ts';
import { type Diagnostic, describeDiagnostic } from '../diagnostics.ts';
import { ConfigError } from '../errors.ts';
import { elsewhereIn, loadValues } from '../model/load.ts';
import type { Model } from '../model/model.ts';
import type { Elsewhere } from '../model/restore-storages.ts';
import { type OwnedFolder, ownedFolders, sharedPlaces } from '../model/shared-places.ts';

/**
 * Checks and plans the chosen environments of a folder, or all. Throws one {@link ConfigError} with the errors of all.
 *
 * The other environments are only checked for folders that they share with these: an error in `dev` does not stop `prod`.
 */
export function loadModels(dir: string, chosen: readonly string[]): readonly Model[] {
  const known = listEnvironments(dir);
  const names = chosen.length > 0 ? [...new Set(chosen)].sort() : known;
  const others = known.filter((name) => !names.includes(name));
  const diagnostics: Diagnostic[] = [];
  const folder: Folder = { dir, elsewhere: elsewhereIn(dir) };
  const loaded = names.flatMap((name) => load(folder, name, (found) => diagnostics.push(...found)) ?? []);
  const mine = loaded.flatMap(({ folders }) => folders);
  const theirs = others.map((name) => load(folder, name, () => {})?.folders ?? []);
  diagnostics.push(...[[], ...theirs].flatMap((folders) => sharedPlaces([...mine, ...folders])));
  // An error in the base is an error in every environment, and is reported once.
  const distinct = new Map(diagnostics.map((diagnostic) => [describeDiagnostic(diagnostic), diagnostic]));
  if (distinct.size > 0) throw new ConfigError([...distinct.values()]);
  return loaded.map(({ model }) => model);
}

interface Folder {
  readonly dir: string;
  readonly elsewhere: Elsewhere;
}

interface LoadedModel {
  readonly model: Model;
  readonly folders: readonly OwnedFolder[];
}

/** One environment without its settings, which are larger than the model. */
function load({ dir, elsewhere }: Folder, name: string, wrong: (diagnostics: readonly Diagnostic[]) => void): LoadedModel | undefined {
  try {
    const { values, errors } = readEnvironment(dir, name);
    const { model, settings } = loadValues(values, errors, elsewhere);
    return { model, folders: ownedFolders(settings, values.place) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    wrong(error.diagnostics);
    return undefined;
  }
}
