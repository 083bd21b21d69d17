import { listEnvironments, readEnvironment } from '../config/read.ts';
import { ConfigError, describeProblem, type Problem } from '../errors.ts';
import { type Loaded, plan } from '../model/load.ts';
import type { Model } from '../model/model.ts';
import { type Environment, sharedPlaces } from '../model/shared-places.ts';

/**
 * Checks and plans the chosen environments of a folder, or all of them; one {@link ConfigError} has every mistake of all.
 *
 * Of the others only the places count that they would share with these: a mistake in `dev` does not stop `prod`.
 */
export function loadModels(dir: string, chosen: readonly string[]): readonly Model[] {
  const known = listEnvironments(dir);
  const names = chosen.length > 0 ? [...new Set(chosen)].sort() : known;
  const problems: Problem[] = [];
  const found = new Map<string, Loaded & Environment>();
  for (const name of [...names, ...known.filter((other) => !names.includes(other))]) {
    try {
      const { values, mistakes } = readEnvironment(dir, name);
      found.set(name, { ...plan(values, mistakes), place: values.place });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      if (names.includes(name)) problems.push(...error.problems);
    }
  }
  const of = (wanted: readonly string[]) => wanted.flatMap((name) => found.get(name) ?? []);
  const others = known.filter((name) => !names.includes(name));
  const shared = [[], ...others.map((other) => [other])].flatMap((other) => sharedPlaces(of([...names, ...other])));
  // What the base says wrong is wrong in each environment, and is said once.
  const distinct = new Map([...problems, ...shared].map((problem) => [describeProblem(problem), problem]));
  if (distinct.size > 0) throw new ConfigError([...distinct.values()]);
  return names.flatMap((name) => found.get(name)?.model ?? []);
}
