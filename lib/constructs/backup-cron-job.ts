import { Construct } from 'constructs';
import type { k8s } from '../../imports/k8s.ts';
import type { PlannedRun } from '../model/model.ts';
import { type BackupJobProps, jobSpec, metadataOf } from './backup-job.ts';
import { KubernetesObject, type Plain } from './kubernetes-object.ts';

export interface BackupCronJobProps extends BackupJobProps {
  /** Five cron fields. */
  readonly schedule: string;
}

/** Runs a tier of a source on its schedule; runs never overlap. `kubectl create job --from` starts a manual run. */
export class BackupCronJob extends Construct {
  constructor(scope: Construct, id: string, props: BackupCronJobProps) {
    super(scope, id);
    const { run, schedule } = props;
    const metadata = metadataOf(props);
    new KubernetesObject(this, 'Resource', 'CronJob', {
      metadata: { name: run.name, namespace: run.namespace, ...metadata },
      spec: cronJobSpec(run, schedule, { metadata, spec: jobSpec(props) }),
    });
  }
}

/** Schedule and history limits of any CronJob of ours. Runs never overlap, and a run past its starting deadline is skipped. */
export function cronJobSpec(
  { timeZone, suspend, job }: Pick<PlannedRun, 'timeZone' | 'suspend' | 'job'>,
  schedule: string,
  jobTemplate: Plain<k8s.JobTemplateSpec>,
): Plain<k8s.CronJobSpec> {
  return {
    schedule,
    timeZone,
    suspend,
    startingDeadlineSeconds: job.startingDeadline,
    concurrencyPolicy: 'Forbid',
    successfulJobsHistoryLimit: job.successfulJobsHistoryLimit,
    failedJobsHistoryLimit: job.failedJobsHistoryLimit,
    jobTemplate,
  };
}
