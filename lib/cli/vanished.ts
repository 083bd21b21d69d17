import { loadAll } from 'js-yaml';
import type { Files } from './output-folder.ts';

/** One object of Kubernetes, by what names it in a cluster. */
export interface ObjectName {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** What an environment's output says no longer. */
export interface Vanished {
  /** Objects that come and go with the values. */
  readonly jobs: readonly ObjectName[];
  /** Objects that nothing removes, such as claims. Without script ConfigMaps. */
  readonly kept: readonly ObjectName[];
  /** Namespaces that have script ConfigMaps of before. */
  readonly scripts: readonly string[];
}

/** Compares what lies in a folder with what will. Only files that differ are parsed. */
export function vanished(before: Files, after: Files): Vanished {
  const changed = [...before].filter(([path, text]) => after.get(path) !== text);
  const now = new Set([...after].filter(([path, text]) => before.get(path) !== text).flatMap(([, text]) => objectsIn(text).map(keyOf)));
  const gone = changed.map(([path, text]) => [path, objectsIn(text).filter((object) => !now.has(keyOf(object)))] as const);
  const kept = gone.filter(([path]) => path.startsWith('keep/')).flatMap(([, objects]) => objects);
  return {
    jobs: gone.filter(([path]) => !path.startsWith('keep/')).flatMap(([, objects]) => objects),
    kept: kept.filter(({ kind }) => kind !== 'ConfigMap'),
    scripts: [...new Set(kept.filter(({ kind }) => kind === 'ConfigMap').map(({ namespace }) => namespace))].sort(),
  };
}

/** Names of the script ConfigMaps that some outputs hold in a namespace. */
export function scriptsIn(outputs: readonly Files[], namespace: string): readonly string[] {
  const objects = outputs.flatMap((files) => objectsIn(files.get('keep/scripts.yaml') ?? ''));
  const names = objects.filter((object) => object.kind === 'ConfigMap' && object.namespace === namespace).map(({ name }) => name);
  return [...new Set(names)].sort();
}

/** Lines that say what is gone, and how to remove it from a cluster. What holds backups is never in a command. */
export function describeVanished({ jobs, kept, scripts }: Vanished, current: (namespace: string) => readonly string[]): readonly string[] {
  const lines: string[] = [];
  if (jobs.length > 0) lines.push('no longer there; Argo CD and Flux remove it, with kubectl it is:', ...deleteCommands(jobs));
  for (const { kind, namespace, name } of kept) {
    const what = kind === 'Namespace' ? `the Namespace ${name}` : `the ${kind} ${namespace}/${name}`;
    lines.push(`no longer there: ${what}. It stays in the cluster with all that is in it; to give that up for good, delete it by hand`);
  }
  if (scripts.length > 0) lines.push('scripts of before stay in the cluster for Jobs that still run; when none does, remove them:');
  return [...lines, ...scripts.map((namespace) => cleanUp(namespace, current(namespace)))];
}

function deleteCommands(objects: readonly ObjectName[]): readonly string[] {
  const namespaces = [...new Set(objects.map(({ namespace }) => namespace))].sort();
  return namespaces.map((namespace) => {
    const names = objects.filter((object) => object.namespace === namespace).map(({ kind, name }) => `${kind.toLowerCase()}/${name}`);
    return `  kubectl delete --namespace ${namespace} ${names.join(' ')}`;
  });
}

function cleanUp(namespace: string, current: readonly string[]): string {
  const but = current.length > 0 ? ` --field-selector ${current.map((name) => `metadata.name!=${name}`).join(',')}` : '';
  return `  kubectl delete configmap --namespace ${namespace} --selector app.kubernetes.io/name=backstay,app.kubernetes.io/component=scripts${but}`;
}

const keyOf = ({ kind, namespace, name }: ObjectName) => `${kind}/${namespace}/${name}`;

/** Nothing of a file that somebody has broken since: what it held cannot be known. */
function objectsIn(text: string): readonly ObjectName[] {
  try {
    return loadAll(text).flatMap((document) => {
      const { kind, metadata } = (document ?? {}) as { kind?: string; metadata?: { name?: string; namespace?: string } };
      return kind && metadata?.name ? [{ kind, namespace: metadata.namespace ?? '', name: metadata.name }] : [];
    });
  } catch {
    return [];
  }
}
