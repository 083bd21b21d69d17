import type { k8s } from '../../imports/k8s.ts';
import type { Options } from '../config/schema/options.ts';
import type { PlannedRun, PlannedStorage } from '../model/model.ts';
import type { Env, Placement } from '../pod.ts';
import type { Part } from '../sources/kind.ts';
import { affinityOf, type Verbatim } from './affinity.ts';
import { commonEnv, publishEnv, takeEnv, variables } from './environment.ts';
import type { Plain } from './kubernetes-object.ts';
import { claimLabel, type TextMap } from './labels.ts';
import { resources, scratch, smallResources } from './scratch.ts';
import { type Bundle, methodBundle } from './script-bundle.ts';
import { capabilitiesOf, containerSecurity, podSecurity } from './security.ts';
import { type Mounted, mountedOf, Volumes } from './volumes.ts';

export interface BackupPodProps {
  readonly run: PlannedRun;
  readonly images: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** What this run is for, in the user's words; it stands in the manifest. @default - none */
  readonly label?: string;
}

/**
 * The pod of one run: a step is a container with one exit status, in a row over one scratch volume.
 *
 * `take` is an init container for each part, so that `publish` starts only when all of them succeeded.
 */
export function backupPod({ run, images, serviceAccount, label }: BackupPodProps): Plain<k8s.PodSpec> {
  const { pod, parts, storages } = run;
  const volumes = new Volumes();
  const step = steps(run, images, volumes);
  const initContainers = parts.map((part) =>
    step({
      name: `take-${part.name}`,
      image: part.image,
      script: part.script,
      bundle: methodBundle(part),
      env: takeEnv(run, part),
      mounts: mountedOf(part.mounts),
      capabilities: capabilitiesOf(part.privileges ?? {}, pod),
    }),
  );
  const publish = step({
    name: 'publish',
    image: 'rclone',
    script: 'publish.sh',
    bundle: methodBundle(firstOf(parts)),
    env: publishEnv(run, label),
    mounts: mountedOf(storages.flatMap(({ access }) => access.mounts)),
  });
  return {
    ...podDefaults(pod, serviceAccount),
    activeDeadlineSeconds: run.job.deadline,
    initContainers,
    containers: [publish],
    volumes: volumes.all(),
    ...verbatimFields(run),
  };
}

/** One step of a run. */
export interface Step {
  readonly name: string;
  /** Name of an image. */
  readonly image: string;
  readonly script: string;
  readonly bundle: Bundle;
  readonly env: Env;
  readonly mounts: readonly Mounted[];
  readonly capabilities?: readonly string[];
  /** Scripts that run it, one by the other. @default - the shell does */
  readonly by?: readonly string[];
  /** @default - the script, by the image's own shell */
  readonly command?: readonly string[];
  /** It runs beside another one that has the room of the scratch. @default false */
  readonly small?: boolean;
}

/** Makes the containers of a run; what they mount becomes the pod's volumes. */
export function steps(run: PlannedRun, images: Readonly<Record<string, string>>, volumes: Volumes): (step: Step) => Plain<k8s.Container> {
  const common = commonEnv(run);
  const room = scratch(run.pod.scratch);
  const needed = resources(run.pod);
  const little = smallResources(run.pod);
  return ({ name, image, script, by = [], bundle, env, mounts, capabilities, command, small }) => ({
    name,
    image: images[image],
    imagePullPolicy: 'IfNotPresent',
    command: command ?? ['/bin/sh', ...[...by, script].map((file) => `/scripts/${file}`)],
    env: variables(common, env),
    resources: small ? little : needed,
    securityContext: containerSecurity(capabilities),
    volumeMounts: volumes.mount([scripts(bundle), ...room, ...mounts]),
  });
}

/** What every pod of ours has, whatever it does. */
export function podDefaults(pod: Options['pod'], serviceAccountName: string): Omit<Plain<k8s.PodSpec>, 'containers'> {
  return {
    restartPolicy: 'Never',
    serviceAccountName,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: pod.terminationGracePeriod,
    securityContext: podSecurity(pod),
    nodeSelector: pod.nodeSelector,
    priorityClassName: pod.priorityClassName,
    ...(pod.imagePullSecrets.length > 0 && { imagePullSecrets: pod.imagePullSecrets.map((name) => ({ name })) }),
  };
}

/** Labels by which pods that share a claim find each other. */
export function sharingLabels(storages: readonly PlannedStorage[]): TextMap {
  return Object.fromEntries(exclusiveClaims(storages).map((claim) => [claimLabel(claim), '']));
}

/** Fields of the pod that are Kubernetes' own and go through as they were written, also where our types know them not. */
export function verbatimFields({ pod, parts, storages }: PlannedRun, placements = placementsOf(parts), mayBeAlone = false): Verbatim {
  const affinity = affinityOf({ placements, exclusiveClaims: exclusiveClaims(storages), affinity: pod.affinity, mayBeAlone });
  return { ...(affinity && { affinity }), ...(pod.tolerations.length > 0 && { tolerations: pod.tolerations }) };
}

function exclusiveClaims(storages: readonly PlannedStorage[]): readonly string[] {
  return [...new Set(storages.flatMap(({ access }) => access.exclusiveClaim ?? []))];
}

function placementsOf(parts: readonly Part[]): readonly Placement[] {
  return parts.flatMap(({ placement }) => placement ?? []);
}

function scripts({ name }: Bundle): Mounted {
  return { path: '/scripts', volume: { configMap: { name } }, readOnly: true };
}

function firstOf(parts: readonly Part[]): Part {
  const [first] = parts;
  if (!first) throw new Error('a run without parts');
  return first;
}
