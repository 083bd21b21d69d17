import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { toolPath } from '../support/tools.ts';

/** A bucket named `bench` in a real S3 server of this machine, over TLS. */
export interface Bucket {
  readonly url: string;
  readonly key: string;
  readonly secret: string;
  /** File with the certificate of the private CA. */
  readonly ca: string;
  readonly rclone: string;
  /** Environment that defines it as the remote `S<number>`. */
  remote(number: number): Readonly<Record<string, string>>;
  stop(): void;
}

export function startBucket(folder: string): Bucket {
  const servers = resolve('test/testbed/peers/servers.sh');
  const env = { ...process.env, TEST_PEERS_STATE: join(folder, 'peers'), TEST_PEERS_ADDR: '127.0.0.1' };
  const said = execFileSync(servers, ['start', 's3', 'versitygw'], { env, encoding: 'utf8' });
  const of = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(said)?.[1] ?? '';
  const [url, key, secret, ca, rclone] = [of('S3_URL'), of('S3_KEY'), of('S3_SECRET'), of('CA'), toolPath('rclone')];
  const remote = (number: number) => ({
    [`RCLONE_CONFIG_S${number}_TYPE`]: 's3',
    [`RCLONE_CONFIG_S${number}_PROVIDER`]: 'Other',
    [`RCLONE_CONFIG_S${number}_ENDPOINT`]: url,
    [`RCLONE_CONFIG_S${number}_ACCESS_KEY_ID`]: key,
    [`RCLONE_CONFIG_S${number}_SECRET_ACCESS_KEY`]: secret,
    [`RCLONE_CONFIG_S${number}_FORCE_PATH_STYLE`]: 'true',
    RCLONE_CA_CERT: ca,
    RCLONE_CONFIG: '/dev/null',
  });
  execFileSync(rclone, ['mkdir', 'S1:bench'], { env: { ...process.env, ...remote(1) } });
  return { url, key, secret, ca, rclone, remote, stop: () => void execFileSync(servers, ['stop-all'], { env }) };
}
