import { Construct } from 'constructs';
import type { k8s } from '../../imports/k8s.ts';
import type { PlannedRun } from '../model/model.ts';
import { backupPlan } from '../model/steps/backup.ts';
import { KubernetesObject, type Plain } from './kubernetes-object.ts';
import { labelsOf, type TextMap } from './labels.ts';
import { type PodProps, podSpec, sharingLabels } from './pod.ts';

/** Statuses that a retry cannot change: degraded, wrong input, bad data, no room, not allowed. */
const FINAL = [10, 64, 65, 73, 77];

/**
 * Has no `containerName`, because a rule with one ignores init containers. The types require `onPodConditions` here; the
 * schemas of Kubernetes 1.28.15 and 1.34 do not.
 */
const FAIL_AT_ONCE = { action: 'FailJob', onExitCodes: { operator: 'In', values: FINAL } } as object as Plain<k8s.PodFailurePolicyRule>;

/** Time beyond the run itself in which the controller starts a pod, pulls its images, and counts the attempt. */
const SLACK_SECONDS = 900;

/** A finished pod keeps its ephemeral volume, so its Job is deleted early. */
const TTL_WITH_OWN_VOLUME = 600;

export interface BackupJobProps extends Omit<PodProps, 'plan'> {
  readonly run: PlannedRun;
  /** The user's note on this run, which the manifest stores. @default - none */
  readonly label?: string;
  /** The user's labels and annotations, beside our own. */
  readonly labels: TextMap;
  readonly annotations: TextMap;
}

/** A manual run: the Job that the CronJob of its tier would create. The API server completes its name. */
export class BackupJob extends Construct {
  constructor(scope: Construct, id: string, props: BackupJobProps) {
    super(scope, id);
    const { run, label } = props;
    const { labels, annotations } = metadataOf(props, label === undefined ? {} : { 'backstay.dev/label': label });
    new KubernetesObject(this, 'Resource', 'Job', {
      metadata: { generateName: `${run.name}-`, namespace: run.namespace, labels, annotations },
      spec: jobSpec(props),
    });
  }
}

/**
 * How a run is retried: each attempt is a new pod, an attempt that fails for good ends the Job, and pods that are lost
 * with a node do not count.
 */
export function jobSpec(props: BackupJobProps): Plain<k8s.JobSpec> {
  const { run, label } = props;
  return attempts(run, podTemplate({ ...props, plan: backupPlan(run, label) }, metadataOf(props)));
}

/** The pod of any Job of ours, with the labels by which the scheduler places pods that share a claim together. */
export function podTemplate(
  props: PodProps,
  { labels, annotations }: { readonly labels: TextMap; readonly annotations?: TextMap },
): Plain<k8s.PodTemplateSpec> {
  return { metadata: { labels: { ...labels, ...sharingLabels(props.plan.storages) }, annotations }, spec: podSpec(props) };
}

/** Attempts and deadline of any Job of ours. */
export function attempts({ job, pod }: Pick<PlannedRun, 'job' | 'pod'>, template: Plain<k8s.PodTemplateSpec>): Plain<k8s.JobSpec> {
  return {
    backoffLimit: job.backoffLimit,
    // The pod's own deadline comes first and keeps the log. This one deletes the pod together with its log.
    activeDeadlineSeconds: (job.backoffLimit + 1) * job.deadline + SLACK_SECONDS,
    podFailurePolicy: {
      rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }, FAIL_AT_ONCE],
    },
    ttlSecondsAfterFinished: job.ttlSecondsAfterFinished ?? (pod.scratch.storageClassName === undefined ? undefined : TTL_WITH_OWN_VOLUME),
    template,
  };
}

/** Labels and annotations of a run's CronJob, Jobs and pods. */
export function metadataOf({ run, labels, annotations }: Pick<BackupJobProps, 'run' | 'labels' | 'annotations'>, own: TextMap = {}) {
  const merged = { ...annotations, ...run.pod.annotations, ...own };
  return {
    labels: labelsOf(identityOf(run), { ...labels, ...run.pod.labels }),
    ...(Object.keys(merged).length > 0 && { annotations: merged }),
  };
}

function identityOf({ environment, source, tier }: PlannedRun) {
  return { environment, component: 'backup', source, tier } as const;
}
