import type { Cluster } from './cluster.ts';
import { ClusterError } from './cluster-error.ts';

/** The part of a pod's spec that names objects which `kubectl apply` must create first. */
export interface Applies {
  readonly serviceAccountName?: string;
  readonly volumes?: readonly {
    readonly name: string;
    readonly projected?: { readonly sources?: readonly { readonly configMap?: { readonly name?: string } }[] };
  }[];
}

/** Refuses to create a pod whose account or scripts are not in the cluster. It would hang without an error. */
export async function checkApplied(cluster: Cluster, environment: string, namespace: string, spec: Applies): Promise<void> {
  const sources = (spec.volumes ?? []).flatMap(({ name, projected }) => (name === 'scripts' ? (projected?.sources ?? []) : []));
  const scripts = sources.flatMap(({ configMap }) => configMap?.name ?? []);
  const wanted = [...(spec.serviceAccountName ? [`serviceaccount/${spec.serviceAccountName}`] : []), ...scripts.map((name) => `configmap/${name}`)];
  const printed = await cluster.run(['get', ...wanted, '--namespace', namespace, '--ignore-not-found', '--output', 'name']);
  const found = new Set(printed.split('\n'));
  const missing = wanted.filter((name) => !found.has(name));
  if (missing.length === 0) return;
  const apply = ['keep', 'jobs'].map((folder) => `kubectl apply -k dist/${environment}/${folder}`).join(' && ');
  throw new ClusterError(`missing in the namespace '${namespace}' of this cluster: ${missing.join(', ')}`, apply);
}

/** A reason why a pod does not start that only events show, such as a volume that cannot be mounted. */
export async function troubleOf(cluster: Cluster, namespace: string, object: string): Promise<string | undefined> {
  const selector = `involvedObject.name=${object},type=Warning`;
  const ran = await cluster.try(['get', 'events', '--namespace', namespace, '--field-selector', selector, '--output', 'json']);
  // Users who may not read events still get everything else.
  if (ran.status !== 0) return undefined;
  const { items } = JSON.parse(ran.stdout) as { readonly items: readonly Event[] };
  const newest = items.toSorted((a, b) => timeOf(a).localeCompare(timeOf(b))).at(-1);
  return newest && `${newest.reason}: ${newest.message}`;
}

interface Event {
  readonly reason: string;
  readonly message: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly metadata: { readonly creationTimestamp?: string };
}

function timeOf({ lastTimestamp, eventTime, metadata }: Event): string {
  return lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '';
}
