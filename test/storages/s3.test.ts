import { expect, test } from 'vitest';
import type * as z from 'zod';
import type { StorageContext } from '../../lib/storages/kind.ts';
import { s3 } from '../../lib/storages/s3.ts';

type Settings = z.input<typeof s3.schema>;

const context: StorageContext = { environment: 'prod', name: 'offsite', namespace: 'backup' };
const minimal = { bucket: 'acme-backups', credentials: { secret: 'backup-s3' } } as const satisfies Settings;
const access = (changes: Partial<Settings> = {}, number = 2) => s3.access(s3.schema.parse({ ...minimal, ...changes }), context, number);
const diagnostics = (changes: Partial<Settings>) => s3.check(s3.schema.parse({ ...minimal, ...changes }), context);

test('needs only a bucket and a Secret', () => {
  expect(access()).toEqual({
    remote: 'S2:acme-backups/prod',
    where: 'acme-backups/prod',
    compare: 'checksum',
    readBack: false,
    env: {
      RCLONE_CONFIG_S2_TYPE: 's3',
      RCLONE_CONFIG_S2_PROVIDER: 'AWS',
      RCLONE_CONFIG_S2_REGION: 'us-east-1',
      RCLONE_CONFIG_S2_FORCE_PATH_STYLE: 'false',
      RCLONE_CONFIG_S2_ACCESS_KEY_ID: { secret: 'backup-s3', key: 'AWS_ACCESS_KEY_ID' },
      RCLONE_CONFIG_S2_SECRET_ACCESS_KEY: { secret: 'backup-s3', key: 'AWS_SECRET_ACCESS_KEY' },
    },
    mounts: [],
    peers: [{ type: 'external', port: 443 }],
    secrets: [{ secret: 'backup-s3', keys: ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'], purpose: 'S3 access key of the storage offsite' }],
    notes: [],
  });
});

/** Every supported setting. A new setting is a compile error until it is listed here. */
type Every = Required<Omit<Settings, 'objectTags'>>;

test('all settings take effect', () => {
  const every: Every = {
    bucket: 'b-1',
    prefix: 'acme/eu',
    region: 'eu-west-1',
    endpoint: 'https://minio.store:9000',
    pathStyle: false,
    provider: 'Minio',
    ca: { configMap: 'minio-ca', key: 'root.pem' },
    credentials: { secret: 'minio', keys: { accessKeyId: 'id', secretAccessKey: 'key' } },
    storageClass: 'STANDARD_IA',
    serverSideEncryption: { algorithm: 'aws:kms', kmsKeyId: 'arn:aws:kms:eu-west-1:1:key/a' },
    readBack: true,
    network: { labels: { app: 'minio' } },
  };
  expect(access(every)).toEqual({
    remote: 'S2:b-1/acme/eu',
    where: 'b-1/acme/eu',
    compare: 'size',
    readBack: true,
    env: {
      RCLONE_CONFIG_S2_TYPE: 's3',
      RCLONE_CONFIG_S2_PROVIDER: 'Minio',
      RCLONE_CONFIG_S2_REGION: 'eu-west-1',
      RCLONE_CONFIG_S2_ENDPOINT: 'https://minio.store:9000',
      RCLONE_CONFIG_S2_FORCE_PATH_STYLE: 'false',
      RCLONE_CONFIG_S2_STORAGE_CLASS: 'STANDARD_IA',
      RCLONE_CONFIG_S2_SERVER_SIDE_ENCRYPTION: 'aws:kms',
      RCLONE_CONFIG_S2_SSE_KMS_KEY_ID: 'arn:aws:kms:eu-west-1:1:key/a',
      STORAGE_2_CA: '/etc/backstay/storage-2/ca.crt',
      RCLONE_CONFIG_S2_ACCESS_KEY_ID: { secret: 'minio', key: 'id' },
      RCLONE_CONFIG_S2_SECRET_ACCESS_KEY: { secret: 'minio', key: 'key' },
    },
    mounts: [{ type: 'configMap', configMap: 'minio-ca', key: 'root.pem', path: '/etc/backstay/storage-2/ca.crt' }],
    peers: [{ type: 'pods', namespace: 'store', labels: { app: 'minio' }, port: 9000 }],
    secrets: [{ secret: 'minio', keys: ['id', 'key'], purpose: 'S3 access key of the storage offsite' }],
    notes: [],
  });
});

test('a workload identity is a role and a token, without a key', () => {
  const credentials = { workloadIdentity: { roleArn: 'arn:aws:iam::1:role/backup' } };
  const { env, mounts, secrets } = access({ credentials });
  expect(env).toMatchObject({
    RCLONE_CONFIG_S2_ENV_AUTH: 'true',
    STORAGE_2_ROLE_ARN: 'arn:aws:iam::1:role/backup',
    STORAGE_2_TOKEN_FILE: '/var/run/secrets/backstay/storage-2/token',
  });
  expect(Object.keys(env).filter((name) => name.includes('KEY'))).toEqual([]);
  expect(mounts).toEqual([{ type: 'token', audience: 'sts.amazonaws.com', path: '/var/run/secrets/backstay/storage-2/token' }]);
  expect(secrets).toEqual([]);
});

test('each storage has its own file for the certificate of a private CA', () => {
  const { mounts } = access({ endpoint: 'https://s3.acme.dev', ca: { secret: 'ca' } }, 3);
  expect(mounts).toEqual([{ type: 'secret', secret: 'ca', key: 'ca.crt', path: '/etc/backstay/storage-3/ca.crt' }]);
});

test.each([
  [undefined, 'false', 'AWS', { type: 'external', port: 443 }],
  ['https://s3.acme.dev', 'true', 'Other', { type: 'external', port: 443 }],
  ['http://s3.acme.dev', 'true', 'Other', { type: 'external', port: 80 }],
  ['https://minio.store:9000', 'true', 'Other', { type: 'pods', namespace: 'store', labels: {}, port: 9000 }],
  ['https://minio', 'true', 'Other', { type: 'pods', namespace: 'backup', labels: {}, port: 443 }],
  ['https://minio.store.svc.cluster.local', 'true', 'Other', { type: 'pods', namespace: 'store', labels: {}, port: 443 }],
  ['https://192.168.1.5:9000', 'true', 'Other', { type: 'external', port: 9000 }],
  ['https://[2001:db8::1]:9000', 'true', 'Other', { type: 'external', port: 9000 }],
  ['https://localhost.:9000', 'true', 'Other', { type: 'pods', namespace: 'backup', labels: {}, port: 9000 }],
] as const)('the endpoint %s: path style %s, provider %s, peer %j', (endpoint, pathStyle, provider, peer) => {
  const { env, peers } = access({ endpoint });
  expect([env.RCLONE_CONFIG_S2_FORCE_PATH_STYLE, env.RCLONE_CONFIG_S2_PROVIDER, peers]).toEqual([pathStyle, provider, [peer]]);
});

test('synth notes that only sizes are compared if the store has no checksum', () => {
  const kms = { algorithm: 'aws:kms' } as const;
  expect(access({ serverSideEncryption: kms })).toMatchObject({ compare: 'size', notes: [expect.stringContaining('only the size is compared')] });
  expect(access({ serverSideEncryption: kms, readBack: true })).toMatchObject({ compare: 'size', readBack: true, notes: [] });
  expect(access({ serverSideEncryption: { algorithm: 'AES256' } })).toMatchObject({ compare: 'checksum', notes: [] });
});

test.each<[string, Partial<Settings>, string, string, string?]>([
  ['missing credentials', { credentials: {} }, 'credentials', 'expected either secret or workloadIdentity'],
  [
    'both credentials',
    { credentials: { secret: 's', workloadIdentity: { roleArn: 'a' } } },
    'credentials',
    'expected either secret or workloadIdentity',
  ],
  [
    'a key without kms',
    { serverSideEncryption: { algorithm: 'AES256', kmsKeyId: 'k' } },
    'serverSideEncryption.kmsKeyId',
    "kmsKeyId is set, but the algorithm is not 'aws:kms'",
  ],
  ['a ca without an https endpoint', { ca: { configMap: 'ca' } }, 'ca', 'ca is set, but there is no https endpoint'],
  ['an endpoint without TLS', { endpoint: 'http://minio.store' }, 'endpoint', 'backups and keys are sent unencrypted', 'warning'],
])('reports %s', (_, changes, path, message, severity) => {
  const found = diagnostics(changes);
  expect(found.map((diagnostic) => [diagnostic.path.join('.'), diagnostic.message, diagnostic.severity])).toEqual([[path, message, severity]]);
  expect(found[0]?.hint).toBeTruthy();
});

test('accepts valid settings', () => {
  expect(diagnostics({})).toEqual([]);
  expect(diagnostics({ endpoint: 'https://minio.store:9000', ca: { configMap: 'ca' } })).toEqual([]);
});

test.each([
  ['a user in the endpoint', { endpoint: 'https://key:secret@minio.store' }, 'the URL must not contain a user or a password'],
  ['object tags', { objectTags: {} }, 'tags on objects is not built yet'],
  ['an invalid bucket name', { bucket: 'Acme' }, 'expected a bucket name: 3 to 63 lowercase letters, digits, dots and dashes'],
  ['an unknown storage class', { storageClass: 'standard-ia' }, 'expected a storage class such as STANDARD_IA'],
])('rejects %s: %j', (_, changes, message) => {
  expect(s3.schema.safeParse({ ...minimal, ...changes }).error?.issues.map((issue) => issue.message)).toEqual([message]);
});

test('two storages are the same place if and only if store, bucket and prefix are equal', () => {
  const place = (changes: Partial<Settings> = {}, environment = 'prod') =>
    s3.place(s3.schema.parse({ ...minimal, ...changes }), { ...context, environment });
  expect(place()).toBe(place({ prefix: 'prod', region: 'eu-west-1', credentials: { secret: 'other' } }, 'dev'));
  expect(place({ endpoint: 'https://minio.store:9000' })).toBe(place({ endpoint: 'https://minio.store:9000/' }));
  expect(place({ endpoint: 'https://s3.acme.dev' })).toBe(place({ endpoint: 'http://S3.acme.dev' }));
  expect(place({ endpoint: 'https://s3.eu-west-1.amazonaws.com' })).toBe(place());
  const different = [place(), place({ prefix: 'x' }), place({ bucket: 'other' }), place({ endpoint: 'https://s3.acme.dev' }), place({}, 'dev')];
  expect(new Set(different).size).toBe(different.length);
});
