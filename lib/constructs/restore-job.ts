import { Construct } from 'constructs';
import type { k8s } from '../../imports/k8s.ts';
import type { PlannedRestore } from '../model/model.ts';
import { restorePlan } from '../model/steps/restore.ts';
import { attempts, podTemplate } from './backup-job.ts';
import { KubernetesObject, type Plain } from './kubernetes-object.ts';
import { digest, labelsOf, RESTORE_LABEL, type TextMap } from './labels.ts';

export interface RestoreJobProps {
  readonly restore: PlannedRestore;
  readonly images: Readonly<Record<string, string>>;
}

/** A restore: a uniquely named Job. Each attempt continues where the previous one was killed. */
export class RestoreJob extends Construct {
  constructor(scope: Construct, id: string, props: RestoreJobProps) {
    super(scope, id);
    const { restore } = props;
    const { run, annotations } = restore;
    new KubernetesObject(this, 'Resource', 'Job', {
      metadata: { name: restoreJobName(props), namespace: run.namespace, labels: restoreLabels(restore), annotations },
      spec: specOf(props),
    });
  }
}

/**
 * `<restore>-<5 hex digits>`, hashed from what it runs: a Job is immutable, and applying that of a newer backstay must not
 * fail while the old one exists. The new Job ends at once, because the marker is named after the restore alone.
 */
export function restoreJobName(props: RestoreJobProps): string {
  return `${props.restore.name}-${digest(JSON.stringify(specOf(props))).slice(0, 5)}`;
}

function specOf({ restore, images }: RestoreJobProps): Plain<k8s.JobSpec> {
  const { run, annotations, account } = restore;
  const metadata = { labels: restoreLabels(restore), annotations };
  return attempts(run, podTemplate({ plan: restorePlan(restore), images, serviceAccount: account }, metadata));
}

/** On every object of one restore, so that one selector finds or deletes them all. */
export function restoreLabels({ run, name, labels }: PlannedRestore): TextMap {
  return labelsOf(
    { environment: run.environment, component: 'restore', source: run.source },
    { ...labels, ...run.pod.labels, [RESTORE_LABEL]: name },
  );
}
