import { IMAGES } from '../../../lib/sources/images.ts';
import { apply, exec, type Json, kubectl, read } from './kubectl.ts';
import { restrictedContainer, restrictedPod } from './namespace.ts';
import { until } from './until.ts';

/** A plain pod with PostgreSQL's tools, tar, zstd and mounted claims, as people would use for a manual restore. */
export interface Desk {
  /** Runs a shell script in it, with claims at `/claims/<claim>` and a writable `/tmp`. */
  readonly sh: (script: string) => Promise<string>;
  /** Writes bytes to a file in it. */
  readonly put: (path: string, bytes: Buffer) => Promise<void>;
}

export interface DeskOptions {
  readonly name?: string;
  /** Claims to mount below /claims. */
  readonly claims?: readonly string[];
  /** @default 999, like the backup pods */
  readonly user?: number;
  /** The `fsGroup` of its volumes. @default - none, like most applications */
  readonly fsGroup?: number;
  /** A supplementary group, for files that only this group may read. */
  readonly group?: number;
  /** @default IMAGES.postgres17 */
  readonly image?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export async function startDesk(namespace: string, options: DeskOptions = {}): Promise<Desk> {
  const { name = 'desk', claims = [], user = 999, fsGroup, group, image = IMAGES.postgres17, labels } = options;
  const securityContext = {
    ...restrictedPod(user),
    ...(fsGroup && { fsGroup, fsGroupChangePolicy: 'OnRootMismatch' }),
    ...(group && { supplementalGroups: [group] }),
  };
  await apply(deskPod(namespace, { name, image, claims, labels, securityContext }));
  await until(`pod ${namespace}/${name}`, 60, async () => {
    const pod = await read(`/api/v1/namespaces/${namespace}/pods/${name}`);
    return pod?.status.phase === 'Running' ? true : undefined;
  });
  return {
    sh: (script) => exec(namespace, name, script),
    put: async (path, bytes) => void (await kubectl(['exec', '-i', '-n', namespace, name, '--', 'sh', '-c', 'cat >"$0"', path], bytes)),
  };
}

interface DeskPod {
  readonly name: string;
  readonly image: string;
  readonly claims: readonly string[];
  readonly labels: DeskOptions['labels'];
  readonly securityContext: Json;
}

function deskPod(namespace: string, { name, image, claims, labels, securityContext }: DeskPod): Json {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: {
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      securityContext,
      containers: [
        {
          name: 'desk',
          image,
          command: ['sleep', 'infinity'],
          env: [{ name: 'HOME', value: '/tmp' }],
          securityContext: restrictedContainer,
          volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }, ...claims.map((claim) => ({ name: claim, mountPath: `/claims/${claim}` }))],
        },
      ],
      volumes: [{ name: 'tmp', emptyDir: {} }, ...claims.map((claim) => ({ name: claim, persistentVolumeClaim: { claimName: claim } }))],
    },
  };
}
