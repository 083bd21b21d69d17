import { Construct } from 'constructs';
import type { PlannedRun } from '../model/model.ts';
import { cataloguePlan } from '../model/steps/catalogue.ts';
import type { Env } from '../pod.ts';
import { KubernetesObject } from './kubernetes-object.ts';
import { labelsOf, type TextMap } from './labels.ts';
import { type PodProps, podSpec, sharingLabels } from './pod.ts';

export interface CataloguePodProps extends Omit<PodProps, 'plan'> {
  /** The tiers to read, all of one source. Each gets a container. */
  readonly runs: readonly PlannedRun[];
  /** `ACTION` and its variables. */
  readonly action: Env;
  readonly labels: TextMap;
  readonly annotations: TextMap;
}

/**
 * Lists or prunes backups from inside the cluster, because a laptop has neither the private CA nor the workload identity
 * that the storages require.
 */
export class CataloguePod extends Construct {
  constructor(scope: Construct, id: string, { runs, action, ...props }: CataloguePodProps) {
    super(scope, id);
    const plan = cataloguePlan(runs, action);
    const { environment, source, namespace } = runs[0] as PlannedRun;
    new KubernetesObject(this, 'Resource', 'Pod', {
      metadata: {
        generateName: `${props.serviceAccount}-catalogue-`,
        namespace,
        labels: { ...labelsOf({ environment, component: 'catalogue', source }, props.labels), ...sharingLabels(plan.storages) },
        annotations: props.annotations,
      },
      spec: podSpec({ ...props, plan }),
    });
  }
}
