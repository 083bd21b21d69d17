import type { k8s } from '../../imports/k8s.ts';
import type { Options } from '../config/schema/options.ts';
import type { Privileges } from '../pod.ts';
import type { Plain } from './kubernetes-object.ts';

type Pod = Options['pod'];

/**
 * The group that every pod uses for a storage's claim, so that pods of different users can share its files.
 *
 * If each pod had its own user and group, the second one could not read the files of the first.
 */
const STORAGE_GROUP = 10_999;

/** Pod Security "restricted", unless the values require root. */
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
 * The same for a pod that fills a claim of an application. The storage group is only supplementary here: with `fsGroup`,
 * the kubelet would change the modes of the restored files.
 */
export function restoreSecurity(pod: Pod): Plain<k8s.PodSecurityContext> {
  const { fsGroup: group, fsGroupChangePolicy: _, ...rest } = podSecurity(pod);
  return { ...rest, supplementalGroups: [...pod.supplementalGroups, group ?? STORAGE_GROUP] };
}

/** The additional privileges of a step in its pod. */
export function capabilitiesOf({ asWritten = false, asRoot = [] }: Privileges, { runAsUser, capabilities }: Pod): readonly string[] {
  return [...(asWritten ? capabilities : []), ...(runAsUser === 0 ? asRoot : [])];
}

/** Enough for every container whose step has no privileges. */
export function containerSecurity(capabilities: readonly string[] = []): Plain<k8s.SecurityContext> {
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'], ...(capabilities.length > 0 && { add: [...capabilities] }) },
    readOnlyRootFilesystem: true,
  };
}
