import { troubleOf } from './applied.ts';
import type { Cluster } from './cluster.ts';
import { ClusterError } from './cluster-error.ts';
import { durationText, sizeText } from './format.ts';
import { type Condition, type ContainerStatus, containersOf, failureOf, hasBegun, hintFor, lastWordsOf, obstacleOf, type Pod } from './pod.ts';
import { STATUS } from './statuses.ts';
import type { World } from './world.ts';

const POLL_SECONDS = 1;
/** How far a restore is that stops applications: see guard.sh. */
const PHASE_LABEL = 'backstay.dev/phase';

interface Job {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** A Job that was created, and how long its first pod may take to begin. */
export interface Followed {
  readonly namespace: string;
  readonly name: string;
  /** Seconds. */
  readonly patience: number;
  /** What its last pod has come to, when all went well. @default - the words of a backup */
  readonly summary?: (pod: Pod) => string;
}

/** Says what a Job does until it ends; the status is that of its last pod. The Job goes on when nobody follows it. */
export async function followJob(cluster: Cluster, world: World, followed: Followed): Promise<number> {
  try {
    return await follow(cluster, world, followed);
  } catch (error) {
    // Ctrl-C ends kubectl too, in the middle of a question.
    if (!world.interrupted.aborted) throw error;
    return goesOn(world, followed);
  }
}

async function follow(cluster: Cluster, world: World, followed: Followed): Promise<number> {
  const { namespace, name, patience } = followed;
  const said = new Set<string>();
  const once = (line: string) => {
    if (!said.has(line)) world.say(line);
    said.add(line);
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
      const obstacle = await whyNot(cluster, followed, pods.at(-1));
      if (obstacle) once(`  waiting: ${obstacle}`);
      if (world.now() - start > patience) throw notBegun(followed, obstacle);
    }
    await world.sleep(POLL_SECONDS);
  }
  return goesOn(world, followed);
}

function goesOn(world: World, { namespace, name }: Followed): number {
  world.warn(`the Job goes on; kubectl delete job --namespace ${namespace} ${name} stops it`);
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

async function whyNot(cluster: Cluster, { namespace, name }: Followed, pod: Pod | undefined): Promise<string | undefined> {
  return (pod && obstacleOf(pod)) ?? (await troubleOf(cluster, namespace, pod?.metadata.name ?? name));
}

function notBegun({ namespace, name, patience }: Followed, obstacle: string | undefined): ClusterError {
  const why = obstacle ?? 'nobody says why';
  const stop = `kubectl delete job --namespace ${namespace} ${name} gives it up`;
  return new ClusterError(`the Job ${namespace}/${name} has not begun after ${durationText(patience)}: ${why}`, `${hintFor(why)}; ${stop}`);
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
      `error: ${[end.reason, end.message].filter(Boolean).join(': ')}\n  HINT: the pod is gone, and its log with it; see the events of the namespace`,
    );
    return STATUS.fault;
  }
  const { container, status, reason, hint } = failureOf(last);
  if (container) world.warn(await logTail(cluster, followed.namespace, last.metadata.name, container));
  if (status === STATUS.degraded) world.say(summaryOf(last));
  world.warn(`error: ${container ? `${container}: ` : ''}${reason}${hint ? `\n  HINT: ${hint}` : ''}`);
  return status;
}

/** The end of a container's log, indented. */
async function logTail(cluster: Cluster, namespace: string, pod: string, container: string): Promise<string> {
  const ran = await cluster.try(['logs', pod, '--namespace', namespace, '--container', container, '--tail', '20']);
  return (ran.status === 0 ? ran.stdout : 'its log cannot be read').trimEnd().replace(/^/gm, '  | ');
}

function summaryOf(pod: Pod): string {
  const words = containersOf(pod).map(lastWordsOf).at(-1) ?? {};
  const { runId, bytes, seconds, path, storages = {} } = words;
  const facts = [runId, bytes === undefined ? undefined : sizeText(bytes), seconds === undefined ? undefined : durationText(seconds)];
  const lines = [`backup ${facts.filter((fact) => fact !== undefined).join(', ')}`, ...(path ? [`  manifest: ${path}`] : [])];
  return [...lines, ...Object.entries(storages).map(([storage, state]) => `  ${storage}: ${state}`)].join('\n');
}
