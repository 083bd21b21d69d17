import type { k8s } from '../../imports/k8s.ts';
import type { PlannedStorage } from '../model/model.ts';
import { type PodPlan, type Step, scriptsOf } from '../model/steps/step.ts';
import { stepEnv } from '../model/steps/variables.ts';
import { affinityOf, type Verbatim } from './affinity.ts';
import type { Plain } from './kubernetes-object.ts';
import { claimLabel, type TextMap } from './labels.ts';
import { resources, scratch, smallResources } from './scratch.ts';
import { type Bundle, bundlesFor, bundlesOf, scriptsVolume } from './script-bundle.ts';
import { capabilitiesOf, containerSecurity, podSecurity, restoreSecurity } from './security.ts';
import { variables } from './variables.ts';
import { mountedOf, Volumes } from './volumes.ts';

export interface PodProps {
  readonly plan: PodPlan;
  /** References by name; see `Model.images`. */
  readonly images: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
}

/** The pod of a plan: each step is a container, and each volume that steps mount is listed once. */
export function podSpec({ plan, images, serviceAccount }: PodProps): Plain<k8s.PodSpec> {
  const { options, init, main } = plan;
  const volumes = new Volumes();
  const container = containers(plan, images, volumes);
  const initContainers = init.map(container);
  const { imagePullSecrets, nodeSelector, priorityClassName, terminationGracePeriod } = options;
  return {
    restartPolicy: 'Never',
    serviceAccountName: serviceAccount,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: plan.gracePeriod ?? terminationGracePeriod,
    securityContext: plan.fillsClaim ? restoreSecurity(options) : podSecurity(options),
    nodeSelector,
    priorityClassName,
    ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    activeDeadlineSeconds: plan.deadline,
    ...(initContainers.length > 0 && { initContainers }),
    containers: main.map(container),
    volumes: volumes.all(),
    ...verbatimFields(plan),
  };
}

/** Labels by which the scheduler places pods that share a claim together. */
export function sharingLabels(storages: readonly PlannedStorage[]): TextMap {
  return Object.fromEntries(exclusiveClaims(storages).map((claim) => [claimLabel(claim), '']));
}

/** The scripts of a pod, in the ConfigMaps that it mounts. */
export function podBundles(plan: PodPlan): readonly Bundle[] {
  const shared = bundlesOf(scriptsOf(plan));
  return plan.scriptsOwner === undefined ? shared : bundlesFor(plan.scriptsOwner, shared);
}

function containers(plan: PodPlan, images: PodProps['images'], volumes: Volumes): (step: Step) => Plain<k8s.Container> {
  const { options, shared } = plan;
  const scripts = scriptsVolume(podBundles(plan));
  const room = scratch(options.scratch);
  const needed = resources(options);
  const little = smallResources(options);
  return (step) => ({
    name: step.name,
    image: images[step.image],
    imagePullPolicy: 'IfNotPresent',
    command: [...(step.shell ?? ['/bin/sh']), ...step.run.map((file) => `${scripts.path}/${file}`)],
    env: variables(stepEnv(step, shared)),
    resources: step.beside ? little : needed,
    securityContext: containerSecurity(capabilitiesOf(step.privileges ?? {}, options)),
    volumeMounts: volumes.mount([scripts, ...room, ...mountedOf(step.mounts)]),
  });
}

/** Fields of Kubernetes that are passed on as written, even those that our types do not know. */
function verbatimFields({ options, storages, placements, mayBeAlone }: PodPlan): Verbatim {
  const affinity = affinityOf({ placements, exclusiveClaims: exclusiveClaims(storages), affinity: options.affinity, mayBeAlone });
  return { ...(affinity && { affinity }), ...(options.tolerations.length > 0 && { tolerations: options.tolerations }) };
}

function exclusiveClaims(storages: readonly PlannedStorage[]): readonly string[] {
  return [...new Set(storages.flatMap(({ access }) => access.exclusiveClaim ?? []))];
}
