import * as z from 'zod';
import type { RelativeDiagnostic } from '../diagnostics.ts';
import type { Env, Mount, SecretNeed } from '../pod.ts';
import { caFile } from '../units/credentials.ts';
import { network, peerOf } from '../units/host.ts';
import { objectName } from '../units/names.ts';
import { notYet } from '../units/not-yet.ts';
import { prefix } from '../units/prefix.ts';
import type { StorageContext, StorageKind } from './kind.ts';

const secretKey = (standard: string) => z.string().min(1).default(standard);

const credentials = z.strictObject({
  secret: objectName.optional().meta({ description: 'Name of an existing Secret with an access key.' }),
  keys: z
    .strictObject({
      accessKeyId: secretKey('AWS_ACCESS_KEY_ID').meta({ description: 'Key of the access key id.' }),
      secretAccessKey: secretKey('AWS_SECRET_ACCESS_KEY').meta({ description: 'Key of the secret access key.' }),
    })
    .prefault({})
    .meta({ description: 'Which keys of the Secret to use.' }),
  workloadIdentity: z
    .strictObject({
      roleArn: z.string().min(1).meta({ description: 'ARN of the role that the pod assumes with a token of its service account.' }),
      audience: z.string().min(1).default('sts.amazonaws.com').meta({ description: 'Audience of the token.' }),
    })
    .optional()
    .meta({ description: 'A role of the cloud instead of a key.' }),
});

const schema = z
  .strictObject({
    bucket: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, { error: 'expected a bucket name: 3 to 63 lowercase letters, digits, dots and dashes' })
      .meta({ description: 'An existing bucket.' }),
    prefix,
    region: z.string().min(1).default('us-east-1').meta({ description: 'Region of the bucket.' }),
    endpoint: z
      .url({ protocol: /^https?$/, error: 'expected a URL such as https://minio.minio:9000' })
      .refine((url) => !/^https?:\/\/[^/]*@/.test(url), { error: 'the URL must not contain a user or a password' })
      .optional()
      .meta({ description: 'URL of a store that is not AWS. Default: AWS, by region.' }),
    pathStyle: z
      .boolean()
      .optional()
      .meta({ description: 'Put the bucket in the path instead of the host name. Default: true if an endpoint is set.' }),
    provider: z
      .string()
      .regex(/^[A-Za-z0-9]+$/)
      .optional()
      .meta({
        description: "The store's vendor as rclone names it, for its quirks: `Minio`, `Cloudflare`. Default: `AWS`, or `Other` with an endpoint.",
      }),
    ca: caFile.optional().meta({ description: 'Certificate of the private CA of the endpoint.' }),
    credentials: credentials.meta({ description: 'An access key in a Secret, or a workload identity.' }),
    storageClass: z
      .string()
      .regex(/^[A-Z0-9_]+$/, { error: 'expected a storage class such as STANDARD_IA' })
      .optional()
      .meta({ description: "Class of the stored objects. Default: the bucket's." }),
    serverSideEncryption: z
      .strictObject({
        algorithm: z.enum(['AES256', 'aws:kms']).meta({ description: 'Algorithm that the store encrypts with.' }),
        kmsKeyId: z.string().min(1).optional().meta({ description: 'Key in the key service, for `aws:kms`.' }),
      })
      .optional()
      .meta({ description: "Encryption by the store. Default: the bucket's." }),
    readBack: z.boolean().default(false).meta({ description: 'Read every object back after the upload and hash it again.' }),
    network,
    objectTags: notYet('tags on objects'),
  })
  .meta({ description: 'A bucket of S3, or of a store that speaks it.' });

type Settings = z.output<typeof schema>;

const SAMPLES = [
  {
    bucket: 'acme-backups',
    endpoint: 'https://minio.minio:9000',
    prefix: 'backups/prod',
    ca: { configMap: 'minio-ca' },
    credentials: { secret: 'backup-s3' },
    readBack: true,
    storageClass: 'STANDARD_IA',
    serverSideEncryption: { algorithm: 'aws:kms', kmsKeyId: 'alias/backups' },
  },
  {
    bucket: 'acme-backups',
    endpoint: 'https://s3.acme.dev',
    ca: { secret: 's3-ca' },
    credentials: { workloadIdentity: { roleArn: 'arn:aws:iam::1:role/backup' } },
  },
] as const satisfies readonly z.input<typeof schema>[];

/** S3 of AWS, or any compatible store. */
export const s3: StorageKind<typeof schema, 's3'> = {
  name: 's3',
  schema,
  samples: SAMPLES,
  check,
  access: (settings, context, number) => {
    const compare = settings.serverSideEncryption?.algorithm === 'aws:kms' ? 'size' : 'checksum';
    const folder = settings.prefix ?? context.environment;
    const where = `${settings.bucket}${folder === '' ? '' : `/${folder}`}`;
    return {
      remote: `S${number}:${where}`,
      where,
      compare,
      readBack: settings.readBack,
      env: { ...remoteEnv(settings, number), ...credentialsEnv(settings, number) },
      mounts: mounts(settings, number),
      peers: [peer(settings, context)],
      secrets: secrets(settings, context),
      notes:
        compare === 'size' && !settings.readBack
          ? ['with aws:kms the store reports no checksum: only the size is compared. HINT: set readBack: true to read everything back']
          : [],
    };
  },
  place: (settings, context) => `s3:${storeOf(settings)}/${settings.bucket}/${settings.prefix ?? context.environment}`,
};

function check({ credentials: given, serverSideEncryption, endpoint, ca }: Settings): readonly RelativeDiagnostic[] {
  const found: RelativeDiagnostic[] = [];
  if ((given.secret === undefined) === (given.workloadIdentity === undefined)) {
    found.push({ path: ['credentials'], message: 'expected either secret or workloadIdentity', hint: 'set credentials: { secret: NAME }' });
  }
  if (serverSideEncryption?.kmsKeyId && serverSideEncryption.algorithm !== 'aws:kms') {
    found.push({
      path: ['serverSideEncryption', 'kmsKeyId'],
      message: "kmsKeyId is set, but the algorithm is not 'aws:kms'",
      hint: "set algorithm: 'aws:kms', or remove the key",
    });
  }
  if (ca && !endpoint?.startsWith('https:')) {
    found.push({ path: ['ca'], message: 'ca is set, but there is no https endpoint', hint: 'set an https endpoint, or remove the ca' });
  }
  if (endpoint?.startsWith('http:')) {
    found.push({ path: ['endpoint'], message: 'backups and keys are sent unencrypted', hint: 'use https', severity: 'warning' });
  }
  return found;
}

function remoteEnv(settings: Settings, number: number): Env {
  const { endpoint, serverSideEncryption } = settings;
  const option = (name: string) => `RCLONE_CONFIG_S${number}_${name}`;
  return {
    [option('TYPE')]: 's3',
    [option('PROVIDER')]: settings.provider ?? (endpoint ? 'Other' : 'AWS'),
    [option('REGION')]: settings.region,
    ...(endpoint && { [option('ENDPOINT')]: endpoint }),
    [option('FORCE_PATH_STYLE')]: String(settings.pathStyle ?? endpoint !== undefined),
    ...(settings.storageClass && { [option('STORAGE_CLASS')]: settings.storageClass }),
    ...(serverSideEncryption && { [option('SERVER_SIDE_ENCRYPTION')]: serverSideEncryption.algorithm }),
    ...(serverSideEncryption?.kmsKeyId && { [option('SSE_KMS_KEY_ID')]: serverSideEncryption.kmsKeyId }),
    ...(settings.ca && { [`STORAGE_${number}_CA`]: caPath(number) }),
  };
}

function credentialsEnv({ credentials: { secret, keys, workloadIdentity } }: Settings, number: number): Env {
  const option = (name: string) => `RCLONE_CONFIG_S${number}_${name}`;
  if (secret)
    return { [option('ACCESS_KEY_ID')]: { secret, key: keys.accessKeyId }, [option('SECRET_ACCESS_KEY')]: { secret, key: keys.secretAccessKey } };
  if (!workloadIdentity) return {};
  return {
    [option('ENV_AUTH')]: 'true',
    [`STORAGE_${number}_ROLE_ARN`]: workloadIdentity.roleArn,
    [`STORAGE_${number}_TOKEN_FILE`]: tokenPath(number),
  };
}

function mounts({ ca, credentials: { workloadIdentity } }: Settings, number: number): readonly Mount[] {
  const found: Mount[] = [];
  if (ca?.configMap) found.push({ type: 'configMap', configMap: ca.configMap, key: ca.key, path: caPath(number) });
  if (ca?.secret) found.push({ type: 'secret', secret: ca.secret, key: ca.key, path: caPath(number) });
  if (workloadIdentity) found.push({ type: 'token', audience: workloadIdentity.audience, path: tokenPath(number) });
  return found;
}

function peer({ endpoint, network: how }: Settings, { namespace }: StorageContext) {
  if (!endpoint) return { type: 'external', port: 443 } as const;
  const { hostname, port, protocol } = new URL(endpoint);
  return peerOf(hostname, port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port), namespace, how);
}

/** The same key for a store however its endpoint is spelled. Bucket names are unique in all of AWS. */
function storeOf({ endpoint }: Settings): string {
  if (!endpoint) return 'aws';
  const { hostname, port, pathname } = new URL(endpoint);
  if (/(^|\.)amazonaws\.com(\.cn)?$/.test(hostname)) return 'aws';
  return `${hostname}${port === '' ? '' : `:${port}`}${pathname.replace(/\/$/, '')}`;
}

function secrets({ credentials: { secret, keys } }: Settings, { name }: StorageContext): readonly SecretNeed[] {
  if (!secret) return [];
  return [{ secret, keys: [keys.accessKeyId, keys.secretAccessKey], purpose: `S3 access key of the storage ${name}` }];
}

const caPath = (number: number) => `/etc/backstay/storage-${number}/ca.crt`;
const tokenPath = (number: number) => `/var/run/secrets/backstay/storage-${number}/token`;
