import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadEnvironment } from '../../lib/model/load.ts';
import { postgresSource } from '../support/cluster/backups.ts';
import { endOf, type JobEnd } from '../support/cluster/job.ts';
import { kubectl } from '../support/cluster/kubectl.ts';
import { startWorld, verdict, type World } from '../support/cluster/world.ts';
import { restoreFiles } from '../support/restore-files.ts';

let world: World;
let file: string;

beforeAll(async () => {
  world = await startWorld(
    'restore-again',
    async () => ({
      sources: { shop: postgresSource('db', 'shop', { admin: { credentials: { secret: 'db' } } }) },
      restores: { back: { source: 'shop', inPlace: { confirm: 'test/shop' } } },
    }),
    { settings: ['max_prepared_transactions=5'] },
  );
  const [text = ''] = restoreFiles(loadEnvironment(join(world.dist, '../../config'), 'test').model).values();
  file = join(world.dist, 'back.yaml');
  writeFileSync(file, text);
  expect(verdict(await world.run('shop'))).toMatch(/^complete/);
});

afterAll(() => world?.end());

/** Applies the restore of the values as a user or Argo CD does, and deletes its Job afterwards. */
async function restore(): Promise<JobEnd> {
  await kubectl(['apply', '-f', file]);
  const jobs = ['jobs', '-n', world.namespace, '-l', 'app.kubernetes.io/component=restore'];
  const job = (await kubectl(['get', ...jobs, '-o', 'name'])).trim().replace('job.batch/', '');
  const end = await endOf(world.namespace, job);
  await kubectl(['delete', ...jobs, '--wait=true']);
  return end;
}

async function safetyBackups(): Promise<readonly string[]> {
  const paths = [...(await world.stored()).local.keys()];
  return paths.filter((path) => path.startsWith('shop/pre-restore/') && path.endsWith('.manifest.json')).sort();
}

test('a failed restore that is applied again backs up what was written since, so its old database can be dropped', async () => {
  await world.db.sql(`begin; insert into goods values (501, 'sold since'); prepare transaction 'held'`, 'shop');
  const failed = await restore();
  expect(verdict(failed), failed.log).toMatch(/^failed: .*restore-postgres 75: .*prepared transaction/);
  const first = await safetyBackups();
  expect(first).toHaveLength(1);

  await world.db.sql(`commit prepared 'held'`, 'shop');
  const done = await restore();
  expect(verdict(done), done.log).toMatch(/^complete/);
  expect(await world.db.sql('select max(id) from goods', 'shop')).toBe('500\n');
  expect(await safetyBackups()).toEqual([...first, expect.any(String)]);
  expect(done.log).toMatch(/another Job made the safety backup \S+: making a new one/);
});
