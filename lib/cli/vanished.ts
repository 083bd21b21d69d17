import { SCRIPTS_FOLDER } from '../charts/outputs/keep.ts';
import { type ObjectName, objectsIn } from './object-names.ts';
import type { OutputFolder } from './output-folder.ts';

/** Objects that an environment's output no longer contains. */
export interface Vanished {
  /** Objects that follow the values. */
  readonly jobs: readonly ObjectName[];
  /** Objects that nothing removes automatically, such as claims and scripts. */
  readonly kept: readonly ObjectName[];
}

/** Where the scripts were until each folder got a file of its own: another environment may not be synthesized anew yet. */
const BEFORE_FOLDERS = 'keep/scripts.yaml';

/** Whether a file of an output contains scripts. */
export function isScripts(path: string): boolean {
  return path.startsWith(SCRIPTS_FOLDER) || path === BEFORE_FOLDERS;
}

/** The script ConfigMaps of an output. */
export function scriptsOf({ paths, read }: Pick<OutputFolder, 'paths' | 'read'>): readonly ObjectName[] {
  return paths.filter(isScripts).flatMap((path) => objectsIn(read(path) ?? ''));
}

/**
 * Lists the objects that are gone, with commands to remove them from a cluster, except for those that hold backups.
 *
 * @param current - the script ConfigMaps that some environment still uses
 */
export function describeVanished({ jobs, kept }: Vanished, current: () => readonly ObjectName[]): readonly string[] {
  const lines: string[] = [];
  if (jobs.length > 0) lines.push('removed from the output. Argo CD and Flux delete these objects; with kubectl, run:', ...deleteCommands(jobs));
  for (const { kind, namespace, name } of kept.filter((object) => object.kind !== 'ConfigMap')) {
    const what = kind === 'Namespace' ? `the Namespace ${name}` : `the ${kind} ${namespace}/${name}`;
    lines.push(`removed from the output: ${what}. It stays in the cluster with its contents; to lose them for good, delete it yourself`);
  }
  const scripts = [...new Set(kept.filter(({ kind }) => kind === 'ConfigMap').map(({ namespace }) => namespace))].sort();
  if (scripts.length > 0) lines.push('old scripts stay in the cluster for Jobs that still run. When none does, remove them:');
  return [...lines, ...scripts.map((namespace) => cleanUp(namespace, current()))];
}

function deleteCommands(objects: readonly ObjectName[]): readonly string[] {
  const namespaces = [...new Set(objects.map(({ namespace }) => namespace))].sort();
  return namespaces.map((namespace) => {
    const names = objects.filter((object) => object.namespace === namespace).map(({ kind, name }) => `${kind.toLowerCase()}/${name}`);
    return `  kubectl delete --namespace ${namespace} ${names.join(' ')}`;
  });
}

function cleanUp(namespace: string, current: readonly ObjectName[]): string {
  const names = [...new Set(current.filter((object) => object.namespace === namespace).map(({ name }) => name))].sort();
  const but = names.length > 0 ? ` --field-selector ${names.map((name) => `metadata.name!=${name}`).join(',')}` : '';
  return `  kubectl delete configmap --namespace ${namespace} --selector app.kubernetes.io/name=backstay,app.kubernetes.io/component=scripts${but}`;
}
