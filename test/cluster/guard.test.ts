import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scriptFiles, scriptText } from '../../lib/scripts.ts';
import { IMAGES } from '../../lib/sources/images.ts';
import { type Application, startApplication } from '../support/cluster/application.ts';
import { claim } from '../support/cluster/backups.ts';
import { endOf, podsOf } from '../support/cluster/job.ts';
import { kill, logged } from '../support/cluster/kill.ts';
import { apply, type Json, kubectl, read } from '../support/cluster/kubectl.ts';
import { freshNamespace, type Namespace, restrictedContainer, restrictedPod } from '../support/cluster/namespace.ts';
import { until } from '../support/cluster/until.ts';

/** Namespaces of the guard's pods and of the applications. */
let here: Namespace;
let shop: Namespace;

const RULES = [
  { apiGroups: ['apps'], resources: ['deployments', 'statefulsets'], verbs: ['get', 'list', 'patch'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: ['list'] },
];

beforeAll(async () => {
  [here, shop] = await Promise.all([freshNamespace('guard'), freshNamespace('guarded')]);
  const files = ['lib', 'restore', 'guard'].flatMap(scriptFiles);
  const data = Object.fromEntries(files.map((file) => [file, scriptText(file)]));
  await apply(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'scripts', namespace: here.name }, data },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'restore', namespace: here.name } },
    ...role('restore', shop.name, RULES),
    ...role('restore', here.name, [
      { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
      { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'patch'] },
    ]),
  );
});

afterAll(() => Promise.all([here?.end(), shop?.end()]));

function role(name: string, namespace: string, rules: readonly Json[], account = 'restore'): readonly Json[] {
  return [
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name, namespace }, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name, namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace: here.name }],
    },
  ];
}

interface Restore {
  readonly name: string;
  /** Environment of the guard. */
  readonly env: Readonly<Record<string, string>>;
  /** Script of the only step of the restore. */
  readonly body?: string;
  readonly account?: string;
  readonly attempts?: number;
}

/** A Job like that of a restore: a guard in the kubectl image beside a step. */
async function startRestore({ name, env, body = 'echo new >/work/run/state-data', account = 'restore', attempts = 1 }: Restore): Promise<void> {
  const mounts = [
    { name: 'work', mountPath: '/work' },
    { name: 'scripts', mountPath: '/scripts', readOnly: true },
  ];
  const variables = (all: Readonly<Record<string, string>>) => Object.entries(all).map(([key, value]) => ({ name: key, value }));
  const container = (more: Json) => ({ securityContext: { ...restrictedContainer, readOnlyRootFilesystem: true }, volumeMounts: mounts, ...more });
  const token = {
    name: 'token',
    projected: {
      sources: [
        { serviceAccountToken: { path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
      ],
    },
  };
  const ours = {
    NAMESPACE: here.name,
    RESTORE_ID: 'bcdfghjk',
    JOB_NAME: name,
    TURN_LAST: 'restore-data',
    STATES: 'data',
    STOP_WAIT_SECONDS: '60',
    START_WAIT_SECONDS: '60',
    GRACE_SECONDS: '30',
    PATH: '/shell:/bin',
    WORK_DIR: '/work',
    ...env,
  };
  const script = `mkdir -p /work/run\n${body}\n`;
  await apply(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${name}-step`, namespace: here.name }, data: { 'step.sh': script } },
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name, namespace: here.name },
      spec: {
        backoffLimit: attempts - 1,
        template: {
          spec: {
            restartPolicy: 'Never',
            serviceAccountName: account,
            automountServiceAccountToken: false,
            terminationGracePeriodSeconds: 30,
            securityContext: restrictedPod(999),
            initContainers: [
              container({
                name: 'shell',
                image: IMAGES.shell,
                command: ['sh', '/scripts/install-shell.sh'],
                env: variables({ WORK_DIR: '/work', SHELL_DIR: '/shell' }),
                volumeMounts: [...mounts, { name: 'shell', mountPath: '/shell' }],
              }),
            ],
            containers: [
              container({
                name: 'guard',
                image: IMAGES.kubectl,
                command: ['/shell/busybox', 'sh', '/scripts/guard.sh'],
                env: [...variables(ours), { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
                volumeMounts: [
                  ...mounts,
                  { name: 'shell', mountPath: '/shell', readOnly: true },
                  { name: 'token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
                ],
              }),
              container({
                name: 'restore-data',
                image: IMAGES.busybox,
                command: ['/bin/sh', '/scripts/turn.sh', '/step/step.sh'],
                env: variables({ WORK_DIR: '/work', TURN: 'restore-data', TURN_AFTER: 'guard' }),
                volumeMounts: [...mounts, { name: 'step', mountPath: '/step', readOnly: true }],
              }),
            ],
            volumes: [
              { name: 'work', emptyDir: {} },
              { name: 'shell', emptyDir: {} },
              { name: 'scripts', configMap: { name: 'scripts' } },
              { name: 'step', configMap: { name: `${name}-step` } },
              token,
            ],
          },
        },
      },
    },
  );
}

async function restore(restore: Restore) {
  await startRestore(restore);
  const end = await endOf(here.name, restore.name);
  const guard = end.pods.at(-1)?.containers.find(({ name }) => name === 'guard');
  return { end, words: guard?.lastWords, phase: await phaseOf(restore.name) };
}

const phaseOf = async (job: string) => (await read(`/apis/batch/v1/namespaces/${here.name}/jobs/${job}`))?.metadata.labels['backstay.dev/phase'];
const phase = (job: string, is: string) => until(`phase ${is} of ${job}`, 60, async () => ((await phaseOf(job)) === is ? true : undefined));

/** A StatefulSet of two pods, stopped and started one after the other. */
async function startStatefulSet(name: string): Promise<() => Promise<Json>> {
  const { spec, ...rest } = JSON.parse(await kubectl(['get', 'deployment', 'web', '-n', shop.name, '-o', 'json']));
  const template = { ...spec.template, metadata: { labels: { app: name } } };
  const metadata = { name, namespace: shop.name };
  await apply({
    apiVersion: rest.apiVersion,
    kind: 'StatefulSet',
    metadata,
    spec: { replicas: 2, serviceName: name, selector: { matchLabels: { app: name } }, template },
  });
  const look = () => read(`/apis/apps/v1/namespaces/${shop.name}/statefulsets/${name}`);
  await until(`StatefulSet ${name}`, 60, async () => ((await look()).status.availableReplicas === 2 ? true : undefined));
  return look;
}

const podsIn = async (label: string) => (await read(`/api/v1/namespaces/${shop.name}/pods?labelSelector=${label}`)).items.length;

describe('applications in another namespace', () => {
  let web: Application;
  const env = () => ({ APPLICATIONS: `${shop.name} deployment web` });
  const running = { replicas: 2, available: 2, annotations: [] };

  beforeAll(async () => {
    web = await startApplication(shop.name, { name: 'web', replicas: 2 });
  });

  test('a Deployment and a StatefulSet are gone while the restore works, and available afterwards', async () => {
    const cache = await startStatefulSet('cache');
    const body = 'echo between >/work/run/state-data; until [ -e /work/go ]; do sleep 0.2; done; echo new >/work/run/state-data';
    await startRestore({ name: 'both', env: { APPLICATIONS: `${shop.name} deployment selector app=web\n${shop.name} statefulset cache` }, body });
    await phase('both', 'Restoring');
    expect([await podsIn('app=web'), await podsIn('app=cache')]).toEqual([0, 0]);
    expect((await web.state()).annotations.toSorted()).toEqual(['backstay.dev/phase', 'backstay.dev/replicas', 'backstay.dev/restore']);
    const [pod] = await podsOf(here.name, 'both');
    await kubectl(['exec', '-n', here.name, pod.metadata.name, '-c', 'restore-data', '--', 'touch', '/work/go']);
    const end = await endOf(here.name, 'both');
    expect({ complete: end.complete, statuses: end.statuses }, end.log).toEqual({
      complete: true,
      statuses: { shell: 0, guard: 0, 'restore-data': 0 },
    });
    expect(await phaseOf('both')).toBe('Completed');
    expect(await web.state()).toEqual(running);
    const { metadata, spec, status } = await cache();
    const ours = Object.keys(metadata.annotations ?? {}).filter((key) => key.startsWith('backstay.dev/'));
    expect([spec.replicas, status.availableReplicas, ours]).toEqual([2, 2, []]);
    await kubectl(['delete', 'statefulset', 'cache', '-n', shop.name]);
  });

  test('a failed restore leaves them as they were, and the pod fails by its restore step', async () => {
    const { end, words, phase } = await restore({ name: 'fails', env: env(), body: 'echo old >/work/run/state-data; exit 65' });
    expect({ complete: end.complete, statuses: end.statuses, phase }, end.log).toEqual({
      complete: false,
      statuses: { shell: 0, guard: 0, 'restore-data': 65 },
      phase: 'Failed',
    });
    expect(words.reason).toBe(`not restored: restore-data ended with 65; started: deployment ${shop.name}/web`);
    expect(await web.state()).toEqual(running);
  });

  test('after a guard is killed during the restore, the next attempt starts them with their old replica counts', async () => {
    const body = 'echo begun; if [ -e /work/never ]; then exit 1; fi; echo between >/work/run/state-data; sleep 8; echo new >/work/run/state-data';
    await startRestore({ name: 'killed', env: env(), body, attempts: 2 });
    await kill(here.name, await logged(here.name, 'killed', 'restore-data', 'starting'), 'guard', 'KILL');
    const end = await endOf(here.name, 'killed');
    expect([end.complete, end.pods.length], end.log).toEqual([true, 2]);
    expect(await web.state()).toEqual(running);
  });

  test('a pod that is deleted during the restore undoes its changes, and they are started', async () => {
    const body = `trap 'sleep 2; echo old >/work/run/state-data; exit 70' TERM; echo between >/work/run/state-data; while :; do sleep 0.2; done`;
    await startRestore({ name: 'deleted', env: env(), body });
    await logged(here.name, 'deleted', 'restore-data', 'starting');
    expect((await web.state()).replicas).toBe(0);
    await kubectl(['delete', 'job', 'deleted', '-n', here.name, '--cascade=foreground']);
    await until('web runs again', 60, async () => ((await web.state()).available === 2 ? true : undefined));
    expect(await web.state()).toEqual(running);
  });

  test('everything that would start them again is reported, and nothing is stopped', async () => {
    await apply({
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'keda-hpa-web', namespace: shop.name },
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, minReplicas: 2, maxReplicas: 4 },
    });
    await kubectl(['annotate', 'deployment', 'web', '-n', shop.name, `argocd.argoproj.io/tracking-id=shop:apps/Deployment:${shop.name}/web`]);
    const applications = `${shop.name} deployment web\n${shop.name} statefulset nothing`;
    const { end, words, phase } = await restore({ name: 'refused', env: { APPLICATIONS: applications } });
    expect({ statuses: end.statuses, phase }, end.log).toEqual({ statuses: { shell: 0, guard: 64, 'restore-data': 0 }, phase: 'Failed' });
    for (const what of ['there is no statefulset nothing', 'the autoscaler keda-hpa-web scales deployment', 'Argo CD manages deployment'])
      expect(words.reason).toContain(what);
    expect((await web.state()).replicas).toBe(2);
    const paused = await restore({ name: 'paused', env: { ...env(), PAUSED: 'autoscaler by hand\ngitops by hand' } });
    expect({ complete: paused.end.complete }, paused.end.log).toEqual({ complete: true });
    await kubectl(['delete', 'hpa', 'keda-hpa-web', '-n', shop.name]);
    await kubectl(['annotate', 'deployment', 'web', '-n', shop.name, 'argocd.argoproj.io/tracking-id-']);
  });

  test('a right that its Role lacks is named, and nothing stays stopped', async () => {
    await apply(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'less', namespace: here.name } },
      ...role(
        'less',
        shop.name,
        [{ apiGroups: ['apps'], resources: ['deployments'], resourceNames: ['web'], verbs: ['get', 'patch'] }, RULES[2]],
        'less',
      ),
    );
    const { end, words } = await restore({ name: 'less', env: env(), account: 'less' });
    expect(end.statuses, end.log).toEqual({ shell: 0, guard: 77, 'restore-data': 0 });
    expect(words.reason).toBe(`not allowed: the guard cannot list resource "pods" in API group "" in the namespace "${shop.name}"`);
    expect(end.log).toContain('cannot show the phase on the Job');
    await until('web runs', 60, async () => ((await web.state()).available === 2 ? true : undefined));
    expect(await web.state()).toEqual(running);
  });
});

test('a claim in use is refused with the name of the pod, unless that pod belongs to a stopped application', async () => {
  await apply(claim(shop.name, 'uploads'));
  const files = await startApplication(shop.name, { name: 'files', claim: 'uploads' });
  const claims = { CLAIMS: `${shop.name} uploads` };
  const { end, words } = await restore({ name: 'in-use', env: claims });
  expect(end.statuses, end.log).toEqual({ shell: 0, guard: 64, 'restore-data': 0 });
  expect(words.reason).toMatch(/^the claim uploads in namespace \S+ is mounted by files-\w+-\w+$/);
  const stopped = await restore({ name: 'free', env: { ...claims, APPLICATIONS: `${shop.name} deployment files` } });
  expect({ complete: stopped.end.complete, phase: stopped.phase }, stopped.end.log).toEqual({ complete: true, phase: 'Completed' });
  expect(await files.state()).toEqual({ replicas: 1, available: 1, annotations: [] });
});
