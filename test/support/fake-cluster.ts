import type { Kubectl } from './fake-world.ts';

/** A container of a pod that waits, runs, or has ended with a status and last words. */
export type Step =
  | { readonly waiting: string; readonly message?: string }
  | 'running'
  | { readonly exit: number; readonly words?: object; readonly reason?: string; readonly seconds?: number };

export interface PodPlan {
  readonly name?: string;
  readonly phase?: string;
  /** Containers by name. All but the last are init containers. */
  readonly steps?: Readonly<Record<string, Step>>;
  /** Why it cannot be scheduled. */
  readonly unschedulable?: string;
  readonly reason?: string;
  readonly message?: string;
}

/** A pod as the API server would return it. */
export function pod({ name = 'pod-1', phase = 'Running', steps = {}, unschedulable, reason, message }: PodPlan): object {
  const statuses = Object.entries(steps).map(([container, step]) => ({ name: container, state: stateOf(step) }));
  return {
    metadata: { name, creationTimestamp: `2026-11-21T12:00:0${name.at(-1)}Z` },
    status: {
      phase,
      reason,
      message,
      conditions: unschedulable ? [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: unschedulable }] : [],
      initContainerStatuses: statuses.slice(0, -1),
      containerStatuses: statuses.slice(-1),
    },
  };
}

function stateOf(step: Step): object {
  if (step === 'running') return { running: {} };
  if ('waiting' in step) return { waiting: { reason: step.waiting, message: step.message } };
  const { exit, words, reason = exit === 0 ? 'Completed' : 'Error', seconds = 3 } = step;
  const finishedAt = new Date(Date.parse('2026-11-21T12:00:00Z') + seconds * 1000).toISOString();
  return { terminated: { exitCode: exit, reason, message: words && JSON.stringify(words), startedAt: '2026-11-21T12:00:00Z', finishedAt } };
}

export interface ClusterPlan {
  /** Results of `kubectl get pods` or `get pod`, in order. The last one repeats. */
  readonly pods: readonly (readonly object[])[];
  /** Condition of the Job once `pods` is at its last entry. @default - none */
  readonly jobEnds?: { readonly type: 'Complete' | 'Failed'; readonly reason?: string; readonly message?: string };
  /** Objects that were never applied. */
  readonly missing?: readonly string[];
  /** Logs by container. */
  readonly logs?: Readonly<Record<string, string>>;
  /** Warning events of the namespace. */
  readonly events?: readonly { readonly reason: string; readonly message: string; readonly lastTimestamp?: string }[];
}

/** A cluster with one Job or pod, which advances a step at each look. */
export function cluster({ pods, jobEnds, missing = [], logs = {}, events = [] }: ClusterPlan): Kubectl {
  let looks = 0;
  const last = () => looks >= pods.length;
  return (call) => {
    const args = call.replace(/^--context \S+ /, '');
    const named = args.match(/(serviceaccount|configmap)\/\S+/g);
    if (named) return named.filter((name) => !missing.some((gone) => name.startsWith(gone))).join('\n');
    if (args.startsWith('apply')) return 'applied\n';
    if (args.startsWith('create')) return JSON.stringify({ metadata: { name: 'backup-shop-daily-x7k2p' } });
    if (args.startsWith('get job ')) return JSON.stringify({ status: { conditions: last() && jobEnds ? [{ status: 'True', ...jobEnds }] : [] } });
    if (/^get pods? /.test(args)) {
      const items = pods[Math.min(looks, pods.length - 1)] ?? [];
      looks += 1;
      return JSON.stringify(args.startsWith('get pods') ? { items } : items[0]);
    }
    if (args.startsWith('get events')) return JSON.stringify({ items: events.map((event) => ({ metadata: {}, ...event })) });
    if (args.startsWith('logs')) return logs[/--container (\S+)/.exec(args)?.[1] ?? ''] ?? '';
    if (args.startsWith('delete')) return '';
    return undefined;
  };
}
