import { Construct } from 'constructs';
import { type BackupJobProps, jobSpec, metadataOf } from './backup-job.ts';
import { KubernetesObject } from './kubernetes-object.ts';

export interface BackupCronJobProps extends BackupJobProps {
  /** Five cron fields. */
  readonly schedule: string;
}

/** A tier of a source: makes a Job at its time, never two at once. `kubectl create job --from` makes one by hand. */
export class BackupCronJob extends Construct {
  constructor(scope: Construct, id: string, props: BackupCronJobProps) {
    super(scope, id);
    const { run, schedule } = props;
    const metadata = metadataOf(props);
    new KubernetesObject(this, 'Resource', 'CronJob', {
      metadata: { name: run.name, namespace: run.namespace, ...metadata },
      spec: {
        schedule,
        timeZone: run.timeZone,
        suspend: run.suspend,
        startingDeadlineSeconds: run.job.startingDeadline,
        concurrencyPolicy: 'Forbid',
        successfulJobsHistoryLimit: run.job.successfulJobsHistoryLimit,
        failedJobsHistoryLimit: run.job.failedJobsHistoryLimit,
        jobTemplate: { metadata, spec: jobSpec(props) },
      },
    });
  }
}
