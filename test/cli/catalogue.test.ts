import { describe, expect, test } from 'vitest';
import { type ClusterPlan, cluster, pod } from '../support/fake-cluster.ts';
import { backstay, type FakeWorld } from '../support/fake-world.ts';
import { MANIFEST } from '../support/manifest.ts';
import { projectFolder, VALUES } from '../support/project-folder.ts';

const TWO_TIERS = "plans: { default: { tiers: { weekly: { schedule: '@weekly', storages: [offsite], keep: { weekly: 8 } } } } }\n";

/** The manifest of a run that took 12 seconds. */
function manifestText(name: string, more: Readonly<Record<string, unknown>> = {}): string {
  const start = name.replace(/^(....)(..)(..)-(..)(..)(..)-.*/, '$1-$2-$3T$4:$5:$6Z');
  return JSON.stringify({ ...MANIFEST, label: undefined, name, runId: name.slice(-8), start, end: start.replace('00Z', '12Z'), ...more });
}

/** What catalogue.sh prints of one backup. */
function listed(name: string, { pinned = '-', verified = '-', manifest = manifestText(name), verification = '', next = 'keep daily' } = {}): string {
  const lines = [
    `backup ${name} ${pinned} ${verified} ${manifest}`,
    verification && `verification ${name} ${verification}`,
    next && `next ${name} ${next}`,
  ];
  return lines.map((line) => line && `${line}\n`).join('');
}

/** A record as record.sh leaves it. */
function verificationText(name: string, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ version: 'backstay/v1', name, verified: '2026-11-24T05:00:12Z', seconds: 192, storage: 'local', parts: [], ...more });
}

/** Runs of the last days, the newest first: `20261121-020000-hkbdmnr…`. */
const NAMES = Array.from({ length: 12 }, (_, index) => {
  const day = new Date(Date.UTC(2026, 10, 21 - index)).toISOString().slice(0, 10).replaceAll('-', '');
  return `${day}-020000-bcdfghj${'kmnpqrstvbcd'[index]}`;
});

const DONE: ClusterPlan['pods'] = [
  [pod({ phase: 'Pending' })],
  [pod({ phase: 'Running', steps: { daily: 'running' } })],
  [pod({ phase: 'Succeeded' })],
];

async function run(
  argv: readonly string[],
  plan: ClusterPlan,
  { overlay = '', ...world }: Omit<FakeWorld, 'kubectl'> & { readonly overlay?: string } = {},
) {
  const project = projectFolder({ 'config/base.yaml': VALUES, 'config/prod.yaml': overlay });
  return backstay([...argv, ...project.config], { kubectl: cluster(plan), ...world });
}

describe('list', () => {
  const logs = {
    daily: [
      '2026-11-21T12:00:01Z info catalogue: something for the log\n',
      listed(NAMES[0]!, {
        manifest: manifestText(NAMES[0]!, { label: 'before the move', bytes: 5_242_880 }),
        next: 'keep atLeast,daily,weekly',
      }),
      listed(NAMES[1]!, { manifest: '{"version":"backstay/v1","envi', next: 'keep atLeast,daily' }),
      listed(NAMES[2]!, { next: 'keep future' }),
      ...NAMES.slice(3, 6).map((name) => listed(name)),
      listed(NAMES[6]!, { next: 'keep no rule' }),
      ...NAMES.slice(7, 10).map((name) => listed(name, { next: 'delete -' })),
      listed(NAMES[10]!, { verified: 'verified', verification: verificationText(NAMES[10]!), next: 'keep verified' }),
      listed(NAMES[11]!, { pinned: 'pinned', next: 'keep pinned' }),
    ].join(''),
  };

  test('shows time, tier, id, size, duration, pin, label, and what retention will do next', async () => {
    const { status, stdout, stderr } = await run(['list', 'prod/shop'], { pods: DONE, logs });
    expect(stdout).toMatchInlineSnapshot(`
      "WHEN (UTC)           TIER   ID                        SIZE      TOOK  PINNED  VERIFIED             NEXT                        LABEL
      2026-11-21 02:00:00  daily  bcdfghjk                  5.0 MiB   12s   -       -                    keep: floor, daily, weekly  before the move
      ?                    daily  20261120-020000-bcdfghjm  ?         ?     -       -                    keep: floor, daily          unreadable manifest
      2026-11-19 02:00:00  daily  bcdfghjn                  11.0 KiB  12s   -       -                    keep: name from the future
      2026-11-18 02:00:00  daily  bcdfghjp                  11.0 KiB  12s   -       -                    keep: daily
      2026-11-17 02:00:00  daily  bcdfghjq                  11.0 KiB  12s   -       -                    keep: daily
      2026-11-16 02:00:00  daily  bcdfghjr                  11.0 KiB  12s   -       -                    keep: daily
      2026-11-15 02:00:00  daily  bcdfghjs                  11.0 KiB  12s   -       -                    keep: no rule
      2026-11-14 02:00:00  daily  bcdfghjt                  11.0 KiB  12s   -       -                    delete
      2026-11-13 02:00:00  daily  bcdfghjv                  11.0 KiB  12s   -       -                    delete
      2026-11-12 02:00:00  daily  bcdfghjb                  11.0 KiB  12s   -       -                    delete
      2026-11-11 02:00:00  daily  bcdfghjc                  11.0 KiB  12s   -       2026-11-24 05:00:12  keep: verified
      2026-11-10 02:00:00  daily  bcdfghjd                  11.0 KiB  12s   yes     -                    keep: pinned"
    `);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('--json has the same facts', async () => {
    const { stdout } = await run(['list', 'prod/shop', '--json'], { pods: DONE, logs });
    const rows = JSON.parse(stdout);
    expect(rows).toHaveLength(12);
    expect(rows[0]).toEqual({
      environment: 'prod',
      source: 'shop',
      tier: 'daily',
      storage: 'local',
      name: NAMES[0],
      id: 'bcdfghjk',
      start: '2026-11-21T02:00:00Z',
      end: '2026-11-21T02:00:12Z',
      seconds: 12,
      bytes: 5_242_880,
      label: 'before the move',
      pinned: false,
      verified: false,
      next: { keep: true, why: ['atLeast', 'daily', 'weekly'] },
    });
    expect(rows[1]).toEqual({
      environment: 'prod',
      source: 'shop',
      tier: 'daily',
      storage: 'local',
      name: NAMES[1],
      pinned: false,
      verified: false,
      next: { keep: true, why: ['atLeast', 'daily'] },
    });
  });

  test('--json has the time and the duration of a verification', async () => {
    const { stdout } = await run(['list', 'prod/shop', '--json'], { pods: DONE, logs });
    expect(JSON.parse(stdout)[10]).toMatchObject({ name: NAMES[10], verified: true, verifiedAt: '2026-11-24T05:00:12Z', verifiedSeconds: 192 });
  });

  test.each([
    ['that an older script does not print', ''],
    ['that is truncated', '{"version":"backstay/v1","na'],
    ['of another version', verificationText(NAMES[0]!, { version: 'backstay/v2' })],
    ['of another backup', verificationText(NAMES[1]!)],
    ['without a time', verificationText(NAMES[0]!, { verified: 'yesterday' })],
  ])('shows yes instead of a time for a verification record %s', async (_, verification) => {
    const plan = { pods: DONE, logs: { daily: listed(NAMES[0]!, { verified: 'verified', verification }) } };
    expect((await run(['list', 'prod/shop'], plan)).stdout.split('\n')[1]).toMatch(/ +- +yes +keep: daily/);
    const [row] = JSON.parse((await run(['list', 'prod/shop', '--json'], plan)).stdout);
    expect(row).toMatchObject({ verified: true });
    expect(row).not.toHaveProperty('verifiedAt');
    expect((await run(['get', 'prod/shop', 'bcdfghjk'], plan)).stdout).toMatch(/^verified +yes$/m);
  });

  test('shows what retention would delete but may not, because one run may not delete that many', async () => {
    const daily = NAMES.map((name, index) => listed(name, { next: index < 3 ? 'keep last' : 'refused -' })).join('');
    const { stdout } = await run(['list', 'prod/shop'], { pods: DONE, logs: { daily } });
    expect(stdout.match(/delete, blocked by atMostDeleted: backstay prune/g)).toHaveLength(9);
    const json = JSON.parse((await run(['list', 'prod/shop', '--json'], { pods: DONE, logs: { daily } })).stdout);
    expect(json.map(({ next }: { next: object }) => next).slice(2, 4)).toEqual([
      { keep: true, why: ['last'] },
      { keep: false, refused: true },
    ]);
  });

  test('shows unknown, and warns once, if the scripts in the cluster are older and do not report what retention will do', async () => {
    const daily = NAMES.slice(0, 2)
      .map((name) => listed(name, { next: '' }))
      .join('');
    const { status, stdout, stderr } = await run(['list', 'prod/shop'], { pods: DONE, logs: { daily } });
    expect(stdout.match(/ unknown$/gm)).toHaveLength(2);
    expect(stderr).toBe(
      'warning: the scripts in the cluster are older and do not report what retention will do\n  HINT: kubectl apply -k dist/prod/keep',
    );
    expect(status).toBe(0);
    const [row] = JSON.parse((await run(['list', 'prod/shop', '--json'], { pods: DONE, logs: { daily } })).stdout);
    expect(row).toMatchObject({ name: NAMES[0] });
    expect(row).not.toHaveProperty('next');
  });

  test('lists an environment with one pod for each source, and names the source', async () => {
    const overlay = 'sources: { orders: { postgres: { host: db, database: orders, version: 17, credentials: { secret: shop-db } } } }\n';
    const { stdout, calls } = await run(['list', 'prod'], { pods: [[pod({ phase: 'Succeeded' })]], logs: { daily: listed(NAMES[0]!) } }, { overlay });
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/)[0])).toEqual(['SOURCE', 'orders', 'shop']);
    expect(calls.filter((call) => call.startsWith('create'))).toHaveLength(2);
  });

  test('says so if nothing is stored', async () => {
    expect((await run(['list', 'prod'], { pods: DONE })).stdout).toBe('nothing is stored');
    expect((await run(['list', 'prod', '--json'], { pods: DONE })).stdout).toBe('[]');
  });

  test('runs a pod with the service account of the source, under a name chosen beforehand', async () => {
    const { calls, inputs } = await run(['list', 'prod/shop', '--storage', 'offsite', '--context', 'other'], { pods: DONE }, { changes: {} });
    expect(calls.map((call) => call.replace(/-[0-9a-f]{8}\b/g, '-HASH'))).toMatchInlineSnapshot(`
      [
        "--context other get serviceaccount/backup-shop configmap/backstay-lib-HASH configmap/backstay-storage-HASH --namespace backup --ignore-not-found --output name",
        "--context other create --filename -",
        "--context other get pod backup-shop-catalogue-wqcvpc0 --namespace backup --output json",
        "--context other get pod backup-shop-catalogue-wqcvpc0 --namespace backup --output json",
        "--context other get pod backup-shop-catalogue-wqcvpc0 --namespace backup --output json",
        "--context other logs backup-shop-catalogue-wqcvpc0 --namespace backup --container daily",
        "--context other logs backup-shop-catalogue-wqcvpc0 --namespace backup --container pre-restore",
        "--context other delete pod backup-shop-catalogue-wqcvpc0 --namespace backup --ignore-not-found --wait=false",
      ]
    `);
    const { kind, metadata, spec } = JSON.parse(inputs[1] ?? '');
    expect({ kind, name: metadata.name, account: spec.serviceAccountName }).toEqual({
      kind: 'Pod',
      name: expect.stringMatching(/^backup-shop-catalogue-[a-z0-9]{7}$/),
      account: 'backup-shop',
    });
    const env = Object.fromEntries(spec.containers[0].env.map(({ name, value }: { name: string; value: string }) => [name, value]));
    expect(env).toMatchObject({ ACTION: 'list', STORAGE: 'offsite', FOLDER: 'shop/daily' });
  });

  test('asks only the tiers that have the storage', async () => {
    const both = await run(['list', 'prod/shop', '--storage', 'offsite'], { pods: DONE }, { overlay: TWO_TIERS });
    expect(both.inputs.flatMap((input) => (input ? JSON.parse(input).spec.containers.map(({ name }: { name: string }) => name) : []))).toEqual([
      'daily',
      'weekly',
      'pre-restore',
    ]);
    const one = await run(['list', 'prod/shop', '--storage', 'local'], { pods: DONE }, { overlay: TWO_TIERS });
    expect(one.inputs.flatMap((input) => (input ? JSON.parse(input).spec.containers.map(({ name }: { name: string }) => name) : []))).toEqual([
      'daily',
      'pre-restore',
    ]);
  });
});

describe('deletes the pod', () => {
  const words = { reason: 'storage local: access denied: InvalidAccessKeyId', hint: 'check the key in the Secret' };
  const failed = [[pod({ phase: 'Failed', steps: { daily: { exit: 77, words } } })]];
  const hanging = (plan: Parameters<typeof pod>[0]) => [[pod({ phase: 'Pending', ...plan })]];

  test.each<[string, ClusterPlan, Omit<FakeWorld, 'kubectl'>, number, string]>([
    ['when it succeeds', { pods: DONE }, {}, 0, ''],
    ['when it fails', { pods: failed }, {}, 77, 'shop/daily: storage local: access denied: InvalidAccessKeyId\n  HINT: check the key in the Secret'],
    [
      'when it hangs before it starts',
      { pods: hanging({ unschedulable: '0/3 nodes are available: 3 node(s) had volume node affinity conflict.' }) },
      {},
      69,
      'the pod did not start within 2m 0s: no node fits: 0/3 nodes are available: 3 node(s) had volume node affinity conflict.',
    ],
    [
      'when a Secret is missing',
      { pods: hanging({ steps: { daily: { waiting: 'CreateContainerConfigError', message: 'secret "backup-s3" not found' } } }) },
      {},
      69,
      'the pod did not start within 2m 0s: daily cannot start: CreateContainerConfigError: secret "backup-s3" not found\n  HINT: list missing Secrets and keys with backstay secrets ENVIRONMENT --check',
    ],
    [
      'when only events give the reason',
      { pods: hanging({}), events: [{ reason: 'FailedMount', message: 'MountVolume.SetUp failed' }] },
      {},
      69,
      'the pod did not start within 2m 0s: FailedMount: MountVolume.SetUp failed',
    ],
    ['when it never finishes', { pods: hanging({ phase: 'Running', steps: { daily: 'running' } }) }, {}, 69, 'the pod did not finish within 2m 0s'],
    ['on Ctrl-C while it is created', { pods: DONE }, { interruptAt: 2 }, 130, 'interrupted'],
    ['on Ctrl-C while it runs', { pods: DONE }, { interruptAt: 4 }, 130, 'interrupted'],
  ])('%s', async (_, plan, world, expected, message) => {
    const { status, stderr, calls } = await run(['list', 'prod/shop'], plan, world);
    const errors = stderr.slice(Math.max(0, stderr.indexOf('error: ')));
    expect(errors).toContain(message === '' ? '' : `error: ${message}`);
    expect(status).toBe(expected);
    expect(calls.at(-1)).toMatch(/^delete pod backup-shop-catalogue-\w{7} --namespace backup --ignore-not-found --wait=false$/);
  });

  test('when the answer to its creation is lost, by the name that it was given', async () => {
    const kubectl = (args: string) => {
      if (args.startsWith('create')) return { status: 1, stderr: 'Unable to connect to the server: net/http: TLS handshake timeout' };
      return cluster({ pods: DONE })(args, undefined);
    };
    const project = projectFolder();
    const { status, calls } = await backstay(['list', 'prod/shop', ...project.config], { kubectl });
    expect(calls.at(-1)).toContain('delete pod backup-shop-catalogue-');
    expect(status).toBe(69);
  });

  test('reports an obstacle immediately, and only once', async () => {
    const pods = hanging({ unschedulable: 'no room' });
    const { stderr } = await run(['list', 'prod/shop'], { pods });
    expect(stderr.split('\n').filter((line) => line.startsWith('waiting'))).toEqual(['waiting: no node fits: no room']);
  });

  test('creates no pod if nothing is applied, and hints at the command', async () => {
    const { status, stdout, stderr, calls } = await run(['list', 'prod'], { pods: [], missing: ['serviceaccount/'] });
    expect(stderr).toBe(
      "error: missing in the namespace 'backup' of this cluster: serviceaccount/backup-shop\n  HINT: kubectl apply -k dist/prod/keep && kubectl apply -k dist/prod/jobs",
    );
    expect({ status, stdout }).toEqual({ status: 69, stdout: '' });
    expect(calls.join()).not.toContain('create');
  });

  test('shows the other sources if one fails', async () => {
    const overlay = 'sources: { orders: { postgres: { host: db, database: orders, version: 17, credentials: { secret: shop-db } } } }\n';
    const plan = { pods: [[pod({ phase: 'Succeeded' })]], logs: { daily: listed(NAMES[0]!) }, missing: ['serviceaccount/backup-orders'] };
    const { status, stdout, stderr } = await run(['list', 'prod'], plan, { overlay });
    expect(stdout).toContain('bcdfghjk');
    expect(stderr).toContain('serviceaccount/backup-orders');
    expect(status).toBe(69);
  });
});

describe('get', () => {
  const logs = { daily: listed(NAMES[0]!, { pinned: 'pinned', manifest: manifestText(NAMES[0]!, { label: 'before the move' }) }) };

  test('shows what the manifest says, and where the files are', async () => {
    const { status, stdout, inputs } = await run(['get', 'prod/shop', 'bcdfghjk'], { pods: DONE, logs });
    expect(stdout).toMatchInlineSnapshot(`
      "id          bcdfghjk
      name        20261121-020000-bcdfghjk
      tier        daily
      label       before the move
      start       2026-11-21 02:00:00 UTC
      took        12s
      size        11.0 KiB
      job         backup-shop-daily-1
      pinned      yes
      verified    no
      storage     local
      folder      claim backup-local: prod/shop/daily
      part shop   database shop of PostgreSQL 17.11; custom, zstd; pg_dump 17.11
      part files  claim uploads, 3 entries; tar, none; tar 1.34

      FILE                                SIZE      SHA-256
      20261121-093000-bcdfghjk.dump       1000 B    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
      20261121-093000-bcdfghjk.files.tar  10.0 KiB  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    `);
    expect(status).toBe(0);
    expect(inputs.join()).toContain('{"name":"ACTION","value":"get"},{"name":"RUN_ID_WANTED","value":"bcdfghjk"}');
  });

  test('shows when it was verified, and how long that took', async () => {
    const daily = listed(NAMES[0]!, { verified: 'verified', verification: verificationText(NAMES[0]!) });
    const { stdout } = await run(['get', 'prod/shop', 'bcdfghjk'], { pods: DONE, logs: { daily } });
    expect(stdout).toMatch(/^verified +2026-11-24 05:00:12 UTC, took 3m 12s$/m);
  });

  test('of a bucket it names bucket and prefix', async () => {
    const { stdout } = await run(['get', 'prod/shop', 'bcdfghjk', '--storage', 'offsite'], { pods: DONE, logs });
    expect(stdout).toContain('folder      acme-backups/prod/shop/daily\n');
  });

  test('--json prints the manifest unchanged', async () => {
    const { stdout } = await run(['get', 'prod/shop', NAMES[0]!, '--json'], { pods: DONE, logs });
    expect(JSON.parse(stdout)).toEqual(JSON.parse(manifestText(NAMES[0]!, { label: 'before the move' })));
  });

  test('latest is the newest backup with a readable manifest', async () => {
    const daily = [listed(NAMES[0]!, { manifest: '{"version":"backstay/v1","envi' }), listed(NAMES[1]!), listed(NAMES[2]!)].join('');
    const { stdout, inputs } = await run(['get', 'prod/shop', 'latest', '--json'], { pods: DONE, logs: { daily } });
    expect(JSON.parse(stdout).name).toBe(NAMES[1]);
    expect(inputs.join()).toContain('{"name":"ACTION","value":"list"}');
  });

  test.each([
    ['an id that is not there', 'zzzzzzzz', '', "no backup 'zzzzzzzz' of prod/shop\n  HINT: backstay list prod/shop lists the ids"],
    ['latest of nothing', 'latest', '', 'nothing is stored of prod/shop\n  HINT: backstay list prod/shop lists the ids'],
    [
      'a manifest that is broken',
      NAMES[0]!,
      listed(NAMES[0]!, { manifest: '{"version":"backstay/v1","envi' }),
      `the manifest of ${NAMES[0]} cannot be read\n  HINT: another storage may hold a good copy of it: --storage NAME`,
    ],
    ['what is no id', '.*', '', `id: not an id, got ".*"\n  HINT: give a run id of 8 letters, a backup's name, or latest`],
  ])('%s', async (_, id, daily, message) => {
    const { status, stdout, stderr } = await run(['get', 'prod/shop', id], { pods: DONE, logs: { daily } });
    expect(stderr).toBe(`error: ${message}`);
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
  });
});

describe('prune', () => {
  const judged = (storage: string, name: string, action: string, why: string) => `${storage} shop/daily ${name} ${action} ${why}\n`;
  const plan = [
    judged('local', NAMES[0]!, 'keep', 'atLeast,daily'),
    judged('local', NAMES[9]!, 'delete', 'no rule keeps it'),
    judged('offsite', NAMES[10]!, 'sweep', 'never committed'),
  ].join('');
  const envOf = (inputs: readonly string[]) =>
    Object.fromEntries(JSON.parse(inputs[1] ?? '').spec.containers[0].env.map(({ name, value }: { name: string; value: string }) => [name, value]));

  test('--dry-run shows what would be deleted, and why the rest is kept', async () => {
    const { status, stdout, inputs } = await run(['prune', 'prod/shop', '--dry-run'], { pods: DONE, logs: { daily: plan } });
    expect(stdout).toMatchInlineSnapshot(`
      "STORAGE  FOLDER      NAME                      NEXT    WHY
      local    shop/daily  20261121-020000-bcdfghjk  keep    atLeast, daily
      local    shop/daily  20261112-020000-bcdfghjb  delete  no rule keeps it
      offsite  shop/daily  20261111-020000-bcdfghjc  delete  never committed
      2 of 3 would be deleted; this is a dry run"
    `);
    expect(status).toBe(0);
    expect(envOf(inputs)).toMatchObject({ ACTION: 'prune', DRY_RUN: 'true' });
    expect(envOf(inputs)).not.toHaveProperty('CONFIRM');
  });

  test('--confirm deletes, and reports what the store did', async () => {
    const done = 'local shop/daily: 9 pruned, 1 retained by the store, 0 only hidden, 0 swept';
    const hidden = 'offsite shop/daily: 4 pruned, 0 retained by the store, 4 only hidden, 1 swept';
    const daily = `${plan}${done}\n${hidden}\n`;
    const { status, stdout, inputs } = await run(['prune', 'prod/shop', '--confirm', 'prod/shop'], { pods: DONE, logs: { daily } });
    expect(stdout).toMatchInlineSnapshot(`
      "STORAGE  FOLDER      PRUNED  SWEPT  RETAINED  HIDDEN
      local    shop/daily  9       0      1         0
      offsite  shop/daily  4       1      0         4
      retained: the store refused to delete them; they still count as backups
      hidden: the bucket keeps versions; they are stored, and cost money, until its lifecycle removes them"
    `);
    expect(status).toBe(0);
    expect(envOf(inputs)).toMatchObject({ ACTION: 'prune', DRY_RUN: 'false', CONFIRM: 'prod/shop' });
  });

  test('says so if nothing is stored', async () => {
    expect((await run(['prune', 'prod/shop', '--dry-run'], { pods: DONE })).stdout).toBe('nothing is stored');
  });

  test.each([
    ['neither option', [], 'expected --dry-run or --confirm'],
    ['another name', ['--confirm', 'prod/shp'], "--confirm must be 'prod/shop', got 'prod/shp'"],
    ['another environment', ['--confirm', 'dev/shop'], "--confirm must be 'prod/shop', got 'dev/shop'"],
  ])('rejects %s before it contacts the cluster', async (_, argv, message) => {
    const { status, stderr, calls } = await run(['prune', 'prod/shop', ...argv], { pods: DONE });
    expect(stderr).toBe(`error: ${message}\n  HINT: run it with --dry-run first, then with --confirm prod/shop to delete`);
    expect({ status, calls }).toEqual({ status: 64, calls: [] });
  });

  test('rejects both options together', async () => {
    const { status, stderr } = await run(['prune', 'prod/shop', '--dry-run', '--confirm', 'prod/shop'], { pods: DONE });
    expect(stderr).toContain('--dry-run and --confirm exclude each other');
    expect(status).toBe(64);
  });
});
