import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Json, kubectl } from '../support/cluster/kubectl.ts';
import { freshNamespace, type Namespace } from '../support/cluster/namespace.ts';
import { type S3, startS3 } from '../support/cluster/s3.ts';
import { EXAMPLE, type Shop, shopIn, TYPED } from '../support/cluster/shop.ts';
import { until } from '../support/cluster/until.ts';

/** Placeholder in the document for the backup to restore. */
const ID = 'hkbdmnrt';
const RESTORE = 'docs/restore.md';

let ns: Namespace;
let s3: S3;
let shop: Shop;

beforeAll(async () => {
  [ns, s3] = await Promise.all([freshNamespace('day'), startS3()]);
  await s3.makeBucket('acme-backups');
  shop = shopIn(ns.name, s3);
});
afterAll(() => Promise.all([ns?.end(), s3?.end()]));

/** Orders up to a given one, as rows and as receipts. */
async function contentUpTo(last: number): Promise<string> {
  const files = await shop.sh(`cd /files/receipts; for id in $(seq ${last}); do cat $id; done | sha256sum; stat -c %u 1 .`);
  return [await shop.ordersUpTo(last), files].join('\n');
}

/** The kubelet gives them to the group when an application with an `fsGroup` first mounts a claim. */
const modes = () => shop.sh('cd /files/receipts; stat -c %a . 1 2 3');

/** The newest backup of a source in its primary storage. */
async function newest(source: string): Promise<string> {
  const told = await shop.user.commands(`npx backstay list prod/${source} --json`);
  const [first] = JSON.parse(told.stdout).filter(({ tier }: Json) => tier === 'daily');
  if (!first) throw new Error(`nothing is stored of ${source}: ${JSON.stringify(told)}`);
  return first.id;
}

/** From before the first damage. */
let orders: number;
let content: string;
let id: { readonly shop: string; readonly files: string };

describe('examples/application/README.md', () => {
  test('starts the shop, creates its roles, and takes orders', async () => {
    await shop.start();
  }, 600_000);

  test('backs it up by CronJob and by the command line, into both storages', async () => {
    orders = await shop.lastOrder();
    content = await contentUpTo(orders);
    const said = await shop.user.section(EXAMPLE, 'Back it up');
    expect(said).toMatch(/local: committed.*\n {2}offsite: committed/);
    id = { shop: await newest('shop'), files: await newest('files') };
  }, 600_000);

  test('verifies it', async () => {
    await shop.user.section(EXAMPLE, 'Verify it');
    await shop.user.section('docs/verify.md', 'Look at the results');
    const { stdout } = await shop.user.commands('npx backstay list prod --storage offsite --json');
    expect(JSON.parse(stdout).map(({ source, verified }: Json) => [source, verified])).toEqual(
      expect.arrayContaining([
        ['shop', true],
        ['files', true],
      ]),
    );
  }, 600_000);
});

describe('docs/restore.md', () => {
  test('lists the backups to choose from', async () => {
    const said = await shop.user.section(RESTORE, 'Look first', { names: { [ID]: id.shop } });
    expect(said).toContain(id.shop);
  }, 600_000);

  test('restores a dropped table while the shop runs', async () => {
    await shop.sql('drop table orders');
    await until('the shop to notice', 60, async () => ((await shop.deployment()).status.readyReplicas ? undefined : true));
    await shop.user.section(RESTORE, 'A dropped table', { names: { [ID]: id.shop } });
    await shop.expectOpen();
    expect(await contentUpTo(orders)).toBe(content);
    expect(await shop.sql(`select datname from pg_database where datname like 'shop%'`)).toBe('shop\n');
  }, 600_000);

  test('restores a whole database in place, swaps back, restores again, and drops the old data', async () => {
    await shop.sql(`update orders set item = 'coffee'`);
    const broken = await contentUpTo(orders);
    await shop.user.section(RESTORE, 'The whole database', { names: { [ID]: id.shop } });
    await shop.expectOpen();
    expect(await contentUpTo(orders)).toBe(content);

    await shop.user.section(RESTORE, 'Roll back');
    await shop.expectOpen();
    expect(await contentUpTo(orders)).toBe(broken);

    await shop.user.section(RESTORE, 'The whole database', { names: { [ID]: id.shop } });
    await shop.user.section(RESTORE, 'Clean up');
    await shop.expectOpen();
    expect(await contentUpTo(orders)).toBe(content);
    expect(await shop.sql(`select datname from pg_database where datname like 'shop%'`)).toBe('shop\n');
  }, 600_000);

  test('restores files in place, swaps back, restores again, and drops the old data', async () => {
    const before = await modes();
    await shop.sh('cd /files/receipts; for id in $(seq 1 2 9); do rm -f $id; done; echo nothing >2');
    const broken = await shop.sh('cat /files/receipts/2');
    await shop.user.section(RESTORE, 'Files', { names: { [ID]: id.files } });
    await shop.expectOpen();
    expect(await contentUpTo(orders)).toBe(content);

    await shop.user.section(RESTORE, 'Roll back', { names: { 'prod/shop': 'prod/files' } });
    expect(await shop.sh('cat /files/receipts/2')).toBe(broken);
    await shop.user.section(RESTORE, 'Files', { names: { [ID]: id.files } });
    await shop.user.section(RESTORE, 'Clean up', { names: { 'prod/shop': 'prod/files' } });
    await shop.expectOpen();
    expect(await contentUpTo(orders)).toBe(content);
    expect(await modes()).toBe(before);
    expect(await shop.sh('ls -A /files')).toBe('receipts\n');
  }, 600_000);

  test('restores a deleted claim under its name', async () => {
    await kubectl(['delete', 'pvc', 'shop-files', '-n', ns.name, '--wait=false']);
    await shop.user.section(RESTORE, 'A deleted claim', { names: { '10Gi': '1Gi' } });
    await shop.expectOpen();
    expect(await contentUpTo(orders)).toBe(content);
  }, 600_000);

  test('the commands for looking into a failure work', async () => {
    const said = await shop.user.section(RESTORE, 'When it fails');
    expect(said).toMatch(/Deployment +shop +1 +<none> +<none> +<none>/);
    expect(said).toMatch(/restore-(shop|files)-\S+ +Complete .* Completed/);
  }, 600_000);

  test('restores a lost namespace from the bucket alone', async () => {
    await kubectl(['delete', 'namespace', ns.name, '--wait=true', '--timeout=180s']);
    await shop.user.section(RESTORE, 'A lost namespace', { before: { 'apply -k examples': shop.makeSecrets }, types: TYPED });
    await shop.expectOpen();
    expect(await contentUpTo(orders)).toBe(content);
  }, 600_000);
});
