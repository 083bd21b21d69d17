import { Construct } from 'constructs';
import type { k8s } from '../../imports/k8s.ts';
import type { PlannedVerify } from '../model/model.ts';
import { verifyPlan } from '../model/steps/verify.ts';
import { cronJobSpec } from './backup-cron-job.ts';
import { attempts, podTemplate } from './backup-job.ts';
import { KubernetesObject, type Plain } from './kubernetes-object.ts';
import { labelsOf, type TextMap } from './labels.ts';

export interface VerifyProps {
  readonly verify: PlannedVerify;
  readonly images: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly labels: TextMap;
  readonly annotations: TextMap;
}

/** Verifies a source's newest backup on a schedule. Runs never overlap; a backup that cannot be restored fails the Job. */
export class VerifyCronJob extends Construct {
  constructor(scope: Construct, id: string, props: VerifyProps) {
    super(scope, id);
    const { run, schedule } = props.verify;
    const metadata = metadataOf(props);
    new KubernetesObject(this, 'Resource', 'CronJob', {
      metadata: { name: run.name, namespace: run.namespace, ...metadata },
      spec: cronJobSpec(run, schedule, { metadata, spec: jobSpec(props) }),
    });
  }
}

/** The same as a manual run. The API server completes its name. */
export class VerifyJob extends Construct {
  constructor(scope: Construct, id: string, props: VerifyProps) {
    super(scope, id);
    const { run } = props.verify;
    new KubernetesObject(this, 'Resource', 'Job', {
      metadata: { generateName: `${run.name}-`, namespace: run.namespace, ...metadataOf(props) },
      spec: jobSpec(props),
    });
  }
}

function jobSpec(props: VerifyProps): Plain<k8s.JobSpec> {
  return attempts(props.verify.run, podTemplate({ ...props, plan: verifyPlan(props.verify) }, metadataOf(props)));
}

function metadataOf({ verify: { run }, labels, annotations }: VerifyProps) {
  const merged = { ...annotations, ...run.pod.annotations };
  return {
    labels: labelsOf({ environment: run.environment, component: 'verify', source: run.source }, { ...labels, ...run.pod.labels }),
    ...(Object.keys(merged).length > 0 && { annotations: merged }),
  };
}
