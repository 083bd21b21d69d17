import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadEnvironment } from '../../lib/model/load.ts';
import { claim, postgresSource } from '../support/cluster/backups.ts';
import { type Desk, startDesk } from '../support/cluster/desk.ts';
import { endOf } from '../support/cluster/job.ts';
import { apply, kubectl } from '../support/cluster/kubectl.ts';
import { startWorld, verdict, type World } from '../support/cluster/world.ts';
import { restoreFiles } from '../support/restore-files.ts';

const APP_USER = 1000;

let world: World;
let app: Desk;

beforeAll(async () => {
  world = await startWorld('both-kinds', async ({ namespace }) => {
    await apply(claim(namespace, 'app-data'));
    app = await startDesk(namespace, { name: 'app', claims: ['app-data'], user: APP_USER, labels: { app: 'web' } });
    await app.sh('mkdir /claims/app-data/files; echo before >/claims/app-data/files/note');
    const volume = { claim: 'app-data', path: 'files', nextTo: { app: 'web' } };
    return {
      sources: {
        both: { ...postgresSource('db', 'shop', { admin: { credentials: { secret: 'db' } } }), volume, pod: { runAsUser: APP_USER } },
      },
      restores: {
        both: { source: 'both', inPlace: { confirm: 'test/both' }, whileInUse: true },
      },
    };
  });
  expect(verdict(await world.run('both'))).toMatch(/^complete/);
});

afterAll(() => world?.end());

test('a database and its files come back by one kubectl apply of one file', async () => {
  await world.db.sql(`update goods set name = 'changed'`, 'shop');
  await app.sh('echo after >/claims/app-data/files/note');
  const [text = ''] = restoreFiles(loadEnvironment(join(world.dist, '../../config'), 'test').model).values();
  const file = join(world.dist, 'both.yaml');
  writeFileSync(file, text);

  // Not server-side: what people type keeps a copy of each object in an annotation, which has a limit.
  const made = await kubectl(['apply', '-f', file]);
  const end = await endOf(world.namespace, /job\.batch\/(\S+)/.exec(made)?.[1] ?? '');

  expect(verdict(end), end.log).toMatch(/^complete/);
  expect(await world.db.sql(`select count(*) from goods where name = 'changed'`, 'shop')).toBe('0\n');
  expect(await app.sh('cat /claims/app-data/files/note')).toBe('before\n');
});
