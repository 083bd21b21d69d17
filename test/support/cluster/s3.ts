import { readFileSync } from 'node:fs';
import { type AccessKey, type LocalS3, startLocalS3 } from '../s3.ts';
import { apply, onTestBed } from './kubectl.ts';

/** This machine's address as pods see it. */
export function peersAddress(): string {
  const address = process.env.TEST_PEERS_ADDR ?? (onTestBed ? '10.199.0.1' : undefined);
  if (!address) throw new Error('TEST_PEERS_ADDR is not set: an address of this machine that pods of the cluster in KUBECONFIG reach');
  return address;
}

/** An S3 server on this machine that pods reach. */
export interface S3 extends Omit<LocalS3, 'ca'> {
  /** Text of the private authority's certificate. */
  readonly ca: string;
  readonly makeBucket: (bucket: string) => Promise<void>;
  /** In a namespace: the Secret `backup-s3` (or another) with the access key and the ConfigMap `private-ca`. */
  readonly introduce: (namespace: string, user?: AccessKey, secretName?: string) => Promise<void>;
}

/** Starts versitygw where pods reach it, about half a second. */
export async function startS3(): Promise<S3> {
  const local = await startLocalS3(peersAddress());
  const ca = readFileSync(local.ca, 'utf8');
  return {
    ...local,
    ca,
    makeBucket: async (bucket) => void (await local.rclone('mkdir', `S:${bucket}`)),
    introduce: async (namespace, user = local, secretName = 'backup-s3') =>
      apply(
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: secretName, namespace },
          stringData: { AWS_ACCESS_KEY_ID: user.key, AWS_SECRET_ACCESS_KEY: user.secret },
        },
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'private-ca', namespace }, data: { 'ca.crt': ca } },
      ),
  };
}
