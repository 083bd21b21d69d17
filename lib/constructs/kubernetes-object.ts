import { ApiObject, type JsonPatch } from 'cdk8s';
import type { Construct } from 'constructs';
import type { k8s } from '../../imports/k8s.ts';

/** A generated type in its JSON form: a quantity or a port is a number or a string, not an object. */
export type Plain<Type> = Type extends k8s.Quantity | k8s.IntOrString
  ? number | string
  : Type extends (infer Item)[]
    ? readonly Plain<Item>[]
    : Type extends object
      ? { readonly [Key in keyof Type]: Plain<Type[Key]> }
      : Type;

const VERSIONS = {
  ConfigMap: 'v1',
  CronJob: 'batch/v1',
  Job: 'batch/v1',
  Namespace: 'v1',
  NetworkPolicy: 'networking.k8s.io/v1',
  PersistentVolumeClaim: 'v1',
  Pod: 'v1',
  Role: 'rbac.authorization.k8s.io/v1',
  RoleBinding: 'rbac.authorization.k8s.io/v1',
  ServiceAccount: 'v1',
} as const;

/** The properties of each kind of object. */
interface Kinds {
  readonly ConfigMap: k8s.KubeConfigMapProps;
  readonly CronJob: k8s.KubeCronJobProps;
  readonly Job: k8s.KubeJobProps;
  readonly Namespace: k8s.KubeNamespaceProps;
  readonly NetworkPolicy: k8s.KubeNetworkPolicyProps;
  readonly PersistentVolumeClaim: k8s.KubePersistentVolumeClaimProps;
  readonly Pod: k8s.KubePodProps;
  readonly Role: k8s.KubeRoleProps;
  readonly RoleBinding: k8s.KubeRoleBindingProps;
  readonly ServiceAccount: k8s.KubeServiceAccountProps;
}

/**
 * An object of the Kubernetes API.
 *
 * The generated classes make four copies on the way to JSON, need a second for a thousand CronJobs, and drop unknown
 * fields such as newer ones of an affinity. This one takes JSON from the start, checked against the same types.
 */
export class KubernetesObject<Kind extends keyof Kinds = keyof Kinds> extends ApiObject {
  private patched = false;

  constructor(
    scope: Construct,
    id: string,
    kind: Kind,
    private readonly plain: Plain<Kinds[Kind]>,
  ) {
    super(scope, id, { apiVersion: VERSIONS[kind], kind, ...(plain as object) });
  }

  override addJsonPatch(...operations: JsonPatch[]): void {
    this.patched = true;
    super.addJsonPatch(...operations);
  }

  /** The cdk8s way is only needed for patched objects. Name, labels and annotations may change without a patch. */
  override toJson(): object {
    if (this.patched) return super.toJson();
    return { apiVersion: this.apiVersion, kind: this.kind, ...this.plain, metadata: this.metadata.toJson() };
  }
}
