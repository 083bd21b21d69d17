import { Construct } from 'constructs';
import type { k8s } from '../../imports/k8s.ts';
import type { PlannedVerify } from '../model/model.ts';
import { cronJobSpec } from './backup-cron-job.ts';
import { attempts } from './backup-job.ts';
import { podDefaults, sharingLabels, steps, verbatimFields } from './backup-pod.ts';
import { fetchEnv, storagesEnv } from './environment.ts';
import { KubernetesObject, type Plain } from './kubernetes-object.ts';
import { labelsOf, type TextMap } from './labels.ts';
import { mountedOf, Volumes } from './volumes.ts';

export interface VerifyProps {
  readonly verify: PlannedVerify;
  readonly images: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly labels: TextMap;
  readonly annotations: TextMap;
}

/** The proof of a source's backups, week by week: never two at once, and a failed Job when a backup does not come back. */
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

/** The same at once, by hand. Its name is completed by the API server. */
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
  const { run } = props.verify;
  const { labels, annotations } = metadataOf(props);
  return attempts(run, { metadata: { labels: { ...labels, ...sharingLabels(run.storages) }, annotations }, spec: verifyPod(props) });
}

function metadataOf({ verify: { run }, labels, annotations }: VerifyProps) {
  const merged = { ...annotations, ...run.pod.annotations };
  return {
    labels: labelsOf({ environment: run.environment, component: 'verify', source: run.source }, { ...labels, ...run.pod.labels }),
    ...(Object.keys(merged).length > 0 && { annotations: merged }),
  };
}

/** The scripts that such a pod needs. */
export function verifyScripts({ parts }: Pick<PlannedVerify, 'parts'>): readonly string[] {
  return ['fetch.sh', ...parts.map(({ script }) => script), 'record.sh'];
}

/** Fetch, try each part, record. Only the first and the last have a key of a storage, and none a way to production. */
function verifyPod({ verify, images, serviceAccount }: VerifyProps): Plain<k8s.PodSpec> {
  const { run, origin, parts } = verify;
  const volumes = new Volumes();
  const container = steps(run, images, volumes, verifyScripts(verify));
  const mounts = mountedOf(run.storages.flatMap(({ access }) => access.mounts));
  const initContainers = [
    container({ name: 'fetch', image: 'rclone', script: 'fetch.sh', env: fetchEnv(origin, run.storages, parts, run.namespace), mounts }),
    ...parts.map((part) =>
      container({
        name: `verify-${part.name}`,
        image: part.image,
        script: part.script,
        env: { PART: part.name, ...part.env },
        mounts: mountedOf(part.mounts),
      }),
    ),
  ];
  const env = { RECORD: 'verified', NAMESPACE: run.namespace, FROM_STORAGE: String(origin.from), ...storagesEnv(run.storages) };
  const record = container({ name: 'record', image: 'rclone', script: 'record.sh', env, mounts });
  return {
    ...podDefaults(run.pod, serviceAccount),
    activeDeadlineSeconds: run.job.deadline,
    initContainers,
    containers: [record],
    volumes: volumes.all(),
    // Beside the claims of the storages, but not beside the application: nothing of it is read.
    ...verbatimFields(run, []),
  };
}
