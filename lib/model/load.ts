import { Problems } from '../config/problems.ts';
import { type ReadValues, readValues } from '../config/read.ts';
import { resolve } from '../config/resolve.ts';
import type { Settings } from '../config/settings.ts';
import { ConfigError, describeProblem } from '../errors.ts';
import { lint } from './lint.ts';
import type { Model } from './model.ts';
import { planBackups } from './plan.ts';

/** One environment, checked: the settings that it was planned from, and what will run. */
export interface Loaded {
  readonly settings: Settings;
  readonly model: Model;
}

/** Reads, checks and plans one environment of a folder. Throws one {@link ConfigError} with every mistake. */
export function loadEnvironment(dir: string, environment: string): Loaded {
  return plan(readValues(dir, environment));
}

/** Checks and plans values that were read or made in a program. Throws one {@link ConfigError} with every mistake. */
export function plan(values: ReadValues): Loaded {
  const { settings, mistakes, warnings } = resolve(values);
  const found = new Problems(values.place);
  lint(settings, found);
  const all = distinct([...mistakes, ...found.mistakes].map((problem) => [describeProblem(problem), problem]));
  if (all.length > 0) throw new ConfigError(all);
  const noticed = distinct([...warnings, ...found.warnings].map((problem) => [describeProblem(problem), describeProblem(problem)]));
  return { settings, model: planBackups(settings, noticed) };
}

/** A plan that ten sources share is wrong once. */
function distinct<Item>(entries: readonly (readonly [string, Item])[]): Item[] {
  return [...new Map(entries).values()];
}
