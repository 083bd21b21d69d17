import { loadAll } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { type ClusterPlan, cluster, pod } from '../support/fake-cluster.ts';
import { backstay, type FakeWorld, type Kubectl } from '../support/fake-world.ts';
import type { Container, Job } from '../support/objects.ts';
import { podOf } from '../support/objects.ts';
import { projectFolder, VALUES } from '../support/project-folder.ts';

/** A ConfigMap for each folder of scripts that a restore needs: lib, storage, and two of PostgreSQL's. */
const SCRIPTS = Array<string>(4).fill('ConfigMap');

const ADMIN = 'sources: { shop: { postgres: { admin: { credentials: { secret: shop-admin } } } } }\n';
const FILES = {
  'config/base.yaml': VALUES,
  'config/prod.yaml': `${ADMIN.trimEnd().slice(0, -2)}, uploads: { volume: { claim: uploads, node: a } } }\n`,
  'config/staging.yaml': 'namespace: staging\n',
};

const run = (...argv: string[]) => backstay(['restore', ...argv, ...projectFolder(FILES).config]);

/** The printed Job, and the variables of one of its containers. */
async function printed(...argv: string[]) {
  const { status, stdout, stderr, calls } = await run('prod/shop', ...argv);
  expect({ status, calls }, stderr).toEqual({ status: 0, calls: [] });
  const job = loadAll(stdout).at(-1) as Job;
  const { initContainers = [], containers } = podOf(job);
  const mark = job.metadata.labels?.['backstay.dev/restore'] ?? '';
  const all: readonly Container[] = [...initContainers, ...containers];
  const told = (step: string, variable: string) => all.find(({ name }) => name === step)?.env.find(({ name }) => name === variable)?.value;
  return { mark, stdout, stderr, told, steps: all.map(({ name }) => name) };
}

describe('restore prints a Job with everything that it needs', () => {
  test('of a copy beside the live data, for kubectl apply, and calls nothing', async () => {
    const { stdout, stderr, mark, told, steps } = await printed();
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      '# a restore of prod/shop that runs once: apply it with kubectl apply -f -, and clean up with',
      `# kubectl delete job,networkpolicy,role,rolebinding,configmap --namespace backup --selector backstay.dev/restore=${mark}`,
    ]);
    expect(loadAll(stdout).map((object) => (object as { kind: string }).kind)).toEqual([...SCRIPTS, 'ServiceAccount', 'NetworkPolicy', 'Job']);
    expect(steps).toEqual(['fetch', 'restore-postgres']);
    expect(told('fetch', 'WANTED')).toBe('latest');
    expect(told('restore-postgres', 'IN_PLACE')).toBe('false');
    expect(stderr).toBe('');
  });

  test('under a new name each time, so that a second one does not change the first', async () => {
    const names = await Promise.all([1, 2].map(async (now) => backstay(['restore', 'prod/shop', ...projectFolder(FILES).config], { now })));
    const [first, second] = names.map(({ stdout }) => (loadAll(stdout).at(-1) as Job).metadata.name);
    expect(first).toMatch(/^restore-shop-[b-df-hj-np-tv]{8}-[0-9a-f]{5}$/);
    expect(second).toMatch(/^restore-shop-[b-df-hj-np-tv]{8}-[0-9a-f]{5}$/);
    expect(first).not.toBe(second);
  });

  test('of the named backup, storage and tier', async () => {
    const { told } = await printed('--at', 'before:2026-11-21T09:30:00Z', '--from', 'offsite', '--tier', 'daily');
    expect(told('fetch', 'WANTED')).toBe('before:1795253400');
    expect(told('fetch', 'STORAGE_1_NAME')).toBe('offsite');
    expect(told('fetch', 'FOLDERS')).toBe('shop/daily');
  });

  test('of another environment', async () => {
    const { told } = await printed('--source', 'staging/shop', '--from', 'offsite');
    expect(told('fetch', 'ORIGIN_ENVIRONMENT')).toBe('staging');
    expect(told('fetch', 'STORAGE_1_REMOTE')).toBe('S1:acme-backups/staging');
  });

  test('in place, with a safety backup first, or with a warning if that is disabled', async () => {
    const inPlace = await printed('--in-place', '--confirm', 'prod/shop');
    expect(inPlace.steps).toEqual(['fetch', 'take-postgres', 'publish', 'restore-postgres']);
    expect(inPlace.told('restore-postgres', 'IN_PLACE')).toBe('true');
    const without = await printed('--in-place', '--confirm', 'prod/shop', '--no-safety-backup');
    expect(without.steps).toEqual(['fetch', 'restore-postgres']);
    expect(without.stderr).toContain('warning: live data is replaced without a safety backup\n  HINT: ');
  });

  test('with each application to stop, and the command that removes the rights in every namespace', async () => {
    const { told, stdout, mark } = await printed(
      ...['--in-place', '--confirm', 'prod/shop', '--scale-down', 'deployment/api', '--scale-down', 'shop/statefulset/queue'],
    );
    expect(told('guard', 'APPLICATIONS')).toBe('backup deployment api\nshop statefulset queue');
    expect(stdout).toContain(` && kubectl delete role,rolebinding --namespace shop --selector backstay.dev/restore=${mark}\n`);
  });

  test('with any other key of the values, set by its path', async () => {
    const { told } = await printed(
      ...['--set', 'postgres.tables=[public.orders, public.items]', '--set', 'postgres.owner={ role: app }', '--set', 'postgres.database=shop_copy'],
      ...['--set', 'postgres.jobs=4', '--set', "scratch.size='1Ti'"],
    );
    expect(told('restore-postgres', 'INCLUDE_TABLES')).toBe('public.orders\npublic.items');
    expect(told('restore-postgres', 'OWNER')).toBe('role:app');
    expect(told('restore-postgres', 'TARGET_DATABASE')).toBe('shop_copy');
    expect(told('restore-postgres', 'RESTORE_JOBS')).toBe('4');
    expect(told('fetch', 'SCRATCH_BYTES')).toBe(String(1024 ** 4));
  });

  test('that undoes a restore in place or drops the old data, without a fetch and without a backup', async () => {
    for (const [flag, action] of [
      ['--swap-back', 'swap-back'],
      ['--drop-old', 'drop-old'],
    ] as const) {
      const { steps, told } = await printed(flag, '--confirm', 'prod/shop');
      expect(steps).toEqual(['restore-postgres']);
      expect(told('restore-postgres', 'RESTORE_ACTION')).toBe(action);
      expect(told('restore-postgres', 'TARGET_DATABASE')).toBe('shop');
    }
  });

  test('of one part, without the settings that other parts need', async () => {
    const { status, stdout } = await run('prod/uploads', '--part', 'volume', '--set', 'volume.paths=[a]');
    expect(status).toBe(0);
    expect(stdout).toContain('name: PATHS');
  });
});

describe('restore refuses', () => {
  test.each<readonly [string, readonly string[], string, string]>([
    ['in place without --confirm', ['--in-place'], 'live data is replaced, so --confirm is required', 'set --confirm prod/shop'],
    [
      'in place with another --confirm',
      ['--in-place', '--confirm', 'prod/crm'],
      "--confirm must be 'prod/shop', got 'prod/crm'",
      'set --confirm prod/shop',
    ],
    ['--swap-back without --confirm', ['--swap-back'], 'live data is replaced, so --confirm is required', 'set --confirm prod/shop'],
    ['--drop-old without --confirm', ['--drop-old'], 'the old data is deleted, so --confirm is required', 'set --confirm prod/shop'],
    ['--confirm for a copy', ['--confirm', 'prod/shop'], '--confirm is set, but --in-place is not', 'add --in-place, or remove --confirm'],
    [
      '--swap-back together with --drop-old',
      ['--swap-back', '--drop-old', '--confirm', 'prod/shop'],
      '--swap-back and --drop-old cannot be combined',
      'run --swap-back first',
    ],
    ['another source by --set', ['--set', 'source=uploads'], "--set source must be 'shop', got 'uploads'", 'backstay restore prod/uploads'],
    [
      'a confirmation of another source by --set',
      ['--set', 'inPlace={ confirm: prod/uploads }'],
      "inPlace.confirm: confirm must be 'prod/shop', got 'prod/uploads'",
      'set confirm: prod/shop',
    ],
    ['--set without a value', ['--set', 'postgres.jobs'], '--set: expected PATH=VALUE, got "postgres.jobs"', '--set postgres.database=shop_copy'],
    ['--set without a path', ['--set', '=5'], '--set: expected PATH=VALUE', '--set postgres.database=shop_copy'],
    ['--set with invalid YAML', ['--set', 'postgres.tables=[a'], '--set: the value is not valid YAML, got "postgres.tables=[a"', 'quote it for YAML'],
    ['an unknown key', ['--set', 'postgres.tabels=[a]'], 'postgres.tabels: unknown key', "did you mean 'tables'?"],
    [
      'a value of the wrong type',
      ['--set', 'postgres.jobs=many'],
      'postgres.jobs: expected a number',
      'Tables and indexes that are restored at a time',
    ],
    ['an unknown storage', ['--from', 'ofsite'], "--from: no tier of source 'shop' uses storage 'ofsite'", "did you mean 'offsite'?"],
    ['an unknown environment', ['--source', 'stagin/shop'], "--source: unknown environment 'stagin'", "did you mean 'staging'?"],
    ['a time without a time zone', ['--at', 'before:2026-11-21'], '--at: expected a time with a time zone', 'use before:'],
    [
      '--scale-down for a copy',
      ['--scale-down', 'deployment/a'],
      '--scale-down: live data does not change',
      'add --in-place, or remove --scale-down',
    ],
    [
      'the name of a kept database without --swap-back or --drop-old',
      ['--set', 'postgres.kept=old'],
      'postgres.kept: kept applies only to --swap-back and --drop-old',
      '--swap-back or --drop-old',
    ],
    ['an application without its kind', ['--scale-down', 'shop'], '--scale-down: expected deployment/NAME', '`deployment/api`'],
    ['a source without its environment', ['--source', 'staging'], '--source: expected an environment and a source', '`prod/shop`'],
    [
      "a claim of another environment's namespace",
      ['--source', 'staging/shop', '--from', 'local'],
      "--source: the claim of storage 'local' is in namespace 'staging'",
      'select another storage with --from',
    ],
    [
      'a backup to swap back to',
      ['--swap-back', '--at', 'hkbdmnrt', '--confirm', 'prod/shop'],
      '--swap-back does not select a backup, so --at has no effect',
      'remove --at, or --swap-back',
    ],
    [
      'a storage to drop from',
      ['--drop-old', '--from', 'offsite', '--confirm', 'prod/shop'],
      '--drop-old does not select a backup, so --from has no effect',
      'remove --from, or --drop-old',
    ],
    ['an unknown part', ['--part', 'volume'], "--part: source 'shop' has no part 'volume'", 'its parts: postgres'],
  ])('%s', async (_, flags, message, hint) => {
    const { status, stdout, stderr, calls } = await run('prod/shop', ...flags);
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
    expect({ status, stdout, calls }).toEqual({ status: 64, stdout: '', calls: [] });
  });

  test('a source without a role that may restore', async () => {
    const { status, stderr } = await run('staging/shop');
    expect(stderr).toContain('postgres: a restore needs a role that may create databases');
    expect(status).toBe(64);
  });

  test('an environment without a source', async () => {
    expect(await run('prod')).toMatchObject({ status: 64, stderr: expect.stringContaining("expected ENVIRONMENT/SOURCE, got 'prod'") });
  });
});

describe('restore --apply', () => {
  const WORDS = { reason: 'restored into shop_restored_bcdfghjk', hint: 'psql shop_restored_bcdfghjk', status: 0 };
  const apply = async (plan: ClusterPlan, more: readonly string[] = [], world: Omit<FakeWorld, 'kubectl'> = {}) =>
    backstay(['restore', 'prod/shop', '--apply', ...more, ...projectFolder(FILES).config], { kubectl: cluster(plan), ...world });

  test('applies what the Job needs and then the Job, follows the steps, and prints the target of each', async () => {
    const { status, stdout, calls, inputs } = await apply({
      pods: [
        [pod({ steps: { fetch: 'running', 'restore-postgres': { waiting: 'PodInitializing' } } })],
        [pod({ steps: { fetch: { exit: 0 }, 'restore-postgres': { exit: 0, words: WORDS } } })],
      ],
      jobEnds: { type: 'Complete' },
    });
    expect(calls.slice(0, 2)).toEqual(['apply --filename -', 'apply --filename -']);
    const [needed, job] = inputs.slice(0, 2).map((list) => JSON.parse(list).items as readonly Job[]);
    expect(needed?.map(({ kind }) => kind)).toEqual([...SCRIPTS, 'ServiceAccount', 'NetworkPolicy']);
    expect(job?.map(({ kind }) => kind)).toEqual(['Job']);
    const { name, labels } = job?.[0]?.metadata ?? {};
    expect(calls[2]).toBe(`get job ${name} --namespace backup --output json`);
    expect(stdout.replaceAll(name ?? '', 'JOB').replaceAll(labels?.['backstay.dev/restore'] ?? '', 'RESTORE')).toMatchInlineSnapshot(`
      "created the Job backup/JOB
        fetch: running
        fetch: done after 3s
        restore-postgres: running
        restore-postgres: done after 3s
      restored into shop_restored_bcdfghjk
        HINT: psql shop_restored_bcdfghjk
      HINT: the Job is kept for its log; remove it with kubectl delete job,networkpolicy,role,rolebinding,configmap --namespace backup --selector backstay.dev/restore=RESTORE"
    `);
    expect(status).toBe(0);
  });

  test('prints the log and the reason of a failed step, exits with its status, and keeps the Job', async () => {
    const words = { reason: 'no backup in shop/daily', hint: 'backstay list prod/shop', status: 64 };
    const { status, stdout, stderr } = await apply({
      pods: [[pod({ steps: { fetch: { exit: 64, words }, 'restore-postgres': { waiting: 'PodInitializing' } } })]],
      jobEnds: { type: 'Failed' },
      logs: { fetch: 'looked\n' },
    });
    expect(stderr).toBe('  | looked\nerror: fetch: no backup in shop/daily\n  HINT: backstay list prod/shop');
    expect(stdout).toContain('HINT: the Job is kept for its log; remove it with kubectl delete job');
    expect(status).toBe(64);
  });

  test('Ctrl-C does not stop the Job, because a half-done restore is worse than a complete one', async () => {
    const { status, stderr, calls } = await apply({ pods: [[pod({ steps: { fetch: 'running' } })]] }, [], { interruptAt: 3 });
    expect(stderr).toMatch(/^the Job continues; to stop it: kubectl delete job --namespace backup restore-shop-\w{8}-[0-9a-f]{5}$/);
    expect(calls.filter((call) => call.includes('delete'))).toEqual([]);
    expect(status).toBe(130);
  });

  test('retries if another restore creates the ConfigMap of the scripts at the same time', async () => {
    const plan = cluster({ pods: [[pod({ steps: { fetch: { exit: 0 } } })]], jobEnds: { type: 'Complete' } });
    const invalid = ['Error from server (AlreadyExists): configmaps "backup-scripts" already exists'];
    const kubectl: Kubectl = (args, input) => {
      const stderr = args.startsWith('apply') ? invalid.pop() : undefined;
      return stderr === undefined ? plan(args, input) : { status: 1, stderr };
    };
    const { status, calls, inputs } = await backstay(['restore', 'prod/shop', '--apply', ...projectFolder(FILES).config], { kubectl });
    expect(calls.slice(0, 2)).toEqual(['apply --filename -', 'apply --filename -']);
    expect(inputs[1]).toBe(inputs[0]);
    expect(status).toBe(0);
  });

  test('retries only once', async () => {
    const { status, calls } = await backstay(['restore', 'prod/shop', '--apply', ...projectFolder(FILES).config], {
      kubectl: () => ({ status: 1, stderr: 'Error from server (AlreadyExists): configmaps "backup-scripts" already exists' }),
    });
    expect(calls).toHaveLength(2);
    expect(status).toBe(69);
  });

  test('reports an error of kubectl, and follows no Job', async () => {
    const { status, stderr, calls } = await backstay(['restore', 'prod/shop', '--apply', ...projectFolder(FILES).config], {
      kubectl: () => ({ status: 1, stderr: 'Error from server (Forbidden): jobs.batch is forbidden' }),
    });
    expect(stderr).toContain('error: not allowed: ');
    expect(calls).toHaveLength(1);
    expect(status).toBe(69);
  });

  test.each([
    ['what the Job needs', 1],
    ['the Job', 2],
  ])('%s is refused after something was made: no Job runs, and what gives rights is taken back', async (_, call) => {
    const made = { stdout: 'role.rbac.authorization.k8s.io/restore-shop created\n' };
    const refused = { status: 1, stderr: 'Error from server (NotFound): namespaces "shop" not found' };
    let applied = 0;
    const kubectl: Kubectl = (args) => {
      if (!args.startsWith('apply')) return refused;
      applied += 1;
      return applied < call ? made : { ...made, ...refused };
    };
    const stop = ['--in-place', '--confirm', 'prod/shop', '--scale-down', 'shop/deployment/web'];
    const { status, stderr, calls, inputs } = await backstay(['restore', 'prod/shop', '--apply', ...stop, ...projectFolder(FILES).config], {
      kubectl,
    });
    expect(stderr).toContain('error: not in this cluster: Error from server (NotFound): namespaces "shop" not found\n  HINT: ');
    expect(inputs.slice(0, call).map((list) => list.includes('"kind":"Job"'))).toEqual([false, true].slice(0, call));
    const mark = calls[call]?.split(' ').at(-1);
    expect(mark).toMatch(/^backstay.dev\/restore=restore-shop-[a-z]{8}$/);
    expect(calls.slice(call)).toEqual([
      `delete job,networkpolicy,role,rolebinding,configmap --namespace backup --selector ${mark}`,
      `delete role,rolebinding --namespace shop --selector ${mark}`,
    ]);
    expect(status).toBe(69);
  });

  test('passes --context to every call of kubectl', async () => {
    const { calls } = await apply({ pods: [[pod({ steps: { fetch: { exit: 0 } } })]], jobEnds: { type: 'Complete' } }, ['--context', 'other']);
    expect(calls.filter((call) => !call.startsWith('--context other '))).toEqual([]);
  });
});
