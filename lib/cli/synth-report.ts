import { basename } from 'node:path';
import type { Output } from '../charts/outputs/output.ts';
import type { Model } from '../model/model.ts';
import type { Built } from './build-tree.ts';
import type { ObjectName } from './object-names.ts';
import { describeVanished, isScripts } from './vanished.ts';

/** Report on one folder. `current` returns the script ConfigMaps that any environment uses. */
export function describe(built: Built, current: () => readonly ObjectName[]): readonly string[] {
  const { output, folder } = built.tree;
  return output ? describeByFile(built, output) : describeEnvironment(built, folder, current);
}

function describeEnvironment(
  { tree, files, isNew, changes, vanished }: Built,
  folder: string,
  current: () => readonly ObjectName[],
): readonly string[] {
  const { sources, claims } = tree.model;
  const jobs = sources.flatMap(({ runs, verify }) => [...runs.filter(({ schedule }) => schedule !== undefined), ...(verify ? [verify] : [])]);
  const counts = [count(sources.length, 'source'), count(jobs.length, 'CronJob'), count(claims.length, 'claim'), count(files.length, 'file')];
  const state = isNew ? 'new' : changes.length > 0 ? 'changed' : 'unchanged';
  return [
    `${folder}: ${counts.join(', ')}: ${state}`,
    ...(isNew ? [`  kubectl apply -k ${folder}/keep && kubectl apply -k ${folder}/jobs`] : []),
    ...(isNew || changes.length === 0 ? [] : [`  ${describeScripts(changes)}`]),
    ...describeVanished(vanished, current).map((line) => `  ${line}`),
  ];
}

/** Nothing if there is no file and was none. */
function describeByFile({ tree: { folder }, files, isNew, changes }: Built, { words }: Output): readonly string[] {
  if (isNew && files.length === 0) return [];
  const { noun = 'file', apply = '' } = words ?? {};
  if (files.length === 0) return [`${folder}: removed: no ${noun}s are left`];
  const state = isNew ? 'new' : changes.length > 0 ? 'changed' : 'unchanged';
  const commands = changes.length > 0 ? files.map((file) => `  kubectl apply -f ${folder}/${file}   # ${apply}`) : [];
  return [`${folder}: ${count(files.length, noun)}: ${state}`, ...commands];
}

/** Whether the pods run other scripts than before, which reviewers must know if their tool folds the files. */
function describeScripts(changes: Built['changes']): string {
  const folders = changes.filter(({ path, what }) => isScripts(path) && what !== 'extra').map(({ path }) => basename(path, '.yaml'));
  return folders.length === 0 ? 'scripts unchanged' : `scripts changed: ${folders.join(', ')}`;
}

function count(things: number, name: string): string {
  return `${things} ${name}${things === 1 ? '' : 's'}`;
}

/** Report on a generated folder whose environment no longer exists. */
export function describeLeftOver(folder: string, config: string): string {
  return `${folder}: unchanged, but ${config} no longer has this environment. Stop its backups with kubectl delete -k ${folder}/jobs, then remove the folder`;
}

/** The same for restores, without `kubectl delete`: a file may contain the claim that was restored into. */
export function describeLeftOverByFile(folder: string, config: string): string {
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
