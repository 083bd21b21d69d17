import type { Model } from '../model/model.ts';
import type { Files } from './output-folder.ts';
import { describeVanished, scriptsIn, vanished } from './vanished.ts';

/** One environment: what lies in its folder, and what should. */
export interface Output {
  readonly model: Model;
  /** As people write it: `dist/prod`. */
  readonly folder: string;
  readonly before: Files;
  readonly after: Files;
  readonly changes: readonly Difference[];
}

export interface Difference {
  readonly what: 'missing' | 'extra' | 'stale';
  readonly path: string;
}

/** What would have to be written or removed for a folder to hold what it should. */
export function differences(before: Files, after: Files): readonly Difference[] {
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((path): readonly Difference[] => {
    if (!before.has(path)) return [{ what: 'missing', path }];
    if (!after.has(path)) return [{ what: 'extra', path }];
    return before.get(path) === after.get(path) ? [] : [{ what: 'stale', path }];
  });
}

/** What became of one environment. `current` gives the outputs of all environments, for what they share in a cluster. */
export function describe({ model, folder, before, after, changes }: Output, current: () => readonly Files[]): readonly string[] {
  const jobs = model.sources.flatMap(({ runs }) => runs.filter(({ schedule }) => schedule !== undefined));
  const counts = [count(model.sources, 'source'), count(jobs, 'CronJob'), count(model.claims, 'claim'), count([...after], 'file')];
  const isNew = before.size === 0;
  const state = isNew ? 'new' : changes.length > 0 ? 'changed' : 'unchanged';
  const gone = describeVanished(vanished(before, after), (namespace) => scriptsIn(current(), namespace));
  return [
    `${folder}: ${counts.join(', ')}: ${state}`,
    ...(isNew ? [`  kubectl apply -k ${folder}/keep && kubectl apply -k ${folder}/jobs`] : []),
    ...gone.map((line) => `  ${line}`),
  ];
}

function count(things: readonly unknown[], name: string): string {
  return `${things.length} ${name}${things.length === 1 ? '' : 's'}`;
}

/** A folder of ours that nothing writes to any more. */
export function describeLeftOver(folder: string, config: string): string {
  return `${folder}: left as it is, since ${config} has no such environment any more. kubectl delete -k ${folder}/jobs stops its backups; then remove the folder`;
}

/** Each warning once, with the environments that it is about. */
export function warningsOf(models: readonly Model[]): readonly string[] {
  const about = new Map<string, readonly string[]>();
  for (const { environment, warnings } of models) {
    for (const warning of warnings) about.set(warning, [...(about.get(warning) ?? []), environment]);
  }
  return [...about].map(([warning, environments]) => `warning: ${environments.join(', ')}: ${warning}`);
}
