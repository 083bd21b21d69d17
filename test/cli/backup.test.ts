import { load } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { type ClusterPlan, cluster, type PodPlan, pod } from '../support/fake-cluster.ts';
import { backstay, type FakeWorld } from '../support/fake-world.ts';
import { projectFolder, VALUES } from '../support/project-folder.ts';

const WEEKLY = "plans: { default: { tiers: { weekly: { schedule: '@weekly', keep: { weekly: 8 } } } } }\n";
const MANUAL = 'sources: { shop: { plan: none, storages: [local] } }\n';

describe('backup prints the Job', () => {
  const print = async (overlay: string, ...more: string[]) => {
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/prod.yaml': overlay });
    return backstay(['backup', 'prod/shop', ...project.config, ...more]);
  };

  test('of the only tier, for kubectl create, and calls nothing', async () => {
    const { status, stdout, calls } = await print('');
    const job = load(stdout) as { kind: string; metadata: object };
    expect(stdout.split('\n')[0]).toBe('# a manual run, for kubectl create -f -: each time creates another Job');
    expect(job).toMatchObject({ kind: 'Job', metadata: { generateName: 'backup-shop-daily-', namespace: 'backup' } });
    expect(job.metadata).not.toHaveProperty('name');
    expect({ status, calls }).toEqual({ status: 0, calls: [] });
  });

  test('of a source without a schedule, whose tier is once', async () => {
    expect(load((await print(MANUAL)).stdout)).toMatchObject({ metadata: { generateName: 'backup-shop-once-' } });
  });

  test('of the named tier, with the label', async () => {
    const { stdout } = await print(WEEKLY, '--tier', 'weekly', '--label', 'vor dem Umzug nach Köln #4');
    expect(load(stdout)).toMatchObject({ metadata: { generateName: 'backup-shop-weekly-' } });
    expect(stdout).toContain("value: 'vor dem Umzug nach Köln #4'");
  });

  test('only after --tier chooses one of several tiers', async () => {
    const { status, stdout, stderr } = await print(WEEKLY);
    expect(stderr).toBe("error: 'shop' has several tiers\n  HINT: choose one: --tier daily, --tier weekly");
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
  });
});

describe('backup --apply', () => {
  const apply = async (plan: ClusterPlan, world: Omit<FakeWorld, 'kubectl'> = {}) => {
    const project = projectFolder();
    return backstay(['backup', 'prod/shop', '--apply', ...project.config], { kubectl: cluster(plan), ...world });
  };
  const steps = (...plans: readonly PodPlan['steps'][]) => plans.map((plan) => [pod({ steps: plan })]);
  const REPORT = {
    phase: 'publish',
    status: 0,
    reason: 'stored in every storage',
    path: '/storage/local/prod/shop/daily/20261121-120000-hkbdmnrt.manifest.json',
    bytes: 5_242_880,
    seconds: 12,
    runId: 'hkbdmnrt',
    storages: { local: 'committed', offsite: 'committed' },
  };

  test('creates the Job, follows its containers, and reports what was stored', async () => {
    const { status, stdout, stderr, calls, inputs } = await apply({
      pods: steps(
        { 'take-postgres': { waiting: 'PodInitializing' }, publish: { waiting: 'PodInitializing' } },
        { 'take-postgres': 'running', publish: { waiting: 'PodInitializing' } },
        { 'take-postgres': { exit: 0, seconds: 9 }, publish: 'running' },
        { 'take-postgres': { exit: 0, seconds: 9 }, publish: { exit: 0, words: REPORT } },
      ),
      jobEnds: { type: 'Complete' },
    });
    expect(stdout).toMatchInlineSnapshot(`
      "created the Job backup/backup-shop-daily-x7k2p
        take-postgres: running
        take-postgres: done after 9s
        publish: running
        publish: done after 3s
      backup hkbdmnrt, 5.0 MiB, 12s
        manifest: /storage/local/prod/shop/daily/20261121-120000-hkbdmnrt.manifest.json
        local: committed
        offsite: committed"
    `);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(calls[1]).toBe('create --filename - --output json');
    expect(JSON.parse(inputs[1] ?? '')).toMatchObject({ kind: 'Job', metadata: { generateName: 'backup-shop-daily-' } });
  });

  test('a failed copy gives status 10, and the other storages are still reported', async () => {
    const storages = { local: 'committed', offsite: 'failed: access denied: key' };
    const words = { ...REPORT, status: 10, reason: 'degraded: storage offsite: access denied: key', hint: 'look at the key', storages };
    const { status, stdout, stderr } = await apply({
      pods: steps({ 'take-postgres': { exit: 0 }, publish: { exit: 10, words } }),
      jobEnds: { type: 'Failed', reason: 'PodFailurePolicy' },
      logs: { publish: 'line 1\nline 2\n' },
    });
    expect(stdout).toMatchInlineSnapshot(`
      "created the Job backup/backup-shop-daily-x7k2p
        take-postgres: running
        take-postgres: done after 3s
        publish: running
        publish: failed after 3s
      backup hkbdmnrt, 5.0 MiB, 12s
        manifest: /storage/local/prod/shop/daily/20261121-120000-hkbdmnrt.manifest.json
        local: committed
        offsite: failed: access denied: key"
    `);
    expect(stderr).toMatchInlineSnapshot(`
      "  | line 1
        | line 2
      error: publish: degraded: storage offsite: access denied: key
        HINT: look at the key"
    `);
    expect(status).toBe(10);
  });

  test.each([
    [
      'wrong input',
      64,
      { reason: 'no such database: shop', hint: 'look at database:' },
      undefined,
      64,
      'no such database: shop\n  HINT: look at database:',
    ],
    ['no room', 73, { reason: 'no room' }, undefined, 73, 'no room'],
    ['a status that scripts do not use', 2, undefined, undefined, 70, 'Error'],
    ['no memory', 137, undefined, 'OOMKilled', 70, 'OOMKilled\n  HINT: raise pod.resources.limits.memory'],
  ])('a step fails with %s: prints its log and reason, and exits with its status', async (_, exit, words, reason, expected, said) => {
    const { status, stderr } = await apply({
      pods: steps({ 'take-postgres': { exit, words, reason }, publish: { waiting: 'PodInitializing' } }),
      jobEnds: { type: 'Failed' },
      logs: { 'take-postgres': 'error take-postgres: something\n' },
    });
    expect(stderr).toBe(`  | error take-postgres: something\nerror: take-postgres: ${said}`);
    expect(status).toBe(expected);
  });

  test('an evicted pod has no log to show, but says why', async () => {
    const evicted = pod({ phase: 'Failed', reason: 'Evicted', message: 'Usage of EmptyDir volume "work" exceeds the limit "64Mi".' });
    const { status, stderr } = await apply({ pods: [[evicted]], jobEnds: { type: 'Failed', reason: 'BackoffLimitExceeded' } });
    expect(stderr).toBe('error: Evicted: Usage of EmptyDir volume "work" exceeds the limit "64Mi".');
    expect(status).toBe(70);
  });

  test('reports a Job past its deadline, whose pod is gone', async () => {
    const { status, stderr } = await apply({
      pods: [[]],
      jobEnds: { type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' },
    });
    expect(stderr).toMatchInlineSnapshot(`
      "error: DeadlineExceeded: Job was active longer than specified deadline
        HINT: the pod and its log are gone; look at kubectl get events in the namespace"
    `);
    expect(status).toBe(70);
  });

  test('numbers a second attempt, and the last attempt decides', async () => {
    const first = pod({
      name: 'pod-1',
      phase: 'Failed',
      steps: { 'take-postgres': { exit: 69, words: { reason: 'no answer' } }, publish: { waiting: '' } },
    });
    const second = pod({ name: 'pod-2', phase: 'Succeeded', steps: { 'take-postgres': { exit: 0 }, publish: { exit: 0, words: REPORT } } });
    const { status, stdout } = await apply({ pods: [[first], [second, first]], jobEnds: { type: 'Complete' } });
    expect(stdout).toMatchInlineSnapshot(`
      "created the Job backup/backup-shop-daily-x7k2p
        take-postgres: running
        take-postgres: failed after 3s
        take-postgres (attempt 2): running
        take-postgres (attempt 2): done after 3s
        publish (attempt 2): running
        publish (attempt 2): done after 3s
      backup hkbdmnrt, 5.0 MiB, 12s
        manifest: /storage/local/prod/shop/daily/20261121-120000-hkbdmnrt.manifest.json
        local: committed
        offsite: committed"
    `);
    expect(status).toBe(0);
  });

  test('creates nothing if dist/ is not applied', async () => {
    const { status, stderr, calls } = await apply({ pods: [], missing: ['serviceaccount/', 'configmap/backstay-postgres'] });
    expect(stderr.replaceAll(/-[0-9a-f]{8}\b/g, '-HASH')).toMatchInlineSnapshot(`
      "error: missing in the namespace 'backup' of this cluster: serviceaccount/backup-shop, configmap/backstay-postgres-HASH
        HINT: kubectl apply -k dist/prod/keep && kubectl apply -k dist/prod/jobs"
    `);
    expect(status).toBe(69);
    expect(calls.join()).not.toContain('create');
  });

  test('reports a missing namespace, with a hint how to create it', async () => {
    const kubectl = (args: string) =>
      args.startsWith('get')
        ? args.match(/(serviceaccount|configmap)\/\S+/g)?.join('\n')
        : { status: 1, stderr: 'Error from server (NotFound): error when creating "STDIN": namespaces "backup" not found' };
    const project = projectFolder();
    const { status, stderr } = await backstay(['backup', 'prod/shop', '--apply', ...project.config], { kubectl });
    expect(stderr).toMatchInlineSnapshot(`
      "error: not in this cluster: Error from server (NotFound): error when creating "STDIN": namespaces "backup" not found
        HINT: create the namespace or set createNamespace: true. If this is the wrong cluster, set --context"
    `);
    expect(status).toBe(69);
  });

  test.each([
    [
      'no node',
      [pod({ phase: 'Pending', unschedulable: '0/1 nodes are available: 1 Insufficient memory.' })],
      [],
      'no node fits: 0/1 nodes are available: 1 Insufficient memory.',
    ],
    [
      'no claim',
      [pod({ phase: 'Pending', unschedulable: 'persistentvolumeclaim "backup-local" not found' })],
      [],
      'no node fits: persistentvolumeclaim "backup-local" not found',
    ],
    [
      'no Secret',
      [
        pod({
          phase: 'Pending',
          steps: {
            'take-postgres': { waiting: 'CreateContainerConfigError', message: 'secret "shop-db" not found' },
            publish: { waiting: 'PodInitializing' },
          },
        }),
      ],
      [],
      'take-postgres cannot start: CreateContainerConfigError: secret "shop-db" not found',
    ],
    [
      'a volume that hangs',
      [pod({ phase: 'Pending', steps: { publish: { waiting: 'ContainerCreating' } } })],
      [
        { reason: 'FailedMount', message: 'configmap "private-ca" not found', lastTimestamp: '2026-11-21T12:00:09Z' },
        { reason: 'Older', message: 'no matter', lastTimestamp: '2026-11-21T12:00:01Z' },
      ],
      'FailedMount: configmap "private-ca" not found',
    ],
    [
      'no pod at all',
      [],
      [{ reason: 'FailedCreate', message: 'pods "x" is forbidden: exceeded quota' }],
      'FailedCreate: pods "x" is forbidden: exceeded quota',
    ],
  ])('%s: reports why it waits, stops after the timeout, and leaves the Job', async (_, pods, events, why) => {
    const { status, stdout, stderr, calls } = await apply({ pods: [pods], events });
    expect(stdout).toBe(`created the Job backup/backup-shop-daily-x7k2p\n  waiting: ${why}`);
    expect(stderr).toContain(`error: the Job backup/backup-shop-daily-x7k2p did not start within 2m 0s: ${why}`);
    expect(stderr).toContain('to cancel it: kubectl delete job --namespace backup backup-shop-daily-x7k2p');
    expect(status).toBe(69);
    expect(calls.join()).not.toContain('delete');
  });

  test.each([
    ['Ctrl-C', { status: 130, stderr: '' }],
    ['a lost connection', { status: 1, stderr: 'Unable to connect to the server: net/http: TLS handshake timeout' }],
  ])('%s while the Job is created: says how to find out whether it was', async (_, ran) => {
    const known = cluster({ pods: [] });
    const kubectl = (args: string) => (args.startsWith('create') ? ran : known(args, undefined));
    const project = projectFolder();
    const { status, stderr } = await backstay(['backup', 'prod/shop', '--apply', ...project.config], { kubectl });
    expect(stderr).toContain('; kubectl get jobs --namespace backup shows whether the Job was created');
    expect(status).toBe(69);
  });

  test.each([
    ['while kubectl answers', 5],
    ['between two requests', undefined],
  ])('Ctrl-C %s: the Job continues, and the command that stops it is printed', async (_, interruptAt) => {
    const interruption = new AbortController();
    const sleep = async () => interruption.abort();
    const changes = interruptAt === undefined ? { sleep, interrupted: interruption.signal } : {};
    const { status, stderr, calls } = await apply(
      { pods: steps({ 'take-postgres': 'running', publish: { waiting: '' } }) },
      { interruptAt, changes },
    );
    expect(stderr).toBe('the Job continues; to stop it: kubectl delete job --namespace backup backup-shop-daily-x7k2p');
    expect(status).toBe(130);
    expect(calls.join()).not.toContain('delete');
  });
});
