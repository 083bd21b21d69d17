import type { Options } from '../../config/schema/options.ts';
import type { Env, Mount, Placement, Privileges } from '../../pod.ts';
import type { PlannedStorage } from '../model.ts';

/** One container, as plain data. */
export interface Step {
  /** Name of the container. */
  readonly name: string;
  /** Name of an image, a key of `Model.images`. */
  readonly image: string;
  /** Scripts by base name. Each runs the next one, and the last does the work. */
  readonly run: readonly string[];
  /** Variables in addition to those that every step may read: see `stepEnv`. */
  readonly env: Env;
  readonly mounts: readonly Mount[];
  /** Privileges beyond Pod Security "restricted". @default - none */
  readonly privileges?: Privileges;
  /** The program that reads the scripts, with its arguments. @default ['/bin/sh'] */
  readonly shell?: readonly string[];
  /** It runs beside a step that reserves the scratch for the whole pod. @default false */
  readonly beside?: boolean;
}

/** One pod: its steps and what they share. */
export interface PodPlan {
  /** Run one after another. The first failure ends the pod. */
  readonly init: readonly Step[];
  /** Run side by side after all of `init` succeeded. */
  readonly main: readonly Step[];
  /** Prefix of the names of its scripts, which then belong to it alone. @default - the scripts that the environment shares */
  readonly scriptsOwner?: string;
  /** Variables that a step gets when its scripts read them. */
  readonly shared: Env;
  readonly options: Options['pod'];
  /** How long the pod may run. Seconds. */
  readonly deadline: number;
  /** Seconds between TERM and KILL. @default - that of the options */
  readonly gracePeriod?: number;
  /** Storages that it reaches. If one is a claim that only one node can mount, the pod runs on that node. */
  readonly storages: readonly PlannedStorage[];
  /** Where it must run. */
  readonly placements: readonly Placement[];
  /** The pods that it should run next to may be stopped, and then any node will do. @default false */
  readonly mayBeAlone?: boolean;
  /** It writes into a claim of an application, whose files must keep their group. @default false */
  readonly fillsClaim?: boolean;
}

/** All steps of a pod, in the order of its YAML. */
export function stepsOf({ init, main }: Pick<PodPlan, 'init' | 'main'>): readonly Step[] {
  return [...init, ...main];
}

/** The scripts that a pod runs, by base name. */
export function scriptsOf(plan: Pick<PodPlan, 'init' | 'main'>): readonly string[] {
  return [...new Set(stepsOf(plan).flatMap(({ run }) => run))];
}
