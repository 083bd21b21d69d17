import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Gate, openGate } from './cluster/gate.ts';
import { toolPath } from './tools.ts';

const execute = promisify(execFile);
const HOST = '127.0.0.1';
const SERVERS = 'test/testbed/peers/servers.sh';
const LIMITED_USER = 'test/testbed/peers/s3-limited-user.sh';

export interface AccessKey {
  readonly key: string;
  readonly secret: string;
}

/** A real S3 server on this machine, with TLS from a private CA, behind a gate. Stop it in `afterAll`. */
export interface LocalS3 extends AccessKey {
  /** The endpoint for clients, which is that of the gate. */
  readonly url: string;
  readonly gate: Gate;
  /** The server itself, behind the gate. */
  readonly behind: string;
  /** Folder in which the server stores `bucket/key` as plain files. */
  readonly data: string;
  /** File with the certificate of the private CA. */
  readonly ca: string;
  /** File of an object in the folder of the server. */
  readonly file: (bucket: string, key: string) => string;
  /** Keys below a prefix of a bucket, sorted. */
  readonly keys: (bucket: string, prefix?: string) => readonly string[];
  readonly read: (bucket: string, key: string) => string;
  /** Runs rclone without the gate, with the store as `S:`. */
  readonly rclone: (...args: readonly string[]) => Promise<string>;
  /** Creates a user with few rights on one bucket. */
  readonly limitedUser: (bucket: string, rights: 'none' | 'read-only' | 'write-only' | 'no-delete') => Promise<AccessKey>;
  readonly end: () => Promise<void>;
}

/** Starts versitygw in about half a second. `host` is the address for clients. */
export async function startLocalS3(host = HOST): Promise<LocalS3> {
  const state = mkdtempSync(join(tmpdir(), 's3-'));
  const env = { ...process.env, TEST_PEERS_STATE: state, TEST_PEERS_ADDR: host };
  const start = await execute(SERVERS, ['start', 's3', 'versitygw'], { env });
  const { S3_URL: store, S3_KEY: key, S3_SECRET: secret, S3_DATA: data, CA: ca } = settingsIn(start.stdout);
  const certificate = { cert: join(state, 's3', 'server.crt'), key: join(state, 's3', 'server.key'), ca };
  const gate = await openGate({ host, store, certificate });
  const keys: LocalS3['keys'] = (bucket, prefix = '') => filesBelow(join(data, bucket)).filter((name) => name.startsWith(prefix));
  return {
    url: gate.url,
    gate,
    behind: store,
    data,
    key,
    secret,
    ca,
    file: (bucket, name) => join(data, bucket, name),
    keys,
    read: (bucket, name) => readFileSync(join(data, bucket, name), 'utf8'),
    rclone: async (...args) => (await execute(toolPath('rclone'), args, { env: rcloneEnv(store, { key, secret }, ca), maxBuffer: 1 << 28 })).stdout,
    limitedUser: async (bucket, rights) => {
      const user = settingsIn((await execute(LIMITED_USER, ['s3', bucket, rights], { env })).stdout);
      return { key: user.S3_KEY, secret: user.S3_SECRET };
    },
    end: async () => {
      gate.end();
      await execute(SERVERS, ['stop', 's3'], { env });
      rmSync(state, { recursive: true, force: true });
    },
  };
}

function rcloneEnv(store: string, { key, secret }: AccessKey, ca: string): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, RCLONE_CONFIG: '/dev/null', RCLONE_CA_CERT: ca, ...remoteEnv('S', store, { key, secret }) };
}

/** The variables of an rclone remote, like those of lib/storages/s3.ts. */
export function remoteEnv(remote: string, url: string, { key, secret }: AccessKey): Readonly<Record<string, string>> {
  const settings = {
    TYPE: 's3',
    PROVIDER: 'Other',
    REGION: 'us-east-1',
    ENDPOINT: url,
    FORCE_PATH_STYLE: 'true',
    ACCESS_KEY_ID: key,
    SECRET_ACCESS_KEY: secret,
  };
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [`RCLONE_CONFIG_${remote}_${name}`, value]));
}

type Settings = Readonly<Record<'S3_URL' | 'S3_KEY' | 'S3_SECRET' | 'S3_DATA' | 'CA', string>>;

function settingsIn(text: string): Settings {
  const lines = text.trim().split('\n');
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])) as Settings;
}

function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  return names.filter((name) => !name.startsWith('.')).sort();
}
