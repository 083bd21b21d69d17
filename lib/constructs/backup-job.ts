import { Construct } from 'constructs';
import type { k8s } from '../../imports/k8s.ts';
import type { PlannedRun } from '../model/model.ts';
import { backupPlan } from '../model/steps/backup.ts';
import { KubernetesObject, type Plain } from './kubernetes-object.ts';
import { labelsOf, type TextMap } from './labels.ts';
import { type PodProps, podSpec, sharingLabels } from './pod.ts';

/** Statuses that another try would end with again: degraded, wrong input, bad data, no room, not allowed. */
const FINAL = [10, 64, 65, 73, 77];

/**
 * Without `containerName`: with one, init containers are not looked at. The types require `onPodConditions` here; the
 * schemas of Kubernetes 1.28.15 and 1.34 do not.
 */
const FAIL_AT_ONCE = { action: 'FailJob', onExitCodes: { operator: 'In', values: FINAL } } as object as Plain<k8s.PodFailurePolicyRule>;

/** What the controller needs beyond the run itself: to start a pod, pull its images, and count it. */
const SLACK_SECONDS = 900;

/** A finished pod holds its ephemeral volume: its Job may not stay for the history. */
const TTL_WITH_OWN_VOLUME = 600;

export interface BackupJobProps extends Omit<PodProps, 'plan'> {
  readonly run: PlannedRun;
  /** What this run is for, in the user's words; it stands in the manifest. @default - none */
  readonly label?: string;
  /** Labels and annotations of the user's, beside our own. */
  readonly labels: TextMap;
  readonly annotations: TextMap;
}

/** A run by hand: what the CronJob of its tier would make, at once. Its name is completed by the API server. */
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
 * How one run goes on: each attempt is a pod of its own, an attempt that cannot end well is the last one, and a node
 * that goes away does not count as one.
 */
export function jobSpec(props: BackupJobProps): Plain<k8s.JobSpec> {
  const { run, label } = props;
  return attempts(run, podTemplate({ ...props, plan: backupPlan(run, label) }, metadataOf(props)));
}

/** The pod of any Job of ours, with the labels by which pods that share a claim find each other. */
export function podTemplate(
  props: PodProps,
  { labels, annotations }: { readonly labels: TextMap; readonly annotations?: TextMap },
): Plain<k8s.PodTemplateSpec> {
  return { metadata: { labels: { ...labels, ...sharingLabels(props.plan.storages) }, annotations }, spec: podSpec(props) };
}

/** The attempts of any Job of ours. */
export function attempts({ job, pod }: Pick<PlannedRun, 'job' | 'pod'>, template: Plain<k8s.PodTemplateSpec>): Plain<k8s.JobSpec> {
  return {
    backoffLimit: job.backoffLimit,
    // The pod has a deadline of its own, which leaves its log; this one would delete pod and log, so it comes last.
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
