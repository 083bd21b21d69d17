import { afterAll, beforeAll, expect, test } from 'vitest';
import { AWKWARD_SQL } from '../support/cluster/awkward.ts';
import { deployExample } from '../support/cluster/backups.ts';
import { startDesk } from '../support/cluster/desk.ts';
import { apply } from '../support/cluster/kubectl.ts';
import { freshNamespace, type Namespace } from '../support/cluster/namespace.ts';
import { startPostgres } from '../support/cluster/postgres.ts';
import { type S3, startS3 } from '../support/cluster/s3.ts';
import { inBucket, inClaim, runsIn } from '../support/cluster/stored.ts';

const CLAIM = 'autolab-api-storage-autolab-api-0';
const LITTLE = { pod: { scratch: { size: '64Mi' } } };

let ns: Namespace;
let s3: S3;

beforeAll(async () => {
  [ns, s3] = await Promise.all([freshNamespace('examples'), startS3()]);
});

afterAll(() => Promise.all([ns?.end(), s3?.end()]));

test('examples/carpaintr archives the claim of a StatefulSet into another claim, and does not touch the application', async () => {
  await apply({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: CLAIM, namespace: ns.name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  const app = await startDesk(ns.name, { name: 'autolab-api', claims: [CLAIM], user: 1000, labels: { app: 'autolab-api' } });
  await app.sh(`cd /claims/${CLAIM}; mkdir uploads; echo one >uploads/one; ln uploads/one uploads/two`);
  const before = await app.sh(`find /claims/${CLAIM} -printf '%m %U %G %p\\n'`);
  const { run } = await deployExample(ns.name, 'examples/carpaintr/config/base.yaml', { namespace: ns.name, defaults: LITTLE });
  const end = await run('autolab-api');
  expect(end).toMatchObject({ complete: true, statuses: { 'take-volume': 0, publish: 0 } });
  expect(await app.sh(`find /claims/${CLAIM} -printf '%m %U %G %p\\n'`)).toBe(before);
  const desk = await startDesk(ns.name, { claims: ['backup-backups'], group: 10999 });
  expect(runsIn(await inClaim(desk, 'backup-backups'), 'autolab-api/daily')).toMatchObject([{ broken: [], manifest: { source: 'autolab-api' } }]);
});

test('examples/first-database dumps a database into a claim and a bucket', async () => {
  const [db] = await Promise.all([startPostgres(ns.name, { name: 'shop-db' }), s3.makeBucket('acme-backups'), s3.introduce(ns.name)]);
  await db.sql('create database shop');
  await db.sql(AWKWARD_SQL, 'shop');
  const { run } = await deployExample(ns.name, 'examples/first-database/config/base.yaml', {
    namespace: ns.name,
    defaults: LITTLE,
    // No AWS here: use the test's store, and a server in the test's namespace.
    storages: { offsite: { s3: { region: 'us-east-1', endpoint: s3.url, ca: { configMap: 'private-ca' } } } },
    sources: { shop: { postgres: { host: 'shop-db' } } },
  });
  const end = await run('shop');
  expect(end).toMatchObject({ complete: true, statuses: { 'take-postgres': 0, publish: 0 } });
  expect(runsIn(inBucket(s3, 'acme-backups'), 'shop/daily')).toMatchObject([{ broken: [], manifest: { source: 'shop' } }]);
});
