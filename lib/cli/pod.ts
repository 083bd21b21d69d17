/** The fields of a pod that the command line reads. */
export interface Pod {
  readonly metadata: { readonly name: string; readonly creationTimestamp?: string };
  readonly status: {
    readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly Condition[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface ContainerStatus {
  readonly name: string;
  readonly state: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: object;
    readonly terminated?: {
      readonly exitCode: number;
      readonly reason?: string;
      readonly message?: string;
      readonly startedAt?: string;
      readonly finishedAt?: string;
    };
  };
}

/** The termination message of a script: see `last_words` in common.sh. */
export interface LastWords {
  readonly reason?: string;
  readonly hint?: string;
  readonly path?: string;
  readonly bytes?: number;
  readonly seconds?: number;
  readonly runId?: string;
  /** Result of each storage: `committed`, or the reason of the failure. */
  readonly storages?: Readonly<Record<string, string>>;
}

/** The containers of a pod in the order they run. */
export function containersOf({ status }: Pod): readonly ContainerStatus[] {
  return [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
}

/** Whether any of its containers has started. */
export function hasBegun(pod: Pod): boolean {
  return containersOf(pod).some(({ state }) => state.running ?? state.terminated);
}

export function lastWordsOf({ state }: ContainerStatus): LastWords {
  try {
    const words: unknown = JSON.parse(state.terminated?.message ?? '');
    return typeof words === 'object' && words !== null ? words : {};
  } catch {
    return {};
  }
}

/** Waiting states that do not resolve themselves, or that the user should see. */
const STUCK = /Err|BackOff|Invalid|Error/;

/** Why a pod does not start, or undefined while it is merely starting. */
export function obstacleOf(pod: Pod): string | undefined {
  const scheduled = pod.status.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.message) return `no node fits: ${scheduled.message}`;
  const stuck = containersOf(pod).find(({ state }) => STUCK.test(state.waiting?.reason ?? ''));
  if (!stuck) return undefined;
  const { reason = '', message } = stuck.state.waiting ?? {};
  return `${stuck.name} cannot start: ${[reason, message].filter(Boolean).join(': ')}`;
}

/** How to remove an obstacle. */
export function hintFor(obstacle: string): string {
  if (/serviceaccount|configmap "?(backstay|restore)-/.test(obstacle))
    return 'the cluster does not match dist/: apply keep/ and jobs/ of this environment';
  if (/secret|configmap|couldn't find key/i.test(obstacle)) return 'list missing Secrets and keys with backstay secrets ENVIRONMENT --check';
  if (/[Ii]mage/.test(obstacle)) return 'set images for another registry, or pod.imagePullSecrets for its credentials';
  if (/persistentvolumeclaim|volume/i.test(obstacle))
    return 'apply keep/ of this environment. For a claim that is in use on one node, set nextTo or node';
  return 'run kubectl describe pod for details, or wait longer with --timeout';
}

/** How a pod failed: the container, one of our statuses, and the reason. */
export interface Failure {
  /** @default - the pod failed as a whole */
  readonly container?: string;
  readonly status: number;
  readonly reason: string;
  readonly hint?: string;
}

const OURS = [10, 64, 65, 69, 70, 73, 75, 77];

/** The first failure in a pod that ended. */
export function failureOf(pod: Pod): Failure {
  const { reason, message } = pod.status;
  const failed = containersOf(pod).find(({ state }) => (state.terminated?.exitCode ?? 0) !== 0);
  const ended = failed?.state.terminated;
  if (!failed || !ended) return { status: 70, reason: [reason ?? 'the pod failed', message].filter(Boolean).join(': ') };
  const words = lastWordsOf(failed);
  const inner = words.reason ?? [ended.reason, ended.message?.trim()].filter(Boolean).join(': ');
  const outer = reason && !words.reason ? `${reason}${message ? `: ${message}` : ''}; ` : '';
  const hint = words.hint ?? (ended.reason === 'OOMKilled' ? 'raise pod.resources.limits.memory' : undefined);
  return {
    container: failed.name,
    status: OURS.includes(ended.exitCode) ? ended.exitCode : 70,
    reason: `${outer}${inner || `ended with status ${ended.exitCode}`}`,
    ...(hint && { hint }),
  };
}
