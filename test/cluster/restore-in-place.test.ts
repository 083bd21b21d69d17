import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Application, startApplication } from '../support/cluster/application.ts';
import { AWKWARD_FILES, AWKWARD_SQL, fingerprint, LIST_TREE } from '../support/cluster/awkward.ts';
import { claim, postgresSource } from '../support/cluster/backups.ts';
import { commandLine } from '../support/cluster/command-line.ts';
import { startDesk } from '../support/cluster/desk.ts';
import { apply, kubectl } from '../support/cluster/kubectl.ts';
import { startWorld, type World } from '../support/cluster/world.ts';

const APP_USER = 1000;
const LINKS = ['--set', 'volume.links=keep'];

let world: World;
let api: Application;
let web: Application;
let backstay: ReturnType<typeof commandLine>;

beforeAll(async () => {
  world = await startWorld(
    'in-place',
    async ({ namespace }) => {
      await apply(claim(namespace, 'app-data'));
      [api, web] = await Promise.all([
        startApplication(namespace, { name: 'api', replicas: 2 }),
        startApplication(namespace, { name: 'web', claim: 'app-data', user: APP_USER }),
      ]);
      await onDesk(namespace, `mkdir files; cd files\n${AWKWARD_FILES}`);
      return {
        sources: {
          shop: postgresSource('db', 'shop', { admin: { credentials: { secret: 'db' } } }),
          files: { volume: { claim: 'app-data', path: 'files', nextTo: { app: 'web' } }, pod: { runAsUser: APP_USER } },
        },
      };
    },
    { sql: AWKWARD_SQL },
  );
  backstay = commandLine(world.dist);
  const ends = await Promise.all([world.run('shop'), world.run('files')]);
  expect(ends.map(({ complete, log }) => (complete ? '' : log))).toEqual(['', '']);
});

afterAll(() => world?.end());

/** A pod that mounts the application's claim only while a script runs, because no other pod may use it during a restore. */
async function onDesk(namespace: string, script: string): Promise<string> {
  const desk = await startDesk(namespace, { name: 'hand', claims: ['app-data'], user: APP_USER });
  try {
    return await desk.sh(`cd /claims/app-data; ${script}`);
  } finally {
    await kubectl(['delete', 'pod', 'hand', '-n', namespace, '--wait=true']);
  }
}

const databases = async () => (await world.db.sql(`select datname from pg_database where datname like 'shop%' order by 1`)).trim().split('\n');
/** The application's files, without those that restores keep. */
const tree = () =>
  onDesk(
    world.namespace,
    `mkdir aside; mv files/.backstay-* aside 2>/dev/null || :; cd files
    ${LIST_TREE}
    mv ../aside/.backstay-* . 2>/dev/null || :; rmdir ../aside`,
  );
const ours = async () => (await onDesk(world.namespace, 'cd files; ls -A')).split('\n').filter((name) => name.startsWith('.backstay-'));

describe('a database in place', () => {
  let before: string;
  let broken: string;

  beforeAll(async () => {
    before = await fingerprint(world.db, 'shop');
    await world.db.sql('drop table orders cascade; alter database shop connection limit 50;', 'shop');
    broken = await fingerprint(world.db, 'shop');
  });

  test('is replaced while its applications are stopped, and these come back as they were', async () => {
    const told = await backstay(['restore', 'test/shop', '--in-place', '--confirm', 'test/shop', '--scale-down', 'deployment/api', '--apply']);
    expect({ status: told.status, stderr: told.stderr }, told.stdout).toEqual({ status: 0, stderr: '' });
    // Phases in between may be shorter than the time between two looks; guard.test.ts holds their order.
    expect(told.stdout).toContain('  Completed\n');
    expect(await fingerprint(world.db, 'shop')).toBe(before);
    expect(await world.db.sql(`select datconnlimit from pg_database where datname = 'shop'`)).toBe('50\n');
    expect(await databases()).toEqual(['shop', expect.stringMatching(/^shop_before_\d{8}_\d{6}$/)]);
    expect(await api.state()).toEqual({ replicas: 2, available: 2, annotations: [] });
  });

  test('has a pinned safety backup, which no restore takes for the newest backup', async () => {
    const { stdout } = await backstay(['list', 'test/shop', '--json']);
    const [put] = JSON.parse(stdout).filter(({ tier }: { tier: string }) => tier === 'pre-restore');
    expect(put).toMatchObject({ label: 'pre-restore', pinned: true });
    const latest = await backstay(['get', 'test/shop', 'latest', '--json']);
    expect(JSON.parse(latest.stdout).tier).toBe('daily');
  });

  test('comes back as it was before with --swap-back', async () => {
    const told = await backstay(['restore', 'test/shop', '--swap-back', '--confirm', 'test/shop', '--apply']);
    expect({ status: told.status, stderr: told.stderr }, told.stdout).toEqual({ status: 0, stderr: '' });
    expect(await fingerprint(world.db, 'shop')).toBe(broken);
  });

  test('loses its old data for good with a confirmed --drop-old', async () => {
    const told = await backstay(['restore', 'test/shop', '--drop-old', '--confirm', 'test/shop', '--apply']);
    expect({ status: told.status, stderr: told.stderr }, told.stdout).toEqual({ status: 0, stderr: '' });
    expect(await databases()).toEqual(['shop']);
  });
});

describe('a volume in place', () => {
  const inPlace = ['restore', 'test/files', '--in-place', '--confirm', 'test/files', ...LINKS, '--apply'];
  let before: string;

  beforeAll(async () => {
    before = await tree();
    await onDesk(world.namespace, 'cd files; rm -r deep many-1*; echo broken >plain; echo new >new');
  });

  test('is refused while a pod uses the claim, and nothing is stopped or changed', async () => {
    const told = await backstay(inPlace);
    expect(told.status).toBe(64);
    expect(told.stderr).toMatch(/the claim app-data .* is mounted by web-/);
    expect(await web.state()).toEqual({ replicas: 1, available: 1, annotations: [] });
  });

  test('is replaced while its application is stopped, and that comes back', async () => {
    const told = await backstay([...inPlace, '--scale-down', 'deployment/web']);
    expect({ status: told.status, stderr: told.stderr }, told.stdout).toEqual({ status: 0, stderr: '' });
    expect(await web.state()).toEqual({ replicas: 1, available: 1, annotations: [] });
    expect(await tree()).toBe(before);
    expect(await ours()).toEqual([expect.stringMatching(/^\.backstay-before-\d{8}-\d{6}$/), expect.stringMatching(/^\.backstay-restore-[a-z]{8}$/)]);
  });

  test('comes back as it was before with --swap-back', async () => {
    const told = await backstay(['restore', 'test/files', '--swap-back', '--confirm', 'test/files', '--scale-down', 'deployment/web', '--apply']);
    expect({ status: told.status, stderr: told.stderr }, told.stdout).toEqual({ status: 0, stderr: '' });
    expect(await onDesk(world.namespace, 'cd files; cat plain new')).toBe('broken\nnew\n');
  });

  test('loses its old data for good with a confirmed --drop-old', async () => {
    const told = await backstay(['restore', 'test/files', '--drop-old', '--confirm', 'test/files', '--scale-down', 'deployment/web', '--apply']);
    expect({ status: told.status, stderr: told.stderr }, told.stdout).toEqual({ status: 0, stderr: '' });
    expect(await ours()).toEqual([]);
    expect(await onDesk(world.namespace, 'cd files; cat plain new')).toBe('broken\nnew\n');
  });
});
