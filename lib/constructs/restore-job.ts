import { Construct } from 'constructs';
import type { PlannedRestore } from '../model/model.ts';
import { attempts } from './backup-job.ts';
import { sharingLabels } from './backup-pod.ts';
import { KubernetesObject } from './kubernetes-object.ts';
import { labelsOf, RESTORE_LABEL, type TextMap } from './labels.ts';
import { type RestorePodProps, restorePod } from './restore-pod.ts';

/** A restore: a Job under a name of its own, whose attempts go on where the one before was killed. */
export class RestoreJob extends Construct {
  constructor(scope: Construct, id: string, props: RestorePodProps) {
    super(scope, id);
    const { restore } = props;
    const { run, name, annotations } = restore;
    const labels = restoreLabels(restore);
    const podLabels = { ...labels, ...sharingLabels([...restore.storages, ...(restore.safetyBackup ? run.storages : [])]) };
    new KubernetesObject(this, 'Resource', 'Job', {
      metadata: { name, namespace: run.namespace, labels, annotations },
      spec: attempts(run, { metadata: { labels: podLabels, annotations }, spec: restorePod(props) }),
    });
  }
}

/** On all that belongs to one restore: they find it, and clean up after it. */
export function restoreLabels({ run, name, labels }: PlannedRestore): TextMap {
  return labelsOf(
    { environment: run.environment, component: 'restore', source: run.source },
    { ...labels, ...run.pod.labels, [RESTORE_LABEL]: name },
  );
}
