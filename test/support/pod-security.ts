import type { Container, Pod } from './objects.ts';

interface Security {
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly procMount?: string;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
  readonly seLinuxOptions?: { readonly type?: string; readonly user?: string; readonly role?: string };
  readonly sysctls?: readonly { readonly name: string }[];
  readonly windowsOptions?: { readonly hostProcess?: boolean };
}

type AnyPod = Pod & { readonly hostNetwork?: boolean; readonly hostPID?: boolean; readonly hostIPC?: boolean };

/** Kinds of volumes that "restricted" allows. */
const VOLUMES = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'];
const SECCOMP = ['RuntimeDefault', 'Localhost'];

/**
 * The violations of Pod Security "restricted" in a pod, by the published rules
 * (https://kubernetes.io/docs/concepts/security/pod-security-standards/). Empty for a pod that it admits.
 */
export function violations(pod: Pod): readonly string[] {
  return [...violationsOfPod(pod), ...[...(pod.initContainers ?? []), ...pod.containers].flatMap((container) => violationsOf(container, pod))];
}

function violationsOfPod(pod: AnyPod): readonly string[] {
  const security = pod.securityContext as Security;
  return [
    ...(pod.hostNetwork || pod.hostPID || pod.hostIPC ? ['the namespaces of the host'] : []),
    ...((security.sysctls ?? []).length > 0 ? ['sysctls'] : []),
    ...(security.windowsOptions?.hostProcess ? ['a host process'] : []),
    ...pod.volumes.flatMap(({ name, ...kinds }) => Object.keys(kinds).flatMap((kind) => (VOLUMES.includes(kind) ? [] : [`volume ${name}: ${kind}`]))),
  ];
}

function violationsOf(container: Container & { readonly ports?: readonly { readonly hostPort?: number }[] }, pod: Pod): readonly string[] {
  const ofPod = pod.securityContext as Security;
  const own = container.securityContext as Security;
  const wrong = {
    privileged: own.privileged === true,
    'privilege escalation': own.allowPrivilegeEscalation !== false,
    'capabilities not dropped': !(own.capabilities?.drop ?? []).includes('ALL'),
    'capabilities added': (own.capabilities?.add ?? []).some((name) => name !== 'NET_BIND_SERVICE'),
    'may run as root': (own.runAsNonRoot ?? ofPod.runAsNonRoot) !== true,
    'runs as root': (own.runAsUser ?? ofPod.runAsUser) === 0,
    'no seccomp profile': !SECCOMP.includes((own.seccompProfile ?? ofPod.seccompProfile)?.type ?? ''),
    'a port of the host': (container.ports ?? []).some(({ hostPort }) => hostPort !== undefined && hostPort !== 0),
    procMount: own.procMount !== undefined && own.procMount !== 'Default',
    SELinux: [own, ofPod].some(({ seLinuxOptions }) => seLinuxOptions?.user !== undefined || seLinuxOptions?.role !== undefined),
  };
  return Object.entries(wrong).flatMap(([what, is]) => (is ? [`${container.name}: ${what}`] : []));
}
