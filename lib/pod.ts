/** What a step may request from its pod, as plain data without Kubernetes classes. */

/** Variables of one container: text, a key of a Secret, or a field of the pod. The construct escapes `$` in texts. */
export type Env = Readonly<Record<string, string | SecretKey | PodField>>;

export interface SecretKey {
  readonly secret: string;
  readonly key: string;
}

export interface PodField {
  /** `metadata.uid` */
  readonly field: string;
}

/** A folder or a file that is mounted into a container. */
export type Mount = ClaimMount | FolderMount | ApiTokenMount | FileMount;

/** One file. All files of a folder become one volume. */
export type FileMount = ConfigMapMount | SecretMount | TokenMount;

export interface ClaimMount {
  readonly type: 'claim';
  readonly claim: string;
  readonly path: string;
  /** The volume itself is read-only, not just the mount, because the kubelet changes modes in writable volumes. */
  readonly readOnly: boolean;
  /** Another step of the pod writes to the claim, so they share a volume and only the mount is read-only. @default false */
  readonly writtenLater?: boolean;
}

/** An empty folder that steps of the pod share, deleted with the pod. */
export interface FolderMount {
  readonly type: 'folder';
  readonly path: string;
  /** `32Mi` */
  readonly sizeLimit: string;
  readonly readOnly: boolean;
}

/** A token for the Kubernetes API and the CA of the API server, where clients expect them. */
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

/** A token of the pod's service account for a service other than the Kubernetes API. */
export interface TokenMount {
  readonly type: 'token';
  readonly audience: string;
  /** The file's path in the container. */
  readonly path: string;
}

/** A peer of a pod, which becomes a rule of its NetworkPolicy. */
export type Peer = PodPeer | ExternalPeer;

export interface PodPeer {
  readonly type: 'pods';
  readonly namespace: string;
  /** Labels of the pods behind the Service. Empty: every pod of the namespace. */
  readonly labels: Readonly<Record<string, string>>;
  /** The port of the pods, which may differ from that of the Service. */
  readonly port: number;
}

export interface ExternalPeer {
  readonly type: 'external';
  /** Any address on this port, except the policy's `exceptCidrs`. */
  readonly port: number;
}

/** Where a pod must run to mount a volume that only one node can mount. */
export type Placement =
  | { readonly type: 'nextTo'; readonly labels: Readonly<Record<string, string>> }
  | { readonly type: 'node'; readonly node: string };

/** A Secret that must exist, its keys, and their purpose. Only its name is ever written. */
export interface SecretNeed {
  readonly secret: string;
  readonly keys: readonly string[];
  /** `PostgreSQL role of shop`, `S3 storage offsite`. */
  readonly purpose: string;
}

/** A PersistentVolumeClaim to create. */
export interface ClaimSpec {
  readonly name: string;
  readonly namespace: string;
  readonly size: string;
  readonly accessMode: string;
  /** @default - the cluster's default class */
  readonly storageClassName?: string;
}

/** Linux capabilities of one step, within what its pod allows. */
export interface Privileges {
  /** It gets `pod.capabilities` of the values, because it reads files of any user. @default false */
  readonly asWritten?: boolean;
  /** It gets these if its pod runs as root. Other users cannot use them. @default - none */
  readonly asRoot?: readonly string[];
}
