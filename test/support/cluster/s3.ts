import { readFileSync } from 'node:fs';
import { type AccessKey, type LocalS3, startLocalS3 } from '../s3.ts';
import { apply, onTestBed } from './kubectl.ts';

/** This machine's address as seen by pods. */
export function peersAddress(): string {
  const address = process.env.TEST_PEERS_ADDR ?? (onTestBed ? '10.199.0.1' : undefined);
  if (!address) throw new Error('TEST_PEERS_ADDR is not set\nHINT: set it to an address of this machine that the pods of your cluster reach');
  return address;
}

/** An S3 server on this machine that pods reach. */
export interface S3 extends Omit<LocalS3, 'ca'> {
  /** The private CA's certificate. */
  readonly ca: string;
  readonly makeBucket: (bucket: string) => Promise<void>;
  /** Creates the ConfigMap `private-ca` and a Secret with the access key, by default `backup-s3`, in a namespace. */
  readonly introduce: (namespace: string, user?: AccessKey, secretName?: string) => Promise<void>;
}

/** Starts versitygw where pods reach it, in about half a second. */
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
