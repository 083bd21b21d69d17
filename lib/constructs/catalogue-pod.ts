import { Construct } from 'constructs';
import type { k8s } from '../../imports/k8s.ts';
import type { PlannedRun } from '../model/model.ts';
import type { Env } from '../pod.ts';
import { podDefaults, sharingLabels, steps, verbatimFields } from './backup-pod.ts';
import { folderEnv } from './environment.ts';
import { KubernetesObject, type Plain } from './kubernetes-object.ts';
import { labelsOf, type TextMap } from './labels.ts';
import { mountedOf, Volumes } from './volumes.ts';

/** Lists and manifests need little room. */
const SCRATCH = { size: '256Mi' };
const SCRIPT = 'catalogue.sh';
/** The scripts that such a pod needs. */
export const CATALOGUE_SCRIPTS = [SCRIPT];
/** Nobody waits longer at a terminal. */
const DEADLINE_SECONDS = 1800;

export interface CataloguePodProps {
  /** The tiers to look at, all of one source: a container each. */
  readonly runs: readonly PlannedRun[];
  readonly images: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** What to do: `ACTION` and its further variables. */
  readonly action: Env;
  readonly labels: TextMap;
  readonly annotations: TextMap;
}

/**
 * Reads, or prunes, what is stored, from where it can be reached: a private authority and a workload identity do not
 * exist on a laptop. One container a tier, named as the tier, since each tier may have storages of its own.
 */
export class CataloguePod extends Construct {
  constructor(scope: Construct, id: string, props: CataloguePodProps) {
    super(scope, id);
    const first = props.runs[0];
    if (!first) throw new Error('no tier to look at');
    const { environment, source, namespace, pod } = first;
    const storages = props.runs.flatMap((run) => run.storages);
    const volumes = new Volumes();
    new KubernetesObject(this, 'Resource', 'Pod', {
      metadata: {
        generateName: `${props.serviceAccount}-catalogue-`,
        namespace,
        labels: { ...labelsOf({ environment, component: 'catalogue', source }, props.labels), ...sharingLabels(storages) },
        annotations: props.annotations,
      },
      spec: {
        ...podDefaults(pod, props.serviceAccount),
        activeDeadlineSeconds: DEADLINE_SECONDS,
        containers: props.runs.map((run) => container(run, props, volumes)),
        volumes: volumes.all(),
        // Beside a claim's other pods, but not beside the source's: nothing of it is read here.
        ...verbatimFields({ ...first, storages }, []),
      },
    });
  }
}

function container(run: PlannedRun, { images, action }: CataloguePodProps, volumes: Volumes): Plain<k8s.Container> {
  const small = { ...run, pod: { ...run.pod, scratch: SCRATCH } };
  return steps(
    small,
    images,
    volumes,
    CATALOGUE_SCRIPTS,
  )({
    name: run.tier,
    image: 'rclone',
    script: SCRIPT,
    env: { ...folderEnv(run), ...action },
    mounts: mountedOf(run.storages.flatMap(({ access }) => access.mounts)),
  });
}
