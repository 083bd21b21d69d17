import { Construct } from 'constructs';
import type { PlannedRun } from '../model/model.ts';
import { cataloguePlan } from '../model/steps/catalogue.ts';
import type { Env } from '../pod.ts';
import { KubernetesObject } from './kubernetes-object.ts';
import { labelsOf, type TextMap } from './labels.ts';
import { type PodProps, podSpec, sharingLabels } from './pod.ts';

export interface CataloguePodProps extends Omit<PodProps, 'plan'> {
  /** The tiers to look at, all of one source: a container each. */
  readonly runs: readonly PlannedRun[];
  /** What to do: `ACTION` and its further variables. */
  readonly action: Env;
  readonly labels: TextMap;
  readonly annotations: TextMap;
}

/**
 * Reads, or prunes, what is stored, from where it can be reached: a private authority and a workload identity do not
 * exist on a laptop.
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
