import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresSource } from '../support/cluster/backups.ts';
import { commandLine } from '../support/cluster/command-line.ts';
import { apply, type Json, kubectl, read } from '../support/cluster/kubectl.ts';
import { runsIn, type Stored } from '../support/cluster/stored.ts';
import { until } from '../support/cluster/until.ts';
import { startWorld, type World } from '../support/cluster/world.ts';

/** Planted secret that must not be in any output. */
const PASSWORD = 'wr0ng-Pa$$word "x"';

let world: World;
let backstay: ReturnType<typeof commandLine>;

beforeAll(async () => {
  world = await startWorld('cli', async ({ namespace }) => {
    await apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'wrong', namespace },
      stringData: { username: 'postgres', password: PASSWORD },
    });
    return {
      sources: {
        shop: postgresSource('db', 'shop'),
        wrong: postgresSource('db', 'shop', { credentials: { secret: 'wrong' } }),
        absent: postgresSource('db', 'shop', { credentials: { secret: 'absent' } }),
      },
    };
  });
  backstay = commandLine(world.dist);
});

afterAll(() => world?.end());

const cataloguePods = async (): Promise<readonly string[]> => {
  const { items } = await read(`/api/v1/namespaces/${world.namespace}/pods?labelSelector=app.kubernetes.io/component=catalogue`);
  return items.filter(({ metadata }: Json) => !metadata.deletionTimestamp).map(({ metadata }: Json) => metadata.name);
};

test('secrets --check compares only the names of keys with the cluster', async () => {
  const { status, stdout, stderr } = await backstay(['secrets', 'test', '--check']);
  const { namespace } = world;
  expect(stdout.trimEnd().split('\n')).toEqual([
    `ok       ConfigMap ${namespace}/private-ca`,
    `missing  Secret ${namespace}/absent: keys username, password`,
    `ok       Secret ${namespace}/backup-s3`,
    `ok       Secret ${namespace}/db`,
    `ok       Secret ${namespace}/wrong`,
    'HINT: create them as backstay secrets test prints',
  ]);
  expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
});

describe('a manual backup', () => {
  test('is created, followed to its end, listed in each storage, and shown', async () => {
    const made = await backstay(['backup', 'test/shop', '--apply', '--label', 'before the move']);
    expect(made).toMatchObject({ status: 0, stderr: '' });
    expect(made.stdout).toMatch(
      /take-postgres: done.*\n {2}publish: running\n {2}publish: done.*\nbackup [a-z]{8}, .*\n(.*\n)* {2}local: committed.*\n {2}offsite: committed/,
    );
    const id = /^backup ([a-z]{8}),/m.exec(made.stdout)?.[1] ?? '';

    const table = await backstay(['list', 'test/shop']);
    expect(table).toMatchObject({ status: 0, stderr: '' });
    expect(table.stdout).toMatch(new RegExp(`^\\S+ \\S+ +daily +${id} .* keep: floor, last +before the move\n$`, 'm'));

    const json = await backstay(['list', 'test/shop', '--storage', 'offsite', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject([
      { source: 'shop', tier: 'daily', storage: 'offsite', id, label: 'before the move', pinned: false },
    ]);

    const got = await backstay(['get', 'test/shop', id, '--json']);
    const [run] = runsIn((await world.stored()).local, 'shop/daily');
    expect(JSON.parse(got.stdout)).toEqual(run?.manifest);
  });

  test('list of a source without backups is empty and succeeds', async () => {
    expect(await backstay(['list', 'test/wrong'])).toEqual({ status: 0, stdout: 'nothing is stored\n', stderr: '' });
  });

  test('with a wrong password fails with the status and reason of its step, and prints no secret', async () => {
    const { status, stdout, stderr } = await backstay(['backup', 'test/wrong', '--apply']);
    expect(stderr).toMatch(/^error: take-postgres: .*password/m);
    expect(stderr).toMatch(/^ {2}HINT: /m);
    expect(status).toBe(77);
    expect(stdout + stderr).not.toContain('Pa$$word');
  });

  test('names its missing Secret, and stops waiting', async () => {
    const { status, stdout, stderr } = await backstay(['backup', 'test/absent', '--apply', '--timeout', '15s']);
    expect(stdout).toContain('waiting: take-postgres cannot start: CreateContainerConfigError: secret "absent" not found');
    expect(stderr).toMatch(
      /error: the Job .* did not start within 15s: .*secret "absent" not found\n {2}HINT: list missing Secrets and keys with backstay secrets/,
    );
    expect(status).toBe(69);
  });
});

describe('prune', () => {
  const OLD = ['20260101', '20260102', '20260103', '20260104', '20260105'].map((day) => `${day}-020000-bcdfghjk`);
  /** Names of the backups, taken from their files, because copied manifests have the name of the original. */
  const namesIn = (stored: Stored) => [...stored.keys()].flatMap((path) => /^shop\/daily\/(.*)\.manifest\.json$/.exec(path)?.[1] ?? []).sort();
  const stored = async () => {
    const { local, offsite } = await world.stored();
    return { local: namesIn(local), offsite: namesIn(offsite), files: [...local.keys()] };
  };

  test('--dry-run deletes nothing, and --confirm deletes what no rule keeps, in the named storage only', async () => {
    const folder = '/claims/backup-local/test/shop/daily';
    const copies = OLD.map((name) => `for f in "$new".*; do cp "$f" "${name}\${f#"$new"}"; done`).join('\n');
    await world.desk.sh(`cd ${folder}\nnew=$(ls *.manifest.json)\nnew=\${new%.manifest.json}\n${copies}`);
    const before = await stored();
    expect(before.local).toHaveLength(6);

    const dry = await backstay(['prune', 'test/shop', '--dry-run', '--storage', 'local']);
    expect(dry.stdout).toMatch(/3 of 6 would be deleted; this is a dry run\n$/);
    expect(dry).toMatchObject({ status: 0, stderr: '' });
    expect((await stored()).local).toEqual(before.local);

    const done = await backstay(['prune', 'test/shop', '--confirm', 'test/shop', '--storage', 'local']);
    expect(done.stdout).toMatch(/^local +shop\/daily +3 +0 +0 +0$/m);
    expect(done).toMatchObject({ status: 0, stderr: '' });
    const after = await stored();
    expect(after.local).toEqual(before.local.filter((name) => !OLD.slice(0, 3).includes(name)));
    expect(after.files.filter((path) => OLD.slice(0, 3).some((name) => path.includes(name)))).toEqual([]);
    expect(after.offsite).toEqual(before.offsite);
  });
});

describe('list removes its pod', () => {
  test('after success and after failure', async () => {
    await kubectl([
      'patch',
      'secret',
      'backup-s3',
      '-n',
      world.namespace,
      '--patch',
      JSON.stringify({ stringData: { AWS_SECRET_ACCESS_KEY: 'wrong' } }),
    ]);
    const { status, stderr } = await backstay(['list', 'test/shop', '--storage', 'offsite']);
    expect(stderr).toMatch(/^error: shop\/daily: storage offsite: access denied: .*\n {2}HINT: check the key in the Secret/);
    expect(status).toBe(77);
    expect(await cataloguePods()).toEqual([]);
  });

  test('after Ctrl-C in the middle', async () => {
    let interrupt = () => {};
    const told = backstay(['list', 'test/shop'], (stop) => {
      interrupt = stop;
    });
    await until('the pod of a listing', 60, async () => ((await cataloguePods()).length > 0 ? true : undefined));
    interrupt();
    const { status, stderr } = await told;
    expect(stderr).toContain('error: interrupted');
    expect(status).toBe(130);
    expect(await cataloguePods()).toEqual([]);
  });
});

test('reports an unknown context as an error', async () => {
  const { status, stderr } = await backstay(['list', 'test/shop', '--context', 'elsewhere']);
  expect(stderr).toMatch(/^error: .*elsewhere.*\n {2}HINT: list your contexts with kubectl config get-contexts/);
  expect(status).toBe(69);
});
