import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { dump } from 'js-yaml';
import { AWKWARD_FILES, AWKWARD_SQL, fingerprint, LIST_TREE } from '../support/cluster/awkward.ts';
import { postgresSource, testValues } from '../support/cluster/backups.ts';
import { type Desk, startDesk } from '../support/cluster/desk.ts';
import { run } from '../support/cluster/job.ts';
import { apply, applyFolder, KUBECONFIG } from '../support/cluster/kubectl.ts';
import { freshNamespace } from '../support/cluster/namespace.ts';
import { type Postgres, startPostgres } from '../support/cluster/postgres.ts';
import { type S3, startS3 } from '../support/cluster/s3.ts';
import { toolsCache } from '../support/tools.ts';

const APP_USER = 1000;
const BACKUP_GROUP = 10999;
const begun = performance.now();

interface Original {
  readonly namespace: string;
  readonly db: Postgres;
  readonly app: Desk;
  readonly s3: S3;
}

/** A row of the table at the end. */
interface Comparison {
  readonly what: string;
  readonly from: string;
  readonly how: string;
  readonly equal: boolean;
}

const namespace = await freshNamespace('demo');
const s3 = await startS3();
let comparisons: readonly Comparison[] = [];
try {
  comparisons = await demo({ ...(await originals(namespace.name, s3)), s3 });
} finally {
  await Promise.all([namespace.end(), s3.end()]);
}
console.log(`\n${tableOf(comparisons)}\n`);
const equal = comparisons.filter((comparison) => comparison.equal).length;
console.log(`${equal} of ${comparisons.length} equal to the original, in ${seconds()} s after setup`);
if (equal < comparisons.length) process.exitCode = 1;

async function originals(name: string, store: S3): Promise<Omit<Original, 's3'>> {
  step('start a PostgreSQL server, an application with a volume, and an S3 store');
  await apply(claim(name, 'app-data'));
  const [db, app] = await Promise.all([
    startPostgres(name),
    startDesk(name, { name: 'app', claims: ['app-data'], user: APP_USER, labels: { app: 'web' } }),
    store.makeBucket('backups').then(() => store.introduce(name)),
  ]);
  step('fill database and volume with data that backups often get wrong');
  await db.sql('create database shop');
  await Promise.all([db.sql(AWKWARD_SQL, 'shop'), app.sh(`mkdir /claims/app-data/files; cd /claims/app-data/files\n${AWKWARD_FILES}`)]);
  return { namespace: name, db, app };
}

async function demo(original: Original): Promise<readonly Comparison[]> {
  const folder = writeValues(original);
  step(`run backstay synth (values and YAML in ${folder})`);
  console.log(await backstay(folder, ['synth']));
  step('kubectl apply -k: keep/ first, then jobs/');
  for (const part of ['keep', 'jobs']) await applyFolder(join(folder, 'dist/demo', part));
  step('run both CronJobs once');
  await Promise.all(
    ['shop', 'files'].map(async (source) => {
      const end = await run(original.namespace, `backup-${source}-daily`);
      if (!end.complete) throw new Error(`the backup of ${source} failed: ${JSON.stringify(end.lastWords)}\n${end.log}`);
      console.log(`  ${source}: ${JSON.stringify(end.lastWords)}`);
    }),
  );
  step('backstay list for both storages');
  for (const storage of ['local', 'offsite']) console.log(await backstay(folder, ['list', 'demo', '--storage', storage]));
  return [...(await restoreDatabase(original)), ...(await restoreVolume(original))];
}

/** Restores each storage's dump into a new, empty server: globals first, then the database. */
async function restoreDatabase({ namespace: name, db, s3: store }: Original): Promise<readonly Comparison[]> {
  step('restore the database from each storage, with only psql and pg_restore');
  const found: Comparison[] = [];
  const [rows, cluster] = [await fingerprint(db, 'shop'), await dumpAll(db)];
  for (const from of ['local', 'offsite']) {
    const [server, desk] = await Promise.all([
      startPostgres(name, { name: `restored-${from}` }),
      startDesk(name, { name: `desk-${from}`, claims: ['backup-local'], group: BACKUP_GROUP }),
    ]);
    const folder = await fetched(desk, from, 'shop/daily', store);
    await desk.sh(`cd ${folder}
      export PGHOST=restored-${from} PGUSER=postgres PGPASSWORD='${server.password}'
      psql -X -q -f ./*+globals.sql postgres 2>/dev/null || true
      pg_restore --exit-on-error --create -d postgres ./*.dump`);
    found.push({ what: 'database', from, how: 'hash of the rows of each table', equal: (await fingerprint(server, 'shop')) === rows });
    found.push({ what: 'database', from, how: 'output of pg_dumpall', equal: (await dumpAll(server)) === cluster });
  }
  return found;
}

async function restoreVolume({ namespace: name, app, s3: store }: Original): Promise<readonly Comparison[]> {
  step('restore the volume from each storage, with only tar');
  const original = await app.sh(`cd /claims/app-data/files; ${LIST_TREE}`);
  const found: Comparison[] = [];
  for (const from of ['local', 'offsite']) {
    const desk = await startDesk(name, { name: `volume-${from}`, claims: ['backup-local'], user: APP_USER, group: BACKUP_GROUP });
    const folder = await fetched(desk, from, 'files/daily', store);
    const restored = await desk.sh(`mkdir /tmp/restored; cd /tmp/restored; tar --zstd -xpf ${folder}/*.tar.zst; ${LIST_TREE}`);
    found.push({ what: 'volume', from, how: 'names, owners, modes, times, links and hashes', equal: restored === original });
  }
  return found;
}

/** A folder on the desk with the newest backup of a source, from the claim or the bucket. */
async function fetched(desk: Desk, from: string, folder: string, store: S3): Promise<string> {
  if (from === 'local') return `/claims/backup-local/demo/${folder}`;
  await desk.sh('mkdir /tmp/fetched');
  const keys = store.keys('backups', `demo/${folder}/`);
  for (const key of keys) await desk.put(`/tmp/fetched/${key.split('/').at(-1)}`, readFileSync(join(store.data, 'backups', key)));
  return '/tmp/fetched';
}

/** A whole server as text, without the random \restrict key of pg_dump. */
async function dumpAll(server: Postgres): Promise<string> {
  const text = await server.program('pg_dumpall --no-role-passwords -h /tmp -U postgres');
  return text.replace(/^\\(un)?restrict .*$/gm, '');
}

function writeValues({ namespace: name, s3: store }: Original): string {
  const folder = mkdtempSync(join(tmpdir(), 'backstay-demo-'));
  mkdirSync(join(folder, 'config'));
  const values = testValues(
    { namespace: name, s3: store, bucket: 'backups' },
    {
      sources: {
        shop: postgresSource('db', 'shop'),
        files: { volume: { claim: 'app-data', path: 'files', nextTo: { app: 'web' } }, pod: { runAsUser: APP_USER } },
      },
    },
  );
  writeFileSync(join(folder, 'config/base.yaml'), dump(values));
  writeFileSync(join(folder, 'config/demo.yaml'), '');
  return folder;
}

async function backstay(cwd: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, KUBECONFIG, PATH: `${join(toolsCache, 'cluster/bin')}:${process.env.PATH}` };
  const { stdout } = await promisify(execFile)(resolve('node_modules/.bin/tsx'), [resolve('main.ts'), ...args], { cwd, env });
  return stdout.trimEnd().replace(/^/gm, '  ');
}

function step(text: string): void {
  console.log(`${seconds().padStart(5)} s  ${text}`);
}

function seconds(): string {
  return ((performance.now() - begun) / 1000).toFixed(0);
}

function tableOf(all: readonly Comparison[]): string {
  const rows = [
    ['what', 'from', 'compared by', 'result'],
    ...all.map(({ what, from, how, equal: same }) => [what, from, how, same ? 'equal' : 'DIFFERS']),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n');
}

function claim(name: string, claimName: string) {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: claimName, namespace: name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  };
}
