import { cataloguePod } from '../charts/manual.ts';
import type { Model, PlannedSource } from '../model/model.ts';
import type { Env } from '../pod.ts';
import { type Applies, checkApplied, troubleOf } from './applied.ts';
import { type Cluster, interruption } from './cluster.ts';
import { ClusterError } from './cluster-error.ts';
import { durationText } from './format.ts';
import { failureOf, hasBegun, hintFor, obstacleOf, type Pod } from './pod.ts';
import type { World } from './world.ts';

const POLL_SECONDS = 0.5;

/** The action of a short-lived pod of a source. */
export interface Errand {
  readonly model: Model;
  readonly source: PlannedSource;
  /** @default - all tiers of the source */
  readonly tier?: string;
  /** `ACTION` of catalogue.sh, and its other variables. */
  readonly action: Env;
  /** How long it may take altogether. Seconds. */
  readonly patience: number;
}

/** What each tier's container printed. */
export type Printed = ReadonlyMap<string, string>;

/**
 * Runs a pod with the source's own service account and returns what each container printed. The pod is deleted afterwards,
 * even if it fails, hangs, or the command is interrupted.
 */
export async function runErrand(cluster: Cluster, world: World, errand: Errand): Promise<Printed> {
  const { model, source, tier, action } = errand;
  const pod = named(cataloguePod(model, source.name, tier, action) as unknown as Planned, world.now());
  const { name, namespace } = pod.metadata;
  await checkApplied(cluster, model.environment, namespace, pod.spec);
  try {
    await cluster.run(['create', '--filename', '-'], JSON.stringify(pod));
    const ended = await waitForEnd(cluster, world, { namespace, name, patience: errand.patience });
    if (ended.status.phase === 'Failed') throw failed(source.name, ended);
    const printed = new Map<string, string>();
    for (const { name: container } of pod.spec.containers)
      printed.set(container, await cluster.run(['logs', name, '--namespace', namespace, '--container', container]));
    return printed;
  } finally {
    await cluster.try(['delete', 'pod', name, '--namespace', namespace, '--ignore-not-found', '--wait=false']);
  }
}

interface Planned {
  readonly metadata: { readonly generateName: string; readonly namespace: string };
  readonly spec: Applies & { readonly containers: readonly { readonly name: string }[] };
}

/** The name is chosen here, so that the pod can be deleted even if the answer to its creation is lost. */
function named({ metadata: { generateName, ...metadata }, ...pod }: Planned, now: number) {
  const suffix = Math.floor(now * 1000)
    .toString(36)
    .slice(-7);
  return { ...pod, metadata: { ...metadata, name: `${generateName.slice(0, 63 - suffix.length)}${suffix}` } };
}

interface Awaited {
  readonly namespace: string;
  readonly name: string;
  readonly patience: number;
}

async function waitForEnd(cluster: Cluster, world: World, { namespace, name, patience }: Awaited): Promise<Pod> {
  const start = world.now();
  let printed: string | undefined;
  for (;;) {
    if (world.interrupted.aborted) throw interruption();
    const pod = await cluster.get<Pod>(['get', 'pod', name, '--namespace', namespace]);
    if (pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed') return pod;
    if (world.now() - start > patience) throw await tooLong(cluster, { namespace, name, patience }, pod);
    const obstacle = hasBegun(pod) ? undefined : obstacleOf(pod);
    if (obstacle !== undefined && obstacle !== printed) world.warn(`waiting: ${obstacle}`);
    printed = obstacle ?? printed;
    await world.sleep(POLL_SECONDS);
  }
}

async function tooLong(cluster: Cluster, { namespace, name, patience }: Awaited, pod: Pod): Promise<ClusterError> {
  if (hasBegun(pod)) return new ClusterError(`the pod did not finish within ${durationText(patience)}`, 'if the storage is slow, raise --timeout');
  const why = obstacleOf(pod) ?? (await troubleOf(cluster, namespace, name)) ?? 'no reason reported';
  return new ClusterError(`the pod did not start within ${durationText(patience)}: ${why}`, hintFor(why));
}

function failed(source: string, pod: Pod): ClusterError {
  const { container, reason, hint, status } = failureOf(pod);
  const where = container ? `${source}/${container}` : source;
  return new ClusterError(`${where}: ${reason}`, hint ?? 'run backstay secrets ENVIRONMENT --check to check the keys of the storages', status);
}
