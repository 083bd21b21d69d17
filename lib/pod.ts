/** What a step may ask of its pod, as plain data: no Kubernetes class in it. */

/** Variables of one container: text, a key of a Secret, or a field of the pod. Text is written as it is; `$` is escaped by the construct. */
export type Env = Readonly<Record<string, string | SecretKey | PodField>>;

export interface SecretKey {
  readonly secret: string;
  readonly key: string;
}

export interface PodField {
  /** `metadata.uid` */
  readonly field: string;
}

/** A folder or a file that a container sees. */
export type Mount = ClaimMount | FolderMount | ApiTokenMount | FileMount;

/** One file; all files of a folder become one volume. */
export type FileMount = ConfigMapMount | SecretMount | TokenMount;

export interface ClaimMount {
  readonly type: 'claim';
  readonly claim: string;
  readonly path: string;
  /** The volume itself is read-only, not just the mount: the kubelet rewrites modes of any volume that is not. */
  readonly readOnly: boolean;
  /** Another step of the pod writes to the claim: it is one volume then, and only the mount is read-only. @default false */
  readonly writtenLater?: boolean;
}

/** An empty folder that steps of the pod share, gone with it. */
export interface FolderMount {
  readonly type: 'folder';
  readonly path: string;
  /** `32Mi` */
  readonly sizeLimit: string;
  readonly readOnly: boolean;
}

/** A token of the Kubernetes API, with the authority that the API server is known by, where clients look for them. */
export interface ApiTokenMount {
  readonly type: 'apiToken';
}

export interface ConfigMapMount {
  readonly type: 'configMap';
  readonly configMap: string;
  readonly key: string;
  /** The file's path in the container. */
  readonly path: string;
}

export interface SecretMount {
  readonly type: 'secret';
  readonly secret: string;
  readonly key: string;
  /** The file's path in the container. */
  readonly path: string;
}

/** A token of the pod's service account for somebody else than the Kubernetes API. */
export interface TokenMount {
  readonly type: 'token';
  readonly audience: string;
  /** The file's path in the container. */
  readonly path: string;
}

/** Whom a pod talks to; what becomes a rule of its NetworkPolicy. */
export type Peer = PodPeer | ExternalPeer;

export interface PodPeer {
  readonly type: 'pods';
  readonly namespace: string;
  /** Labels of the pods behind the Service. Empty: every pod of the namespace. */
  readonly labels: Readonly<Record<string, string>>;
  /** The pods' port, which need not be the Service's. */
  readonly port: number;
}

export interface ExternalPeer {
  readonly type: 'external';
  /** Any address, on this port, less the policy's `exceptCidrs`. */
  readonly port: number;
}

/** Where a pod must run to reach a volume that one node holds. */
export type Placement =
  | { readonly type: 'nextTo'; readonly labels: Readonly<Record<string, string>> }
  | { readonly type: 'node'; readonly node: string };

/** A Secret that must exist, which keys of it, and what for. Only its name is ever written. */
export interface SecretNeed {
  readonly secret: string;
  readonly keys: readonly string[];
  /** `PostgreSQL role of shop`, `S3 storage offsite`. */
  readonly purpose: string;
}

/** A PersistentVolumeClaim to make. */
export interface ClaimSpec {
  readonly name: string;
  readonly namespace: string;
  readonly size: string;
  readonly accessMode: string;
  /** @default - the cluster's default class */
  readonly storageClassName?: string;
}
