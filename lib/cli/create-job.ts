import type { Json } from '../charts/writer.ts';
import type { Applies } from './applied.ts';
import { type Cluster, explainKubectl } from './cluster.ts';
import { ClusterError } from './cluster-error.ts';

/** Creates a Job without a name, and gives the one that the API server has made up. */
export async function createJob(cluster: Cluster, namespace: string, job: Json): Promise<string> {
  const { status, stdout, stderr } = await cluster.try(['create', '--filename', '-', '--output', 'json'], JSON.stringify(job));
  if (status === 0) return (JSON.parse(stdout) as Named).metadata.name;
  const { message, hint, status: ours } = explainKubectl({ status, stdout, stderr });
  // An answer that is lost, by Ctrl-C or by the network, is no proof that nothing was made.
  const doubt = /\(\w+\)/.test(stderr) ? '' : `; kubectl get jobs --namespace ${namespace} says whether the Job was made`;
  throw new ClusterError(message, `${hint}${doubt}`, ours);
}

interface Named {
  readonly metadata: { readonly name: string };
}

/** The pod that a Job makes, as far as it names what must be there before. */
export function podSpecOf(job: Json): Applies {
  return (job as unknown as { readonly spec: { readonly template: { readonly spec: Applies } } }).spec.template.spec;
}
