import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deleteJobs, postgresSource } from '../support/cluster/backups.ts';
import { applyFolder, kubectl } from '../support/cluster/kubectl.ts';
import { runsIn } from '../support/cluster/stored.ts';
import { startWorld, verdict, type World } from '../support/cluster/world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld('leaving', () => ({ sources: { shop: postgresSource('db', 'shop') } }));
});

afterAll(() => world?.end());

const names = async (kinds: string) =>
  (await kubectl(['get', kinds, '-n', world.namespace, '-o', 'name', '-l', 'app.kubernetes.io/name=backstay'])).trim().split('\n').filter(Boolean);

test('deleting jobs/ leaves every claim, every script and every backup, and applying it again resumes the backups', async () => {
  const first = await world.run('shop');
  expect(verdict(first)).toMatch(/^complete/);
  const kept = await names('persistentvolumeclaims,configmaps');
  const before = await world.stored();

  await deleteJobs(world.dist);
  expect(await names('cronjobs,serviceaccounts,networkpolicies')).toEqual([]);
  expect(await names('persistentvolumeclaims,configmaps')).toEqual(kept);
  expect(kept.some((name) => name.startsWith('persistentvolumeclaim/'))).toBe(true);
  expect(kept.some((name) => name.startsWith('configmap/'))).toBe(true);
  expect(await world.stored()).toEqual(before);

  await applyFolder(join(world.dist, 'jobs'));
  const second = await world.run('shop');
  expect(verdict(second)).toMatch(/^complete/);
  const { local, offsite } = await world.stored();
  for (const stored of [local, offsite]) {
    expect(runsIn(stored, 'shop/daily').map(({ name, broken }) => ({ name, broken }))).toEqual(
      [first, second].map(({ lastWords }) => ({ name: lastWords.name, broken: [] })),
    );
  }
});
