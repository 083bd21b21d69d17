import { randomBytes } from 'node:crypto';
import { apply, type Json, read } from './kubectl.ts';
import { until } from './until.ts';

/** How one container of a run ended. */
export interface ContainerEnd {
  readonly name: string;
  /** @default - it never ran, or was removed before it ended */
  readonly exitCode?: number;
  /** Kubernetes' reason, such as `Completed` or `OOMKilled`. */
  readonly reason?: string;
  /** The parsed termination message. @default - none, or not JSON */
  readonly lastWords?: Json;
  readonly log: string;
}

export interface PodEnd {
  readonly name: string;
  readonly uid: string;
  readonly phase: string;
  /** `Evicted`, `DeadlineExceeded`. */
  readonly reason?: string;
  readonly message?: string;
  /** In the order they run. */
  readonly containers: readonly ContainerEnd[];
}

export interface JobEnd {
  readonly name: string;
  readonly complete: boolean;
  /** The condition's reason: `PodFailurePolicy`, `BackoffLimitExceeded`, `DeadlineExceeded`. */
  readonly reason?: string;
  /** One per attempt, oldest first. */
  readonly pods: readonly PodEnd[];
  /** All logs of all attempts. */
  readonly log: string;
  /** The last words of the first container that failed, otherwise of the last one. */
  readonly lastWords?: Json;
  /** Exit statuses of the last attempt's containers by name, without those that never ran. */
  readonly statuses: Readonly<Record<string, number>>;
}

/** Starts a manual run exactly like `kubectl create job --from=cronjob/…`. `change` modifies the Job. */
export async function startRun(namespace: string, cronJob: string, change?: (job: Json) => void): Promise<string> {
  const owner = await read(`/apis/batch/v1/namespaces/${namespace}/cronjobs/${cronJob}`);
  if (!owner) throw new Error(`no CronJob ${namespace}/${cronJob}`);
  const { metadata, spec } = structuredClone(owner.spec.jobTemplate);
  const name = `${cronJob.slice(0, 40)}-${randomBytes(3).toString('hex')}`;
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace,
      labels: metadata?.labels,
      annotations: { ...metadata?.annotations, 'cronjob.kubernetes.io/instantiate': 'manual' },
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name: cronJob, uid: owner.metadata.uid, controller: true }],
    },
    spec,
  };
  change?.(job);
  await apply(job);
  return name;
}

/** Waits for a Job's end and collects statuses, last words and logs. */
export async function endOf(namespace: string, job: string, seconds = 120): Promise<JobEnd> {
  const condition = await until(`the end of Job ${job}`, seconds, async () => {
    const found = await read(`/apis/batch/v1/namespaces/${namespace}/jobs/${job}`);
    return found?.status?.conditions?.find((one: Json) => ['Complete', 'Failed'].includes(one.type) && one.status === 'True');
  }).catch(async (error: Error) => {
    throw new Error(`${error.message}\n${await trouble(namespace, job)}`);
  });
  const pods = await podsOf(namespace, job);
  const ends = await Promise.all(pods.map((pod) => podEnd(pod)));
  const last = ends.at(-1)?.containers ?? [];
  const failed = last.find(({ exitCode }) => exitCode) ?? last.findLast(({ exitCode }) => exitCode !== undefined);
  return {
    name: job,
    complete: condition.type === 'Complete',
    reason: condition.reason,
    pods: ends,
    log: ends.flatMap(({ containers }) => containers.map(({ log }) => log)).join(''),
    lastWords: failed?.lastWords,
    statuses: Object.fromEntries(last.flatMap(({ name, exitCode }) => (exitCode === undefined ? [] : [[name, exitCode]]))),
  };
}

/** A manual run from start to end. */
export async function run(namespace: string, cronJob: string, change?: (job: Json) => void, seconds?: number): Promise<JobEnd> {
  return endOf(namespace, await startRun(namespace, cronJob, change), seconds);
}

/** The pods of a Job, oldest first. */
export async function podsOf(namespace: string, job: string): Promise<readonly Json[]> {
  const found = await read(`/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(`batch.kubernetes.io/job-name=${job}`)}`);
  return found.items.toSorted((a: Json, b: Json) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp));
}

/** All containers of a pod in the order they run, with their statuses. */
export function statusesOf(pod: Json): readonly Json[] {
  return [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])];
}

/** Why a Job does not end. */
async function trouble(namespace: string, job: string): Promise<string> {
  const pods = await podsOf(namespace, job);
  const ends = await Promise.all(pods.map((pod) => podEnd(pod, true)));
  const states = pods.map((pod) => JSON.stringify(statusesOf(pod).map(({ name, state }) => ({ name, ...state }))));
  return [...states, ...ends.flatMap(({ containers }) => containers.map(({ log }) => log))].join('\n');
}

async function podEnd(pod: Json, alive = false): Promise<PodEnd> {
  const { name, namespace, uid } = pod.metadata;
  const containers = await Promise.all(statusesOf(pod).map((status) => containerEnd(namespace, name, status, alive)));
  return { name, uid, phase: pod.status.phase, reason: pod.status.reason, message: pod.status.message, containers };
}

async function containerEnd(namespace: string, pod: string, status: Json, alive: boolean): Promise<ContainerEnd> {
  const end = status.state?.terminated;
  const log =
    end || (alive && status.state?.running)
      ? await read(`/api/v1/namespaces/${namespace}/pods/${pod}/log?container=${status.name}`).catch(() => '')
      : '';
  return { name: status.name, exitCode: end?.exitCode, reason: end?.reason, lastWords: parse(end?.message), log: log ?? '' };
}

function parse(text: string | undefined): Json | undefined {
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}
