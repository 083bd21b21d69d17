import { randomBytes } from 'node:crypto';
import { IMAGES } from '../../../lib/sources/images.ts';
import type { PostgresMajor } from '../../../lib/sources/postgres/images.ts';
import { apply, exec, type Json, read } from './kubectl.ts';
import { restrictedContainer, restrictedPod } from './namespace.ts';
import { until } from './until.ts';

/** First key of the advisory locks of throttle.sh. */
export const THROTTLE_LOCK = 1650549611;

/** Fills a table with incompressible bytes, about a hundred megabytes per second. */
export const incompressible = (table: string, megabytes: number) => `create extension if not exists pgcrypto;
create table ${table} as select n, gen_random_bytes(1000) as noise from generate_series(1, ${megabytes * 1000}) n;`;

/** A PostgreSQL server in a pod, behind a Service of the same name. */
export interface Postgres {
  readonly name: string;
  readonly password: string;
  /** Runs SQL as the superuser and returns unaligned rows. */
  readonly sql: (text: string, database?: string) => Promise<string>;
  /** Runs a shell script in the server's container; `-h /tmp -U postgres` connects as the superuser. */
  readonly program: (script: string) => Promise<string>;
  /** Sessions of backups, and the throttle slots that they hold. */
  readonly traces: () => Promise<{ readonly sessions: number; readonly slots: number }>;
}

export interface PostgresOptions {
  readonly name?: string;
  readonly major?: PostgresMajor;
  readonly password?: string;
  /** Server options, such as `max_connections=5`. */
  readonly settings?: readonly string[];
}

/** Starts a server, and creates a Secret of the same name with its superuser's `username` and `password`. */
export async function startPostgres(namespace: string, options: PostgresOptions = {}): Promise<Postgres> {
  const { name = 'db', major = 17, password = randomBytes(12).toString('hex'), settings = [] } = options;
  await apply(...serverObjects(namespace, name, major, password, settings));
  await until(`PostgreSQL ${namespace}/${name}`, 120, async () => {
    const pod = await read(`/api/v1/namespaces/${namespace}/pods/${name}-0`);
    return pod?.status.conditions?.find(({ type, status }: Json) => type === 'Ready' && status === 'True');
  });
  const program = (script: string) => exec(namespace, `${name}-0`, script);
  const sql = (text: string, database = 'postgres') =>
    program(`psql -X -q -A -t -v ON_ERROR_STOP=1 -h /tmp -U postgres -d '${database}' <<'END_OF_SQL'\n${text}\nEND_OF_SQL\n`);
  const traces = async () => {
    const [sessions, slots] = (
      await sql(`select count(*) from pg_stat_activity where application_name like 'backstay/%';
        select count(*) from pg_locks where locktype = 'advisory' and granted and classid = ${THROTTLE_LOCK}`)
    )
      .trim()
      .split('\n')
      .map(Number);
    return { sessions: sessions ?? Number.NaN, slots: slots ?? Number.NaN };
  };
  return { name, password, sql, program, traces };
}

// No volume and no fsync, because its data lives only as long as its pod.
function serverObjects(namespace: string, name: string, major: PostgresMajor, password: string, settings: readonly string[]): readonly Json[] {
  const labels = { app: name };
  const isReady = { command: [`/usr/lib/postgresql/${major}/bin/pg_isready`, '-q', '-h', '/tmp'] };
  const start = [
    `export PATH="$PATH:/usr/lib/postgresql/${major}/bin" PGDATA=/data/pgdata`,
    `if ! [ -s $PGDATA/PG_VERSION ]; then`,
    `  initdb --no-sync -U postgres -E UTF8 --locale=C.UTF-8 --auth-local=trust --auth-host=scram-sha-256 --pwfile=/secret/password >/dev/null`,
    `  echo 'host all all all scram-sha-256' >>$PGDATA/pg_hba.conf`,
    `fi`,
    `exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off -c jit=off "$@"`,
  ].join('\n');
  return [
    { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData: { username: 'postgres', password } },
    { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { selector: labels, ports: [{ port: 5432 }] } },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name, namespace },
      spec: {
        serviceName: name,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: 2,
            automountServiceAccountToken: false,
            securityContext: { ...restrictedPod(999), fsGroup: 999, fsGroupChangePolicy: 'OnRootMismatch' },
            containers: [
              {
                name: 'postgres',
                image: IMAGES[`postgres${major}`],
                command: ['bash', '-euc', start, 'postgres', ...settings.flatMap((setting) => ['-c', setting])],
                ports: [{ containerPort: 5432 }],
                // Each probe starts a process, so probe often until it is up and rarely afterwards. With the default
                // timeout of one second, a busy machine would remove the server from its Service.
                startupProbe: { exec: isReady, periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 120 },
                readinessProbe: { exec: isReady, periodSeconds: 60, timeoutSeconds: 20 },
                resources: { requests: { cpu: '20m', memory: '64Mi' } },
                securityContext: restrictedContainer,
                volumeMounts: [
                  { name: 'data', mountPath: '/data' },
                  { name: 'tmp', mountPath: '/tmp' },
                  { name: 'secret', mountPath: '/secret' },
                ],
              },
            ],
            volumes: [
              { name: 'data', emptyDir: {} },
              { name: 'tmp', emptyDir: {} },
              { name: 'secret', secret: { secretName: name } },
            ],
          },
        },
      },
    },
  ];
}
