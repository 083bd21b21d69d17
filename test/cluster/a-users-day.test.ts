import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { merge } from '../support/cluster/backups.ts';
import { type Follower, followerIn } from '../support/cluster/follow.ts';
import { apply, type Json, kubectl, read } from '../support/cluster/kubectl.ts';
import { freshNamespace, type Namespace } from '../support/cluster/namespace.ts';
import { type S3, startS3 } from '../support/cluster/s3.ts';
import { until } from '../support/cluster/until.ts';

/** What the documents call them, in examples/application. */
const NAMESPACE = 'shop';
const ID = 'hkbdmnrt';
const EXAMPLE = 'examples/application/README.md';
const RESTORE = 'docs/restore.md';
/** With what a shell would like to have for itself. */
const PASSWORDS = { shop: "o'r$der \\1", backup: 'b"ack $(up)', restore: "re's t\\ore" };

let ns: Namespace;
let s3: S3;
let user: Follower;

beforeAll(async () => {
  [ns, s3] = await Promise.all([freshNamespace('day'), startS3()]);
  await s3.makeBucket('acme-backups');
  user = followerIn(folderOf(ns.name), NAMESPACE, ns.name);
});
afterAll(() => Promise.all([ns?.end(), s3?.end()]));

/** The folder of a user: what is in Git, with a store and little room as there is on a test bed. */
function folderOf(namespace: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'day-'));
  const example = join(folder, 'examples/application');
  mkdirSync(join(folder, 'examples'));
  cpSync('examples/application', example, { recursive: true });
  symlinkSync(resolve('docs'), join(folder, 'docs'));
  for (const name of readdirSync(join(example, 'manifests'))) rewrite(join(example, 'manifests', name), (text) => text.replaceAll('10Gi', '1Gi'));
  rewrite(join(example, 'manifests/kustomization.yaml'), (text) => text.replace('namespace: shop', `namespace: ${namespace}`));
  rewrite(join(example, 'manifests/shop.yaml'), (text) => text.replace("value: '5'", "value: '1'"));
  rewrite(join(example, 'config/prod.yaml'), (text) => JSON.stringify(merge(load(text), overlay(namespace)), undefined, 2));
  return folder;
}

function rewrite(file: string, change: (text: string) => string): void {
  writeFileSync(file, change(readFileSync(file, 'utf8')));
}

const overlay = (namespace: string): Json => ({
  namespace,
  storages: { local: { pvc: { size: '1Gi' } }, offsite: { s3: { region: 'us-east-1', endpoint: s3.url, ca: { configMap: 'private-ca' } } } },
  defaults: {
    pod: { scratch: { size: '256Mi' }, resources: { requests: { cpu: '20m', memory: '32Mi' }, limits: { memory: '512Mi' } } },
    job: { backoffLimit: 0, deadline: '10m' },
  },
});

/** The Secrets, as somebody has them in a safe. */
async function makeSecrets(): Promise<void> {
  const secret = (name: string, username: string, password: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: ns.name },
    stringData: { username, password },
  });
  await apply(
    secret('shop-db', 'shop', PASSWORDS.shop),
    secret('shop-db-backup', 'backstay', PASSWORDS.backup),
    secret('shop-db-restore', 'backstay_restore', PASSWORDS.restore),
  );
  await s3.introduce(ns.name);
}

/** What is asked for by `\password`, each twice. */
const TYPED = { '\\password': [PASSWORDS.backup, PASSWORDS.backup, PASSWORDS.restore, PASSWORDS.restore, ''].join('\n') };

const sql = (text: string, database = 'shop') =>
  kubectl(['exec', '-i', '-n', ns.name, 'shop-db-0', '--', ...'psql -X -q -A -t -v ON_ERROR_STOP=1 -U postgres -d'.split(' '), database], text);
const inShop = (script: string) => kubectl(['exec', '-i', '-n', ns.name, 'deployment/shop', '--', 'sh', '-eu'], script);

/** The orders up to one, as rows and as receipts: the shop goes on, and nobody can stop the day. */
async function contentUpTo(last: number): Promise<string> {
  const rows = await sql(`select count(*), md5(string_agg(o::text, ',' order by id)) from orders o where id <= ${last}`);
  const files = await inShop(`cd /files/receipts; for id in $(seq ${last}); do cat $id; done | sha256sum; stat -c %u 1 .`);
  const table = await sql(`select owner::regrole, string_agg(c, ',') from (select relowner as owner, attname || ' ' || atttypid::regtype as c
    from pg_class join pg_attribute on attrelid = pg_class.oid where relname = 'orders' and attnum > 0 order by attnum) x group by 1;
    select indexdef from pg_indexes where tablename = 'orders'`);
  return [rows, files, table].join('\n');
}

/** The kubelet makes them the group's where an application with an `fsGroup` mounts a claim for the first time. */
const modes = () => inShop('cd /files/receipts; stat -c %a . 1 2 3');

const lastOrder = async () => Number(await sql('select coalesce(max(id), 0) from orders'));
const deployment = () => read(`/apis/apps/v1/namespaces/${ns.name}/deployments/shop`);

/** The shop takes orders, and has since. */
async function expectOpen(): Promise<void> {
  const from = await lastOrder();
  await until('another order', 60, async () => ((await lastOrder()) > from ? true : undefined));
  await until('the shop to be ready', 60, async () => ((await deployment())?.status.readyReplicas === 1 ? true : undefined));
  const { metadata } = await deployment();
  expect(Object.keys(metadata.annotations).filter((name) => name.startsWith('backstay.dev/'))).toEqual([]);
}

/** The newest backup of a source, in its primary. */
async function newest(source: string): Promise<string> {
  const told = await user.commands(`npx backstay list prod/${source} --json`);
  const [first] = JSON.parse(told.stdout).filter(({ tier }: Json) => tier === 'daily');
  if (!first) throw new Error(`nothing is stored of ${source}: ${JSON.stringify(told)}`);
  return first.id;
}

/** Of before the first damage. */
let orders: number;
let content: string;
let id: { readonly shop: string; readonly files: string };

describe('examples/application/README.md', () => {
  test('a shop is started, its roles are made, and it takes orders', async () => {
    await makeSecrets();
    // The namespace is there: one that takes "restricted" pods only.
    await user.section(EXAMPLE, 'Start the shop', { names: { [`kubectl create namespace ${ns.name}`]: ':' } });
    await user.section(EXAMPLE, 'Make the roles', { types: TYPED });
    await expectOpen();
  }, 600_000);

  test('it is backed up by its CronJob and by the command line, in both storages', async () => {
    orders = await lastOrder();
    content = await contentUpTo(orders);
    const said = await user.section(EXAMPLE, 'Back it up');
    expect(said).toMatch(/local: committed.*\n {2}offsite: committed/);
    id = { shop: await newest('shop'), files: await newest('files') };
  }, 600_000);

  test('it is proved', async () => {
    await user.section(EXAMPLE, 'Prove it');
    await user.section('docs/verify.md', 'See it');
    const { stdout } = await user.commands('npx backstay list prod --storage offsite --json');
    expect(JSON.parse(stdout).map(({ source, verified }: Json) => [source, verified])).toEqual(
      expect.arrayContaining([
        ['shop', true],
        ['files', true],
      ]),
    );
  }, 600_000);
});

describe('docs/restore.md', () => {
  test('what there is to look at', async () => {
    const said = await user.section(RESTORE, 'Look first', { names: { [ID]: id.shop } });
    expect(said).toContain(id.shop);
  }, 600_000);

  test('a dropped table comes back, with the shop running', async () => {
    await sql('drop table orders');
    await until('the shop to notice', 60, async () => ((await deployment()).status.readyReplicas ? undefined : true));
    await user.section(RESTORE, 'A dropped table', { names: { [ID]: id.shop } });
    await expectOpen();
    expect(await contentUpTo(orders)).toBe(content);
    expect(await sql(`select datname from pg_database where datname like 'shop%'`)).toBe('shop\n');
  }, 600_000);

  test('a whole database comes back in place; that is undone, done again, and ended', async () => {
    await sql(`update orders set item = 'coffee'`);
    const broken = await contentUpTo(orders);
    await user.section(RESTORE, 'The whole database', { names: { [ID]: id.shop } });
    await expectOpen();
    expect(await contentUpTo(orders)).toBe(content);

    await user.section(RESTORE, 'Undo');
    await expectOpen();
    expect(await contentUpTo(orders)).toBe(broken);

    await user.section(RESTORE, 'The whole database', { names: { [ID]: id.shop } });
    await user.section(RESTORE, 'The end');
    await expectOpen();
    expect(await contentUpTo(orders)).toBe(content);
    expect(await sql(`select datname from pg_database where datname like 'shop%'`)).toBe('shop\n');
  }, 600_000);

  test('files come back in place; that is undone, done again, and ended', async () => {
    const before = await modes();
    await inShop('cd /files/receipts; for id in $(seq 1 2 9); do rm -f $id; done; echo nothing >2');
    const broken = await inShop('cat /files/receipts/2');
    await user.section(RESTORE, 'Files', { names: { [ID]: id.files } });
    await expectOpen();
    expect(await contentUpTo(orders)).toBe(content);

    await user.section(RESTORE, 'Undo', { names: { 'prod/shop': 'prod/files' } });
    expect(await inShop('cat /files/receipts/2')).toBe(broken);
    await user.section(RESTORE, 'Files', { names: { [ID]: id.files } });
    await user.section(RESTORE, 'The end', { names: { 'prod/shop': 'prod/files' } });
    await expectOpen();
    expect(await contentUpTo(orders)).toBe(content);
    expect(await modes()).toBe(before);
    expect(await inShop('ls -A /files')).toBe('receipts\n');
  }, 600_000);

  test('a deleted claim comes back under its name', async () => {
    await kubectl(['delete', 'pvc', 'shop-files', '-n', ns.name, '--wait=false']);
    await user.section(RESTORE, 'A deleted claim', { names: { '10Gi': '1Gi' } });
    await expectOpen();
    expect(await contentUpTo(orders)).toBe(content);
  }, 600_000);

  test('what is said to look at after a failure can be looked at', async () => {
    const said = await user.section(RESTORE, 'When it fails');
    expect(said).toMatch(/Deployment +shop +1 +<none> +<none> +<none>/);
    expect(said).toMatch(/restore-(shop|files)-\S+ +Complete .* Completed/);
  }, 600_000);

  test('a lost namespace comes back from the bucket alone', async () => {
    await kubectl(['delete', 'namespace', ns.name, '--wait=true', '--timeout=180s']);
    await user.section(RESTORE, 'A lost namespace', { before: { 'apply -k examples': makeSecrets }, types: TYPED });
    await expectOpen();
    expect(await contentUpTo(orders)).toBe(content);
  }, 600_000);
});
