import type { Model } from '../model/model.ts';
import type { Output } from './build-output.ts';
import type { ObjectName } from './object-names.ts';
import { describeVanished } from './vanished.ts';

/** Report on one environment. `current` returns the script ConfigMaps that any environment uses. */
export function describe({ model, folder, files, isNew, changes, vanished }: Output, current: () => readonly ObjectName[]): readonly string[] {
  const jobs = model.sources.flatMap(({ runs, verify }) => [...runs.filter(({ schedule }) => schedule !== undefined), ...(verify ? [verify] : [])]);
  const counts = [count(model.sources.length, 'source'), count(jobs.length, 'CronJob'), count(model.claims.length, 'claim'), count(files, 'file')];
  const state = isNew ? 'new' : changes.length > 0 ? 'changed' : 'unchanged';
  return [
    `${folder}: ${counts.join(', ')}: ${state}`,
    ...(isNew ? [`  kubectl apply -k ${folder}/keep && kubectl apply -k ${folder}/jobs`] : []),
    ...describeVanished(vanished, current).map((line) => `  ${line}`),
  ];
}

function count(things: number, name: string): string {
  return `${things} ${name}${things === 1 ? '' : 's'}`;
}

/** Report on a generated folder whose environment no longer exists. */
export function describeLeftOver(folder: string, config: string): string {
  return `${folder}: unchanged, but ${config} no longer has this environment. Stop its backups with kubectl delete -k ${folder}/jobs, then remove the folder`;
}

/** The same for restores, without `kubectl delete`: a file may contain the claim that was restored into. */
export function describeLeftOverRestores(folder: string, config: string): string {
  return `${folder}: unchanged, but ${config} no longer has this environment. Make sure that neither Argo CD nor Flux uses it, then remove the folder`;
}

/** Each warning once, with the environments it applies to. */
export function warningsOf(models: readonly Model[]): readonly string[] {
  const about = new Map<string, readonly string[]>();
  for (const { environment, warnings } of models) {
    for (const warning of warnings) about.set(warning, [...(about.get(warning) ?? []), environment]);
  }
  return [...about].map(([warning, environments]) => `warning: ${environments.join(', ')}: ${warning}`);
}
