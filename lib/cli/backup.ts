import { manualJob } from '../charts/manual.ts';
import { type Json, toYaml } from '../charts/writer.ts';
import { ConfigError } from '../errors.ts';
import { type Applies, checkApplied } from './applied.ts';
import { type Cluster, clusterOf, explainKubectl } from './cluster.ts';
import { ClusterError } from './cluster-error.ts';
import { followJob } from './follow-job.ts';
import { STATUS } from './statuses.ts';
import { runOf, sourceTarget } from './target.ts';
import { secondsOfTimeout } from './timeout.ts';
import type { Outcome, World } from './world.ts';

export interface BackupOptions {
  readonly config: string;
  readonly tier?: string;
  readonly label?: string;
  readonly apply?: boolean;
  readonly context?: string;
  readonly timeout: string;
}

/** The Job of a run by hand: printed, or created with the user's own kubectl and followed to its end. */
export async function backup(target: string, options: BackupOptions, world: World): Promise<Outcome> {
  const { model, source } = sourceTarget(target, options.config);
  const { tier, namespace } = runOf(source, options.tier);
  const patience = secondsOfTimeout(options.timeout);
  const job = manualJob(model, source.name, tier, { label: checkedLabel(options.label) });
  if (!options.apply)
    return { status: STATUS.done, text: toYaml([job], 'a run by hand, for kubectl create -f -: each time it is another Job').trimEnd() };
  const cluster = clusterOf(world, options);
  await checkApplied(cluster, model.environment, namespace, podSpecOf(job));
  const name = await create(cluster, namespace, job);
  world.say(`created the Job ${namespace}/${name}`);
  return { status: await followJob(cluster, world, { namespace, name, patience }) };
}

/** Gives the name that the API server has made up. */
async function create(cluster: Cluster, namespace: string, job: Json): Promise<string> {
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

function podSpecOf(job: Json): Applies {
  return (job as unknown as { readonly spec: { readonly template: { readonly spec: Applies } } }).spec.template.spec;
}

/** A label is for people, and stands in tables, manifests and JSON. */
const LABEL = /^[\p{L}\p{N}][\p{L}\p{N} ._:/#+-]{0,62}$/u;

function checkedLabel(label: string | undefined): string | undefined {
  if (label === undefined || (LABEL.test(label) && !label.endsWith(' '))) return label;
  const hint = 'write up to 63 letters, digits, spaces and . _ : / # + -, beginning with a letter or a digit';
  throw new ConfigError([{ path: '--label', message: 'not a label', value: label, hint }]);
}
