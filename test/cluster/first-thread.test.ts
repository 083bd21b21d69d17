import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AWKWARD_FILES, AWKWARD_SQL, fingerprint, LIST_TREE } from '../support/cluster/awkward.ts';
import { claim, type Deployment, deploy, postgresSource, testValues } from '../support/cluster/backups.ts';
import { type Desk, startDesk } from '../support/cluster/desk.ts';
import type { JobEnd } from '../support/cluster/job.ts';
import { apply, type Json } from '../support/cluster/kubectl.ts';
import { freshNamespace, type Namespace } from '../support/cluster/namespace.ts';
import { type Postgres, startPostgres } from '../support/cluster/postgres.ts';
import { type S3, startS3 } from '../support/cluster/s3.ts';
import { inBucket, inClaim, runsIn, type StoredRun, strayIn } from '../support/cluster/stored.ts';

const APP_USER = 1000;
const BACKUP_GROUP = 10999;

let ns: Namespace;
let db: Postgres;
let s3: S3;
let app: Desk;
let desk: Desk;
let dist: Deployment;

beforeAll(async () => {
  [ns, s3] = await Promise.all([freshNamespace('first-thread'), startS3()]);
  await apply(claim(ns.name, 'app-data'));
  [db, app] = await Promise.all([
    startPostgres(ns.name),
    startDesk(ns.name, { name: 'app', claims: ['app-data'], user: APP_USER, labels: { app: 'web' } }),
    s3.makeBucket('backups'),
    s3.introduce(ns.name),
  ]);
  await Promise.all([
    db.sql('create database shop').then(() => db.sql(AWKWARD_SQL, 'shop')),
    app.sh(`mkdir /claims/app-data/files; cd /claims/app-data/files\n${AWKWARD_FILES}`),
  ]);
  dist = await deploy(
    ns.name,
    testValues(
      { namespace: ns.name, s3, bucket: 'backups' },
      {
        sources: {
          shop: postgresSource('db', 'shop'),
          files: { volume: { claim: 'app-data', path: 'files', nextTo: { app: 'web' } }, pod: { runAsUser: APP_USER } },
        },
      },
    ),
  );
});

afterAll(() => Promise.all([ns?.end(), s3?.end()]));

describe('a database', () => {
  let end: JobEnd;
  let stored: Record<'local' | 'offsite', readonly StoredRun[]>;

  beforeAll(async () => {
    end = await dist.run('shop');
    desk = await startDesk(ns.name, { claims: ['backup-local'], user: APP_USER, group: BACKUP_GROUP });
    stored = { local: runsIn(await inClaim(desk, 'backup-local'), 'shop/daily'), offsite: runsIn(inBucket(s3, 'backups'), 'shop/daily') };
  });

  test('is backed up by the unmodified YAML of synth, and the Job completes', () => {
    expect(end.log).not.toMatch(/ error /);
    expect(end).toMatchObject({ complete: true, statuses: { 'take-postgres': 0, publish: 0 } });
  });

  test('is in both storages under the same name with the same manifest', () => {
    expect(stored.local).toHaveLength(1);
    expect(stored.offsite).toEqual(stored.local);
    expect(stored.local[0]?.broken).toEqual([]);
    expect(strayIn(inBucket(s3, 'backups'), 'shop/daily')).toEqual([]);
  });

  test('leaves a termination message with phase, path, size, duration and run id', () => {
    const { name, manifest } = stored.local[0] as StoredRun;
    expect(end.lastWords).toMatchObject({ phase: 'publish', status: 0, runId: manifest.runId, bytes: manifest.bytes });
    expect(JSON.stringify(end.lastWords)).toContain(name);
  });

  test.each(['local', 'offsite'] as const)('restores from %s with pg_restore alone, equal to the original', async (from) => {
    const [run] = stored[from];
    const file: string = fileOf(run, 'artifact');
    if (from === 'offsite') await desk.put(`/tmp/${file}`, readFileSync(join(s3.data, 'backups/test/shop/daily', file)));
    const path = from === 'offsite' ? `/tmp/${file}` : `/claims/backup-local/test/shop/daily/${file}`;
    await desk.sh(`
      export PGHOST=db PGUSER=postgres PGPASSWORD='${db.password}'
      createdb restored_${from}
      pg_restore --exit-on-error -d restored_${from} '${path}'`);
    expect(await fingerprint(db, `restored_${from}`)).toBe(await fingerprint(db, 'shop'));
  });

  test('is stored with the roles of its server, without passwords', async () => {
    const globals = readFileSync(join(s3.data, 'backups/test/shop/daily', fileOf(stored.offsite[0], 'globals')), 'utf8');
    expect(globals).toContain('ALTER ROLE postgres');
    expect(globals).not.toMatch(/PASSWORD|SCRAM/);
  });
});

describe('a volume', () => {
  let end: JobEnd;
  let before: string;

  beforeAll(async () => {
    before = await app.sh(`cd /claims/app-data/files; ${LIST_TREE}`);
    end = await dist.run('files');
  });

  test('is backed up by the unmodified YAML of synth, and the Job completes', () => {
    expect(end).toMatchObject({ complete: true, statuses: { 'take-volume': 0, publish: 0 } });
  });

  test('is unchanged by the backup', async () => {
    expect(await app.sh(`cd /claims/app-data/files; ${LIST_TREE}`)).toBe(before);
  });

  test.each(['local', 'offsite'] as const)('restores from %s with tar alone, equal to the original', async (from) => {
    const [run] = from === 'local' ? runsIn(await inClaim(desk, 'backup-local'), 'files/daily') : runsIn(inBucket(s3, 'backups'), 'files/daily');
    const file = fileOf(run, 'artifact');
    if (from === 'offsite') await desk.put(`/tmp/${file}`, readFileSync(join(s3.data, 'backups/test/files/daily', file)));
    const path = from === 'offsite' ? `/tmp/${file}` : `/claims/backup-local/test/files/daily/${file}`;
    const after = await desk.sh(`mkdir /tmp/${from}; cd /tmp/${from}; tar --zstd -xpf '${path}'; ${LIST_TREE}`);
    expect(after).toBe(before);
  });

  test('keeps the hole of a sparse file', async () => {
    expect(Number(await desk.sh('stat -c %b /tmp/local/sparse'))).toBeLessThan(2000);
  });
});

function fileOf(run: StoredRun | undefined, role: string): string {
  return run?.manifest.parts[0].files.find((file: Json) => file.role === role).name;
}
