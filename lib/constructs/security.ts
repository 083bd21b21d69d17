import type { k8s } from '../../imports/k8s.ts';
import type { Options } from '../config/schema/options.ts';
import type { Privileges } from '../pod.ts';
import type { Plain } from './kubernetes-object.ts';

type Pod = Options['pod'];

/**
 * The group of a storage's claim in every pod that mounts it: pods of several users share the files through it.
 *
 * With a uid or group each, the second pod would be locked out.
 */
const STORAGE_GROUP = 10_999;

/** Pod Security "restricted", unless the values ask for root. */
export function podSecurity({ runAsUser, runAsGroup, supplementalGroups }: Pod): Plain<k8s.PodSecurityContext> {
  return {
    runAsNonRoot: runAsUser !== 0,
    runAsUser,
    runAsGroup: runAsGroup ?? runAsUser,
    fsGroup: STORAGE_GROUP,
    fsGroupChangePolicy: 'OnRootMismatch',
    ...(supplementalGroups.length > 0 && { supplementalGroups: [...supplementalGroups] }),
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/**
 * The same for a pod that fills a claim of an application: the group of the storages' files is one of its groups, and no
 * volume is given to it, or the kubelet would change the modes of what was just restored.
 */
export function restoreSecurity(pod: Pod): Plain<k8s.PodSecurityContext> {
  const { fsGroup: group, fsGroupChangePolicy: _, ...rest } = podSecurity(pod);
  return { ...rest, supplementalGroups: [...pod.supplementalGroups, group ?? STORAGE_GROUP] };
}

/** What a step may do beyond this, in its pod. */
export function capabilitiesOf({ asWritten = false, asRoot = [] }: Privileges, { runAsUser, capabilities }: Pod): readonly string[] {
  return [...(asWritten ? capabilities : []), ...(runAsUser === 0 ? asRoot : [])];
}

/** No container needs more than this, unless its step has privileges. */
export function containerSecurity(capabilities: readonly string[] = []): Plain<k8s.SecurityContext> {
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'], ...(capabilities.length > 0 && { add: [...capabilities] }) },
    readOnlyRootFilesystem: true,
  };
}
