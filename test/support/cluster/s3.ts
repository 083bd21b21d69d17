import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toolPath } from '../tools.ts';
import { type Gate, openGate } from './gate.ts';
import { apply, onTestBed } from './kubectl.ts';

const execute = promisify(execFile);
const SERVERS = 'test/testbed/peers/servers.sh';
const LIMITED_USER = 'test/testbed/peers/s3-limited-user.sh';

/** This machine's address as pods see it. */
export function peersAddress(): string {
  const address = process.env.TEST_PEERS_ADDR ?? (onTestBed ? '10.199.0.1' : undefined);
  if (!address) throw new Error('TEST_PEERS_ADDR is not set: an address of this machine that pods of the cluster in KUBECONFIG reach');
  return address;
}

/** An S3 server on this machine behind a gate, with a certificate of a private authority. */
export interface S3 {
  /** What clients are given; the gate's. */
  readonly url: string;
  /** The server itself, behind the gate. */
  readonly behind: string;
  readonly gate: Gate;
  readonly key: string;
  readonly secret: string;
  /** Text of the private authority's certificate. */
  readonly ca: string;
  /** Folder in which the server keeps `bucket/key` as plain files. */
  readonly data: string;
  readonly makeBucket: (bucket: string) => Promise<void>;
  /** Keys below a prefix of a bucket, sorted. */
  readonly keys: (bucket: string, prefix?: string) => readonly string[];
  /** rclone on this machine, with the store as `S:`. */
  readonly rclone: (...args: readonly string[]) => Promise<string>;
  /** Makes a user with few rights on one bucket. */
  readonly limitedUser: (bucket: string, rights: 'none' | 'read-only' | 'write-only' | 'no-delete') => Promise<{ key: string; secret: string }>;
  /** In a namespace: the Secret `backup-s3` (or another) with the access key and the ConfigMap `private-ca`. */
  readonly introduce: (namespace: string, user?: { key: string; secret: string }, secretName?: string) => Promise<void>;
  readonly end: () => Promise<void>;
}

/** Starts versitygw, about half a second. */
export async function startS3(): Promise<S3> {
  const host = peersAddress();
  const state = mkdtempSync(join(tmpdir(), 's3-'));
  const env = { ...process.env, TEST_PEERS_STATE: state, TEST_PEERS_ADDR: host };
  const settings = parseEnv((await execute(SERVERS, ['start', 's3', 'versitygw'], { env })).stdout);
  const dir = join(state, 's3');
  const certificate = { cert: join(dir, 'server.crt'), key: join(dir, 'server.key'), ca: settings.CA };
  const gate = await openGate({ host, store: settings.S3_URL, certificate });
  const ca = readFileSync(settings.CA, 'utf8');
  const owner = { key: settings.S3_KEY, secret: settings.S3_SECRET };
  const rclone: S3['rclone'] = async (...args) => (await execute(toolPath('rclone'), args, { env: rcloneEnv(settings), maxBuffer: 1 << 28 })).stdout;
  return {
    url: gate.url,
    behind: settings.S3_URL,
    gate,
    ...owner,
    ca,
    data: settings.S3_DATA,
    rclone,
    makeBucket: async (bucket) => void (await rclone('mkdir', `S:${bucket}`)),
    keys: (bucket, prefix = '') => filesBelow(join(settings.S3_DATA, bucket), prefix),
    limitedUser: async (bucket, rights) => {
      const user = parseEnv((await execute(LIMITED_USER, ['s3', bucket, rights], { env })).stdout);
      return { key: user.S3_KEY, secret: user.S3_SECRET };
    },
    introduce: async (namespace, user = owner, secretName = 'backup-s3') =>
      apply(
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: secretName, namespace },
          stringData: { AWS_ACCESS_KEY_ID: user.key, AWS_SECRET_ACCESS_KEY: user.secret },
        },
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'private-ca', namespace }, data: { 'ca.crt': ca } },
      ),
    end: async () => {
      gate.end();
      await execute(SERVERS, ['stop', 's3'], { env });
      rmSync(state, { recursive: true, force: true });
    },
  };
}

function rcloneEnv(settings: Env): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    RCLONE_CONFIG: '/dev/null',
    RCLONE_CA_CERT: settings.CA,
    RCLONE_CONFIG_S_TYPE: 's3',
    RCLONE_CONFIG_S_PROVIDER: 'Other',
    RCLONE_CONFIG_S_ENDPOINT: settings.S3_URL,
    RCLONE_CONFIG_S_REGION: settings.S3_REGION,
    RCLONE_CONFIG_S_ACCESS_KEY_ID: settings.S3_KEY,
    RCLONE_CONFIG_S_SECRET_ACCESS_KEY: settings.S3_SECRET,
  };
}

type Env = Readonly<Record<string, string>> & { readonly CA: string; readonly S3_URL: string; readonly S3_DATA: string } & Record<
    'S3_KEY' | 'S3_SECRET' | 'S3_REGION',
    string
  >;

function parseEnv(text: string): Env {
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  ) as Env;
}

function filesBelow(folder: string, prefix: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const keys = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  return keys.filter((key) => key.startsWith(prefix) && !key.startsWith('.')).sort();
}
