import { troubleOf } from './applied.ts';
import type { Cluster } from './cluster.ts';
import { ClusterError } from './cluster-error.ts';
import { durationText, sizeText } from './format.ts';
import { type Condition, type ContainerStatus, containersOf, failureOf, hasBegun, hintFor, lastWordsOf, obstacleOf, type Pod } from './pod.ts';
import { STATUS } from './statuses.ts';
import type { World } from './world.ts';

const POLL_SECONDS = 1;
/** The label with the phase of a restore that stops applications: see guard.sh. */
const PHASE_LABEL = 'backstay.dev/phase';

interface Job {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** A Job that was created, and how long its first pod may take to start. */
export interface Followed {
  readonly namespace: string;
  readonly name: string;
  /** Seconds. */
  readonly patience: number;
  /** The result of its last pod after success. @default - the summary of a backup */
  readonly summary?: (pod: Pod) => string;
}

/** Reports the progress of a Job until it ends, and returns the status of its last pod. The Job does not depend on it. */
export async function followJob(cluster: Cluster, world: World, followed: Followed): Promise<number> {
  try {
    return await follow(cluster, world, followed);
  } catch (error) {
    // Ctrl-C stops kubectl too, in the middle of a request.
    if (!world.interrupted.aborted) throw error;
    return leaveRunning(world, followed);
  }
}

async function follow(cluster: Cluster, world: World, followed: Followed): Promise<number> {
  const { namespace, name, patience } = followed;
  const printed = new Set<string>();
  const once = (line: string) => {
    if (!printed.has(line)) world.say(line);
    printed.add(line);
  };
  const start = world.now();
  while (!world.interrupted.aborted) {
    const job = await cluster.get<Job>(['get', 'job', name, '--namespace', namespace]);
    const pods = await podsOf(cluster, followed);
    const phase = job.metadata?.labels?.[PHASE_LABEL];
    if (phase !== undefined) once(`  ${phase}`);
    for (const [index, pod] of pods.entries()) for (const line of progressOf(pod, index)) once(line);
    const end = job.status?.conditions?.find(({ type, status }) => ['Complete', 'Failed'].includes(type) && status === 'True');
    if (end) return finish(cluster, world, followed, { end, pods });
    if (!pods.some(hasBegun)) {
      const obstacle = await reasonNotToStart(cluster, followed, pods.at(-1));
      if (obstacle) once(`  waiting: ${obstacle}`);
      if (world.now() - start > patience) throw notStarted(followed, obstacle);
    }
    await world.sleep(POLL_SECONDS);
  }
  return leaveRunning(world, followed);
}

function leaveRunning(world: World, { namespace, name }: Followed): number {
  world.warn(`the Job continues; to stop it: kubectl delete job --namespace ${namespace} ${name}`);
  return STATUS.interrupted;
}

/** The pods of a Job, the oldest first: one for each attempt. */
async function podsOf(cluster: Cluster, { namespace, name }: Followed): Promise<readonly Pod[]> {
  const { items } = await cluster.get<{ readonly items: readonly Pod[] }>([
    'get',
    'pods',
    '--namespace',
    namespace,
    '--selector',
    `batch.kubernetes.io/job-name=${name}`,
  ]);
  return items.toSorted((a, b) => (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''));
}

async function reasonNotToStart(cluster: Cluster, { namespace, name }: Followed, pod: Pod | undefined): Promise<string | undefined> {
  return (pod && obstacleOf(pod)) ?? (await troubleOf(cluster, namespace, pod?.metadata.name ?? name));
}

function notStarted({ namespace, name, patience }: Followed, obstacle: string | undefined): ClusterError {
  const why = obstacle ?? 'no reason given';
  const stop = `to cancel it: kubectl delete job --namespace ${namespace} ${name}`;
  return new ClusterError(`the Job ${namespace}/${name} did not start within ${durationText(patience)}: ${why}`, `${hintFor(why)}; ${stop}`);
}

function progressOf(pod: Pod, index: number): readonly string[] {
  const attempt = index === 0 ? '' : ` (attempt ${index + 1})`;
  return containersOf(pod).flatMap((container): readonly string[] => {
    const { running, terminated } = container.state;
    const name = `  ${container.name}${attempt}:`;
    if (terminated) return [`${name} running`, `${name} ${terminated.exitCode === 0 ? 'done' : 'failed'}${lasted(container)}`];
    return running ? [`${name} running`] : [];
  });
}

function lasted({ state: { terminated } }: ContainerStatus): string {
  const seconds = (Date.parse(terminated?.finishedAt ?? '') - Date.parse(terminated?.startedAt ?? '')) / 1000;
  return Number.isNaN(seconds) ? '' : ` after ${durationText(seconds)}`;
}

interface Ended {
  readonly end: Condition;
  readonly pods: readonly Pod[];
}

async function finish(cluster: Cluster, world: World, followed: Followed, { end, pods }: Ended): Promise<number> {
  const last = pods.at(-1);
  if (end.type === 'Complete') {
    world.say(last ? (followed.summary ?? summaryOf)(last) : 'done');
    return STATUS.done;
  }
  if (!last) {
    world.warn(
      `error: ${[end.reason, end.message].filter(Boolean).join(': ')}\n  HINT: the pod and its log are gone; look at kubectl get events in the namespace`,
    );
    return STATUS.fault;
  }
  const { container, status, reason, hint } = failureOf(last);
  if (container) world.warn(await logTail(cluster, followed.namespace, last.metadata.name, container));
  if (status === STATUS.degraded) world.say(summaryOf(last));
  world.warn(`error: ${container ? `${container}: ` : ''}${reason}${hint ? `\n  HINT: ${hint}` : ''}`);
  return status;
}

/** The last lines of a container's log, indented. */
async function logTail(cluster: Cluster, namespace: string, pod: string, container: string): Promise<string> {
  const ran = await cluster.try(['logs', pod, '--namespace', namespace, '--container', container, '--tail', '20']);
  return (ran.status === 0 ? ran.stdout : 'cannot read its log').trimEnd().replace(/^/gm, '  | ');
}

function summaryOf(pod: Pod): string {
  const words = containersOf(pod).map(lastWordsOf).at(-1) ?? {};
  const { runId, bytes, seconds, path, storages = {} } = words;
  const facts = [runId, bytes === undefined ? undefined : sizeText(bytes), seconds === undefined ? undefined : durationText(seconds)];
  const lines = [`backup ${facts.filter((fact) => fact !== undefined).join(', ')}`, ...(path ? [`  manifest: ${path}`] : [])];
  return [...lines, ...Object.entries(storages).map(([storage, state]) => `  ${storage}: ${state}`)].join('\n');
}
