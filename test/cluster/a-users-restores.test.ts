import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endOf, type JobEnd } from '../support/cluster/job.ts';
import { type Json, kubectl } from '../support/cluster/kubectl.ts';
import { freshNamespace, type Namespace } from '../support/cluster/namespace.ts';
import { type S3, startS3 } from '../support/cluster/s3.ts';
import { type Shop, shopIn } from '../support/cluster/shop.ts';
import { verdict } from '../support/cluster/world.ts';

/** a-users-day.test.ts follows the rest of this page. */
const RESTORE = 'docs/restore.md';

let prod: Namespace;
/** An environment whose shop has orders of its own, and no backstay. */
let staging: Namespace;
let s3: S3;
let shop: Shop;
let copy: Shop;
/** The backup's id, and the orders up to the last one before it. */
let id: string;
let orders: number;
let content: string;

beforeAll(async () => {
  [prod, staging, s3] = await Promise.all([freshNamespace('restores'), freshNamespace('restores-staging'), startS3()]);
  await s3.makeBucket('acme-backups');
  [shop, copy] = [shopIn(prod.name, s3), shopIn(staging.name, s3)];
  await Promise.all([shop.start(), copy.start()]);
  orders = await shop.lastOrder();
  content = await shop.ordersUpTo(orders);
  id = await backUp();
});
afterAll(() => Promise.all([prod?.end(), staging?.end(), s3?.end()]));

async function backUp(): Promise<string> {
  const { status, stdout, stderr } = await shop.user.commands(`
    cp -r examples/application/config .
    npx backstay synth
    kubectl apply -k dist/prod/keep
    kubectl apply -k dist/prod/jobs
    npx backstay backup prod/shop --apply`);
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
  return / ([a-z]{8})\b/.exec(stdout)?.[1] ?? '';
}

describe('docs/restore.md', () => {
  test("restores production's orders into another environment: beside its own, with nothing applied before, and in place", async () => {
    // The follower has already put the test's namespaces into the commands.
    const names = { 'shop-staging': staging.name, [`${prod.name}-staging`]: staging.name };
    shop.user.values(RESTORE, 'Into another environment', { names });
    await copy.sql(`update orders set item = 'water'`);
    expect(await copy.ordersUpTo(orders)).not.toBe(content);
    await shop.user.section(RESTORE, 'Into another environment', { names });
    expect(await copy.ordersUpTo(orders, 'shop_of_prod')).toBe(content);
    await copy.expectOpen();
    expect(await copy.ordersUpTo(orders)).toBe(content);
  });
});

describe('docs/restore.md, a restore in the values', () => {
  const wanted = (at = id) => shop.user.values(RESTORE, 'From Git', { names: { hkbdmnrt: at } });
  const apply = () => shop.user.section(RESTORE, 'From Git');
  const jobs = async () => {
    const printed = await kubectl(['get', 'jobs', '-n', prod.name, '-l', 'app.kubernetes.io/component=restore', '-o', 'name']);
    return printed.split('\n').flatMap((line) => line.split('/')[1] ?? []);
  };
  const safetyBackups = async () => {
    const { stdout } = await shop.user.commands('npx backstay list prod/shop --json');
    return JSON.parse(stdout).filter(({ tier }: Json) => tier === 'pre-restore').length;
  };
  const end = async (): Promise<JobEnd> => endOf(prod.name, (await jobs())[0] ?? '');

  test('runs when its file is applied, and never with the rest of dist/', async () => {
    wanted();
    await shop.sql(`update orders set item = 'coffee'`);
    await shop.user.commands('npx backstay synth prod && kubectl apply -k dist/prod/jobs');
    expect(await jobs()).toEqual([]);
    await apply();
    expect(verdict(await end())).toMatch(/^complete/);
    await shop.expectOpen();
    expect(await shop.ordersUpTo(orders)).toBe(content);
  });

  test('runs once: when GitOps recreates the Job, it ends at once and touches nothing', async () => {
    await shop.sql(`update orders set item = 'coffee'`);
    const broken = await shop.ordersUpTo(orders);
    // One for each attempt of the Job that found the application running.
    const before = await safetyBackups();
    expect(before).toBeGreaterThan(0);
    await kubectl(['delete', 'job', '-n', prod.name, ...(await jobs()), '--wait=true']);
    await apply();
    const { complete, log } = await end();
    expect({ complete, log }).toEqual({ complete: true, log: expect.stringContaining('already done') });
    await shop.expectOpen();
    expect(await shop.ordersUpTo(orders)).toBe(broken);
    expect(await safetyBackups()).toBe(before);
  });

  test('runs again when its entry changes', async () => {
    wanted(`before:${new Date().toISOString().replace(/\.\d+Z$/, 'Z')}`);
    await apply();
    expect(await jobs()).toHaveLength(2);
    await shop.expectOpen();
    expect(await shop.ordersUpTo(orders)).toBe(content);
  });
});
