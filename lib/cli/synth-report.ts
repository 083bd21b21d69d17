import { basename } from 'node:path';
import type { Model } from '../model/model.ts';
import type { Output } from './build-output.ts';
import type { ObjectName } from './object-names.ts';
import { describeVanished, isScripts } from './vanished.ts';

/** What became of one environment. `current` gives the script ConfigMaps that any environment names. */
export function describe({ model, folder, files, isNew, changes, vanished }: Output, current: () => readonly ObjectName[]): readonly string[] {
  const jobs = model.sources.flatMap(({ runs, verify }) => [...runs.filter(({ schedule }) => schedule !== undefined), ...(verify ? [verify] : [])]);
  const counts = [count(model.sources.length, 'source'), count(jobs.length, 'CronJob'), count(model.claims.length, 'claim'), count(files, 'file')];
  const state = isNew ? 'new' : changes.length > 0 ? 'changed' : 'unchanged';
  return [
    `${folder}: ${counts.join(', ')}: ${state}`,
    ...(isNew ? [`  kubectl apply -k ${folder}/keep && kubectl apply -k ${folder}/jobs`] : []),
    ...(isNew || changes.length === 0 ? [] : [`  ${describeScripts(changes)}`]),
    ...describeVanished(vanished, current).map((line) => `  ${line}`),
  ];
}

/** Whether the pods run other scripts than before: what a reviewer of folded files must know. */
function describeScripts(changes: Output['changes']): string {
  const folders = changes.filter(({ path }) => isScripts(path)).map(({ path }) => basename(path, '.yaml'));
  return folders.length === 0 ? 'scripts unchanged' : `scripts changed: ${folders.join(', ')}`;
}

function count(things: number, name: string): string {
  return `${things} ${name}${things === 1 ? '' : 's'}`;
}

/** A folder of ours that nothing writes to any more. */
export function describeLeftOver(folder: string, config: string): string {
  return `${folder}: left as it is, since ${config} has no such environment any more. kubectl delete -k ${folder}/jobs stops its backups; then remove the folder`;
}

/** The same, of restores. Not `kubectl delete`: a file may hold the claim that was restored into. */
export function describeLeftOverRestores(folder: string, config: string): string {
  return `${folder}: left as it is, since ${config} has no such environment any more. Look that neither Argo CD nor Flux points to it; then remove the folder`;
}

/** Each warning once, with the environments that it is about. */
export function warningsOf(models: readonly Model[]): readonly string[] {
  const about = new Map<string, readonly string[]>();
  for (const { environment, warnings } of models) {
    for (const warning of warnings) about.set(warning, [...(about.get(warning) ?? []), environment]);
  }
  return [...about].map(([warning, environments]) => `warning: ${environments.join(', ')}: ${warning}`);
}
