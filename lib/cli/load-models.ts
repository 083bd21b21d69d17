import { listEnvironments, readEnvironment } from '../config/read.ts';
import { ConfigError, describeProblem, type Problem } from '../errors.ts';
import { plan } from '../model/load.ts';
import type { Model } from '../model/model.ts';
import { type OwnedFolder, ownedFolders, sharedPlaces } from '../model/shared-places.ts';

/**
 * Checks and plans the chosen environments of a folder, or all of them. One {@link ConfigError} lists all errors.
 *
 * The other environments are only checked for folders that they would share with these: an error in `dev` does not stop `prod`.
 */
export function loadModels(dir: string, chosen: readonly string[]): readonly Model[] {
  const known = listEnvironments(dir);
  const names = chosen.length > 0 ? [...new Set(chosen)].sort() : known;
  const others = known.filter((name) => !names.includes(name));
  const problems: Problem[] = [];
  const loaded = names.flatMap((name) => load(dir, name, (found) => problems.push(...found)) ?? []);
  const mine = loaded.flatMap(({ folders }) => folders);
  const theirs = others.map((name) => load(dir, name, () => {})?.folders ?? []);
  problems.push(...[[], ...theirs].flatMap((folders) => sharedPlaces([...mine, ...folders])));
  // An error in the base is an error in every environment. Report it once.
  const distinct = new Map(problems.map((problem) => [describeProblem(problem), problem]));
  if (distinct.size > 0) throw new ConfigError([...distinct.values()]);
  return loaded.map(({ model }) => model);
}

interface LoadedModel {
  readonly model: Model;
  readonly folders: readonly OwnedFolder[];
}

/** One environment without its settings, which are larger than the model. */
function load(dir: string, name: string, wrong: (problems: readonly Problem[]) => void): LoadedModel | undefined {
  try {
    const { values, mistakes } = readEnvironment(dir, name);
    const { model, settings } = plan(values, mistakes);
    return { model, folders: ownedFolders(settings, values.place) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    wrong(error.problems);
    return undefined;
  }
}
