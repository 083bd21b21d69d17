/** Objects of Kubernetes, as far as tests read them. */
export interface Metadata {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
}

export interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly env: readonly Variable[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly securityContext: { readonly capabilities: { readonly add?: readonly string[]; readonly drop?: readonly string[] } };
}

interface Named {
  readonly name: string;
}

export interface Volume {
  readonly name: string;
  readonly configMap?: Named;
  readonly persistentVolumeClaim?: { readonly claimName: string; readonly readOnly?: boolean };
  readonly projected?: { readonly sources: readonly { readonly configMap?: Named; readonly secret?: Named }[] };
}

export interface Pod {
  readonly serviceAccountName: string;
  readonly restartPolicy: string;
  readonly activeDeadlineSeconds: number;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly Volume[];
  readonly securityContext: object;
}

export interface Job extends KubernetesObject {
  readonly spec: JobSpec;
}

interface JobSpec {
  readonly activeDeadlineSeconds: number;
  readonly backoffLimit: number;
  readonly podFailurePolicy: object;
  readonly ttlSecondsAfterFinished?: number;
  readonly template: { readonly metadata: Metadata; readonly spec: Pod };
}

export interface CronJob extends KubernetesObject {
  readonly spec: { readonly schedule: string; readonly jobTemplate: { readonly metadata: Metadata; readonly spec: JobSpec } };
}

/** Names of the ConfigMaps in a projected volume. */
export function bundlesIn({ configMap, projected }: Volume): readonly string[] {
  return [configMap, ...(projected?.sources ?? []).map((source) => source.configMap)].flatMap((named) => named?.name ?? []);
}

/** The pod that an object creates, or is. */
export function podOf(object: object): Pod {
  const { kind, spec } = object as { kind: string; spec: never };
  if (kind === 'CronJob') return (spec as CronJob['spec']).jobTemplate.spec.template.spec;
  if (kind === 'Job') return (spec as JobSpec).template.spec;
  if (kind === 'Pod') return spec as Pod;
  throw new Error(`a ${kind} makes no pod`);
}
