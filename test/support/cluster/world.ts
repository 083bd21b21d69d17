import { type Deployment, deploy, testValues } from './backups.ts';
import { type Desk, startDesk } from './desk.ts';
import { type JobEnd, startRun } from './job.ts';
import { type Json, read } from './kubectl.ts';
import { freshNamespace } from './namespace.ts';
import { type Postgres, type PostgresOptions, startPostgres } from './postgres.ts';
import { type S3, startS3 } from './s3.ts';
import { inBucket, inClaim, type Stored } from './stored.ts';

/** The group of every pod that writes to a claim of backups. */
export const BACKUP_GROUP = 10999;

/** Objects that exist before anything is applied. */
export interface Site {
  readonly namespace: string;
  readonly s3: S3;
  /** The server `db`, with a database `shop` in it. */
  readonly db: Postgres;
}

/** A namespace with a server, a store, the applied YAML, and a desk that mounts the claim of backups. */
export interface World extends Site, Pick<Deployment, 'dist' | 'run'> {
  readonly desk: Desk;
  /** Starts a manual run without waiting for it. Returns the Job's name. */
  readonly start: (source: string, change?: (job: Json) => void) => Promise<string>;
  /** The files of the bucket; cheap, because it only reads the disk. */
  readonly inBucket: () => Stored;
  readonly stored: () => Promise<{ readonly local: Stored; readonly offsite: Stored }>;
  readonly end: () => Promise<unknown>;
}

export interface WorldOptions extends PostgresOptions {
  /** SQL that fills the database `shop`. */
  readonly sql?: string;
}

export const SMALL_SQL = `create table goods (id int primary key, name text); insert into goods select n, 'thing ' || n from generate_series(1, 500) n;`;

/** Starts what nearly every cluster test needs, in about six seconds. `over` is merged over `testValues`. */
export async function startWorld(about: string, over: (site: Site) => Json | Promise<Json>, options: WorldOptions = {}): Promise<World> {
  const [ns, s3] = await Promise.all([freshNamespace(about), startS3()]);
  const end = () => Promise.all([ns.end(), s3.end()]);
  try {
    const namespace = ns.name;
    const [db] = await Promise.all([startPostgres(namespace, options), s3.makeBucket('backups').then(() => s3.introduce(namespace))]);
    await db.sql('create database shop');
    await db.sql(options.sql ?? SMALL_SQL, 'shop');
    const { dist, run } = await deploy(namespace, testValues({ namespace, s3, bucket: 'backups' }, await over({ namespace, s3, db })));
    const used = await read(`/api/v1/namespaces/${namespace}/persistentvolumeclaims/backup-local`);
    const desk = await startDesk(namespace, { claims: used ? ['backup-local'] : [], fsGroup: BACKUP_GROUP });
    const stored = async () => ({ local: await inClaim(desk, 'backup-local'), offsite: inBucket(s3, 'backups') });
    const start = (source: string, change?: (job: Json) => void) => startRun(namespace, `backup-${source}-daily`, change);
    return { namespace, s3, db, desk, dist, run, start, stored, inBucket: () => inBucket(s3, 'backups'), end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** How a run ended in one line, for comparing several runs. */
export function verdict({ complete, statuses, lastWords }: JobEnd): string {
  const parts = Object.entries(statuses).map(([name, status]) => `${name} ${status}`);
  return `${complete ? 'complete' : 'failed'}: ${parts.join(', ')}: ${lastWords?.reason ?? '-'}`;
}
