import { randomBytes } from 'node:crypto';
import { apply, kubectl } from './kubectl.ts';

export interface Namespace {
  readonly name: string;
  /** Deletes it with its contents, without waiting. */
  readonly end: () => Promise<void>;
}

/** A new namespace that enforces Pod Security "restricted". */
export async function freshNamespace(about: string): Promise<Namespace> {
  const name = `t-${about}-${randomBytes(3).toString('hex')}`;
  await apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted', 'backstay.test': about } },
  });
  return {
    name,
    end: async () => {
      await kubectl(['delete', 'namespace', name, '--wait=false', '--ignore-not-found']);
    },
  };
}

/** Security context of every test pod; passes Pod Security "restricted". */
export const restrictedPod = (uid: number) => ({
  runAsNonRoot: true,
  runAsUser: uid,
  runAsGroup: uid,
  seccompProfile: { type: 'RuntimeDefault' },
});

export const restrictedContainer = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
