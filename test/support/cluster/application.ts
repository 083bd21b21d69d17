import { IMAGES } from '../../../lib/sources/images.ts';
import { apply, type Json, read } from './kubectl.ts';
import { restrictedContainer, restrictedPod } from './namespace.ts';
import { until } from './until.ts';

/** A Deployment that only runs, and mounts a claim if it has one. */
export interface Application {
  /** Desired and available replicas, and our annotations. */
  readonly state: () => Promise<{ readonly replicas: number; readonly available: number; readonly annotations: readonly string[] }>;
}

export interface ApplicationOptions {
  readonly name: string;
  readonly replicas?: number;
  readonly claim?: string;
  /** @default 1000 */
  readonly user?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export async function startApplication(namespace: string, options: ApplicationOptions): Promise<Application> {
  const { name, replicas = 1 } = options;
  await apply(deployment(namespace, options));
  const state = async () => {
    const { metadata, spec, status } = await read(`/apis/apps/v1/namespaces/${namespace}/deployments/${name}`);
    const annotations = Object.keys(metadata.annotations ?? {}).filter((key) => key.startsWith('backstay.dev/'));
    return { replicas: spec.replicas, available: status.availableReplicas ?? 0, annotations };
  };
  await until(`Deployment ${namespace}/${name}`, 60, async () => ((await state()).available === replicas ? true : undefined));
  return { state };
}

function deployment(namespace: string, { name, replicas = 1, claim, user = 1000, labels = {} }: ApplicationOptions): Json {
  const all = { app: name, ...labels };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels: all },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: all },
        spec: {
          terminationGracePeriodSeconds: 0,
          automountServiceAccountToken: false,
          securityContext: restrictedPod(user),
          containers: [
            {
              name: 'app',
              image: IMAGES.busybox,
              command: ['sleep', 'infinity'],
              securityContext: restrictedContainer,
              ...(claim !== undefined && { volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
            },
          ],
          ...(claim !== undefined && { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }] }),
        },
      },
    },
  };
}
