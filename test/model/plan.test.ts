import { describe, expect, test } from 'vitest';
import { load, runIn, sourceIn, warnings } from '../support/load.ts';

const HEAD = `namespace: backup
storages:
  near: { pvc: { size: 10Gi } }
  far: { s3: { bucket: bbb, credentials: { secret: s3 } } }
plans: { default: { storages: [near, far], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' }, weekly: { schedule: '@weekly', job: { deadline: 2d } } } } }
`;
const DATABASE = 'postgres: { host: db.data, database: shop, version: 17, credentials: { secret: db } }';
const values = (sources: string, head = HEAD) => `${head}sources:\n${sources}`;
const SHOP = values(`  shop: { ${DATABASE} }\n`);

test('name and folder of a run contain source and tier', () => {
  const { runs, objectName, folder } = sourceIn(load(SHOP));
  expect({ objectName, folder }).toEqual({ objectName: 'backup-shop', folder: 'shop' });
  expect(runs.map(({ name, environment, namespace, source, tier, folder: below }) => [name, environment, namespace, source, tier, below])).toEqual([
    ['backup-shop-daily', 'prod', 'backup', 'shop', 'daily', 'shop/daily'],
    ['backup-shop-weekly', 'prod', 'backup', 'shop', 'weekly', 'shop/weekly'],
  ]);
});

test('a renamed source keeps its folder under its new name', () => {
  const { name, folder, runs } = sourceIn(load(values(`  store: { folder: shop, ${DATABASE} }\n`)));
  expect([name, folder, runs[0]?.name, runs[0]?.folder]).toEqual(['store', 'shop', 'backup-store-daily', 'shop/daily']);
});

test('@daily and its like become times that depend on source, tier and environment, but not on the date', () => {
  const text = values(`  shop: { ${DATABASE} }\n  cart: { ${DATABASE} }\n`);
  const times = (environment: string) =>
    load({ 'base.yaml': text, 'dev.yaml': '' }, environment).model.sources.flatMap(({ runs }) => runs.map(({ schedule }) => schedule));
  expect(times('prod')).toMatchInlineSnapshot(`
    [
      "53 4 * * *",
      "28 5 * * 6",
      "34 3 * * *",
      "54 4 * * 0",
    ]
  `);
  expect(times('prod')).toEqual(times('prod'));
  expect(new Set([...times('prod'), ...times('dev')]).size).toBe(8);
});

test('sources, claims and Secrets are sorted', () => {
  const text = values(`  b: { ${DATABASE} }\n  a: { ${DATABASE} }\n`);
  const other = values(`  a: { ${DATABASE} }\n  b: { ${DATABASE} }\n`);
  expect(load(text).model).toEqual(load(other).model);
  expect(load(text).model.sources.map(({ name }) => name)).toEqual(['a', 'b']);
});

test('a shared claim is created once, and an unused one not at all', () => {
  const text = values(
    `  b: { ${DATABASE} }\n  a: { ${DATABASE} }\n`,
    HEAD.replace('storages:', 'storages:\n  idle: { pvc: { size: 1Gi } }\n  old: { pvc: { claim: old } }'),
  );
  expect(load(text).model.claims.map(({ name, namespace, size }) => [name, namespace, size])).toEqual([['backup-near', 'backup', '10Gi']]);
});

test('a source has the peers and Secrets of all its runs, each once', () => {
  const { peers, secrets } = sourceIn(load(SHOP));
  expect(peers).toEqual([
    { type: 'pods', namespace: 'data', labels: {}, port: 5432 },
    { type: 'external', port: 443 },
  ]);
  expect(secrets).toEqual([
    { secret: 'db', keys: ['username', 'password'], purpose: 'PostgreSQL role that backs up db.data' },
    { secret: 's3', keys: ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'], purpose: 'S3 access key of the storage far' },
  ]);
});

test('a Secret with two purposes is listed once, with all keys', () => {
  const { secrets } = sourceIn(load(SHOP.replace('secret: s3', 'secret: db')));
  expect(secrets).toEqual([
    {
      secret: 'db',
      keys: ['username', 'password', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'],
      purpose: 'PostgreSQL role that backs up db.data; S3 access key of the storage far',
    },
  ]);
});

test('several kinds in one source are parts of one run', () => {
  const run = runIn(load(values(`  shop: { ${DATABASE}, volume: { claim: files, node: n } }\n`)));
  expect(run.parts.map(({ name, method, script }) => [name, method, script])).toEqual([
    ['postgres', 'dump', 'postgres-dump.sh'],
    ['volume', 'tar', 'volume-tar.sh'],
  ]);
});

test('several databases are parts of one run: one failure fails the run, and keep counts runs', () => {
  const { runs } = sourceIn(load(values(`  shop: { ${DATABASE.replace('database: shop', 'databases: [orders, carts]')} }\n`)));
  expect(runs.map(({ folder, parts }) => [folder, parts.map(({ name }) => name)])).toEqual([
    ['shop/daily', ['orders', 'carts']],
    ['shop/weekly', ['orders', 'carts']],
  ]);
});

test('a backup without a manifest is abandoned after two days, or twice the longest deadline of the source', () => {
  expect(sourceIn(load(SHOP)).runs.map(({ abandonedAfter }) => abandonedAfter / 86_400)).toEqual([4, 4]);
  expect(sourceIn(load(SHOP.replace('2d', '2h'))).runs.map(({ abandonedAfter }) => abandonedAfter / 86_400)).toEqual([2, 2]);
});

describe('the spec hash', () => {
  const hashOf = (text: string) => runIn(load(text)).specHash;

  test('changes with what shapes the artifact', () => {
    expect(hashOf(SHOP)).toMatch(/^[0-9a-f]{12}$/);
    const changes = ['version: 16', 'version: 17, dump: { format: plain }', 'version: 17, dump: { excludeTables: [log] }'];
    const hashes = changes.map((change) => hashOf(SHOP.replace('version: 17', change)));
    expect(new Set([hashOf(SHOP), ...hashes]).size).toBe(4);
  });

  test('does not change with schedule, storage and retention', () => {
    for (const text of [SHOP.replace('@daily', '0 3 * * *'), SHOP.replace('last: 3', 'last: 4'), SHOP.replace('[near, far]', '[far]')]) {
      expect(hashOf(text)).toBe(hashOf(SHOP));
    }
  });
});

test('namespaces are created only with createNamespace', () => {
  const text = values(`  shop: { ${DATABASE} }\n  wiki: { namespace: wiki, storages: [far], ${DATABASE} }\n`);
  expect(load(text).model.namespaces).toEqual([]);
  expect(load(`createNamespace: true\n${text}`).model.namespaces).toEqual(['backup', 'wiki']);
});

test('limits of a storage are noted once, however many runs use it', () => {
  const kms = HEAD.replace('bucket: bbb,', "bucket: bbb, serverSideEncryption: { algorithm: 'aws:kms' },");
  expect(warnings(values(`  a: { ${DATABASE} }\n  b: { ${DATABASE} }\n`, kms))).toEqual([
    'storages.far: with aws:kms the store reports no checksum: only the size is compared. HINT: set readBack: true to read everything back',
  ]);
});

test('scratch of a StorageClass is noted, because finished pods would hold it', () => {
  expect(warnings(values(`  a: { ${DATABASE}, pod: { scratch: { storageClassName: fast } } }\n`))).toEqual([
    'pod.scratch.storageClassName: finished Jobs are removed after ten minutes, because a finished pod holds its volume',
  ]);
  const chosen = 'pod: { scratch: { storageClassName: fast } }, job: { ttlSecondsAfterFinished: 3600 }';
  expect(warnings(values(`  a: { ${DATABASE}, ${chosen} }\n`))).toEqual([]);
});

test.each(['.dump', '.sql', '.sql.gz', '.sql.zst', '.tar', '.tar.gz', '.tar.zst'])(
  'a file-name template is without the extension %s, which the format brings',
  (extension) => {
    const text = values(`  shop: { ${DATABASE}, filenameTemplate: 'shop-{{ .Timestamp }}-{{ .RunID }}${extension}' }\n`);
    expect(runIn(load(text)).filenameTemplate).toBe('shop-{{ .Timestamp }}-{{ .RunID }}');
  },
);

test('the throttle of a source reaches its parts', () => {
  const run = runIn(load(values(`  shop: { ${DATABASE}, throttle: { perServer: 1, wait: 5m } }\n`)));
  expect(run.parts[0]?.env).toMatchObject({ THROTTLE_SLOTS: '1', THROTTLE_WAIT_SECONDS: '300' });
});
