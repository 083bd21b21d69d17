import { IMAGES } from '../../../lib/images.ts';
import { apply, exec, type Json, read } from './kubectl.ts';
import { restrictedContainer, restrictedPod } from './namespace.ts';
import { until } from './until.ts';

/** A plain pod with PostgreSQL's tools, tar and zstd and the claims mounted: what a person would restore by hand with. */
export interface Desk {
  /** Runs a shell script in it; `/claims/<claim>` are the claims, `/tmp` is its own. */
  readonly sh: (script: string) => Promise<string>;
}

export interface DeskOptions {
  readonly name?: string;
  /** Claims to mount below /claims. */
  readonly claims?: readonly string[];
  /** @default 999, as the backup pods */
  readonly user?: number;
  readonly group?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export async function startDesk(namespace: string, options: DeskOptions = {}): Promise<Desk> {
  const { name = 'desk', claims = [], user = 999, group, labels } = options;
  await apply(deskPod(namespace, name, claims, { ...restrictedPod(user), ...(group ? { supplementalGroups: [group] } : {}) }, labels));
  await until(`pod ${namespace}/${name}`, 60, async () => {
    const pod = await read(`/api/v1/namespaces/${namespace}/pods/${name}`);
    return pod?.status.phase === 'Running' ? true : undefined;
  });
  return { sh: (script) => exec(namespace, name, script) };
}

function deskPod(namespace: string, name: string, claims: readonly string[], securityContext: Json, labels?: Json): Json {
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
          image: IMAGES.postgres18,
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
