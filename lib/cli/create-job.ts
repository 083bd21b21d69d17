import type { Json } from '../charts/writer.ts';
import type { Applies } from './applied.ts';
import { type Cluster, explainKubectl } from './cluster.ts';
import { ClusterError } from './cluster-error.ts';

/** Creates a Job without a name, and returns the one that the API server generates. */
export async function createJob(cluster: Cluster, namespace: string, job: Json): Promise<string> {
  const { status, stdout, stderr } = await cluster.try(['create', '--filename', '-', '--output', 'json'], JSON.stringify(job));
  if (status === 0) return (JSON.parse(stdout) as Named).metadata.name;
  const { message, hint, status: ours } = explainKubectl({ status, stdout, stderr });
  // If the answer is lost, by Ctrl-C or in the network, the Job may still exist.
  const doubt = /\(\w+\)/.test(stderr) ? '' : `; kubectl get jobs --namespace ${namespace} shows whether the Job was created`;
  throw new ClusterError(message, `${hint}${doubt}`, ours);
}

interface Named {
  readonly metadata: { readonly name: string };
}

/** The pod of a Job, reduced to the names of objects that must exist first. */
export function podSpecOf(job: Json): Applies {
  return (job as unknown as { readonly spec: { readonly template: { readonly spec: Applies } } }).spec.template.spec;
}
