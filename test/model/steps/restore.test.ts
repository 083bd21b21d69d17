import { describe, expect, test } from 'vitest';
import { podSpec } from '../../../lib/constructs/pod.ts';
import type { PlannedRestore } from '../../../lib/model/model.ts';
import { restorePlan } from '../../../lib/model/steps/restore.ts';
import { IMAGES } from '../../../lib/sources/images.ts';
import type { Container, Pod } from '../../support/objects.ts';
import { anEnd, aRestore, byHand, RESTORABLE } from '../../support/restores.ts';

const podOf = (restore: PlannedRestore) => podSpec({ plan: restorePlan(restore), images: IMAGES, serviceAccount: restore.account }) as unknown as Pod;
const namesOf = (containers: readonly Container[] = []) => containers.map(({ name }) => name);
const stepsOf = (restore: PlannedRestore) => {
  const { initContainers, containers } = podOf(restore);
  return { init: namesOf(initContainers), main: namesOf(containers) };
};
const allOf = ({ initContainers = [], containers }: Pod) => [...initContainers, ...containers];
const told = (container: Container | undefined, variable: string) => container?.env.find(({ name }) => name === variable)?.value;

const orders = { source: 'orders', inPlace: { confirm: 'prod/orders' } } as const;
const guarded = { ...orders, scaleDown: ['deployment/api'] };
const uploads = { source: 'uploads', inPlace: { confirm: 'prod/uploads' } } as const;

describe('without applications, each step starts after the previous one succeeded', () => {
  test('a copy: fetch, each part, the marker', () => {
    expect(stepsOf(aRestore({ source: 'orders' }))).toEqual({ init: ['fetch', 'restore-orders', 'restore-orders-archive'], main: ['record'] });
  });

  test('in place: fetches everything first, then backs up the live data, and replaces it last', () => {
    expect(stepsOf(aRestore(orders))).toEqual({
      init: ['fetch', 'take-orders', 'take-orders-archive', 'publish', 'restore-orders', 'restore-orders-archive'],
      main: ['record'],
    });
  });

  test('a swap back or drop fetches nothing, backs up nothing and leaves no marker', () => {
    expect(stepsOf(anEnd('swap-back', 'orders'))).toEqual({ init: ['restore-orders'], main: ['restore-orders-archive'] });
  });

  test('each step runs its script with the shell of its image, and waits for no other', () => {
    for (const { command, env } of allOf(podOf(aRestore(orders)))) {
      expect(command.join(' ')).toMatch(/^\/bin\/sh( \/scripts\/once\.sh)? \/scripts\/[a-z-]+\.sh$/);
      expect(env.map(({ name }) => name)).not.toContain('TURN');
    }
  });
});

describe('with applications, the steps run side by side', () => {
  const pod = podOf(aRestore(guarded));
  const [guard, fetch, ...rest] = pod.containers;

  test('fetch has the first turn and the guard waits for it, after a shell was installed beside kubectl', () => {
    expect(namesOf(pod.initContainers)).toEqual(['shell']);
    expect(told(guard, 'TURN_FIRST')).toBe('fetch');
    expect([told(fetch, 'TURN'), told(fetch, 'TURN_AFTER')]).toEqual(['fetch', undefined]);
    expect(namesOf(pod.containers)).toEqual([
      ...['guard', 'fetch', 'take-orders', 'take-orders-archive', 'publish', 'restore-orders', 'restore-orders-archive', 'record'],
    ]);
  });

  test('each step waits for the previous one, and the first one for the guard', () => {
    const turns = rest.map((container) => [told(container, 'TURN'), told(container, 'TURN_AFTER')]);
    expect(turns).toEqual(rest.map(({ name }, index) => [name, rest[index - 1]?.name ?? 'guard']));
    for (const { command } of rest)
      expect(command.join(' ')).toMatch(/^\/bin\/sh \/scripts\/turn\.sh( \/scripts\/once\.sh)? \/scripts\/[a-z-]+\.sh$/);
  });

  test('only the record may start after the guard saw the restore end, or it would sometimes be missing', () => {
    expect(pod.containers.flatMap((container) => (told(container, 'TURN_FREE') ? [container.name] : []))).toEqual(['record']);
  });

  test('the guard starts the applications after the last step that uses their data', () => {
    expect(told(guard, 'TURN_LAST')).toBe('restore-orders-archive');
    expect(told(guard, 'STATES')).toBe('orders\norders-archive');
    expect(guard?.command).toEqual(['/shell/busybox', 'sh', '/scripts/guard.sh']);
  });

  test('only the guard has a token, and it has no data, no key and no password', () => {
    const tokens = (container: Container) => container.volumeMounts.filter(({ mountPath }) => mountPath.includes('serviceaccount'));
    expect(allOf(pod).filter((container) => tokens(container).length > 0)).toEqual([guard]);
    expect(guard?.env.filter(({ valueFrom }) => valueFrom?.secretKeyRef)).toEqual([]);
    expect(guard?.volumeMounts.map(({ mountPath }) => mountPath).sort()).toEqual([
      '/scripts',
      '/shell',
      '/tmp',
      '/var/run/secrets/kubernetes.io/serviceaccount',
      '/work',
    ]);
    expect(pod).toMatchObject({ automountServiceAccountToken: false });
  });

  test('neither the guard nor a step of the restore can write to the shell of the guard', () => {
    const paths = (told(guard, 'PATH') ?? '').split(':');
    expect([guard?.command[0], paths[0]]).toEqual(['/shell/busybox', '/shell']);
    const at = guard?.volumeMounts.find(({ mountPath }) => mountPath === '/shell')?.name;
    const mounts = allOf(pod).flatMap(({ name, volumeMounts }) =>
      volumeMounts.flatMap((mount) => (mount.name === at || mount.mountPath === '/shell' ? [[name, mount.readOnly ?? false]] : [])),
    );
    expect(mounts).toEqual([
      ['shell', false],
      ['guard', true],
    ]);
    expect(
      paths.filter((path) =>
        allOf(pod).some(({ volumeMounts }) => volumeMounts.some(({ mountPath, name }) => path.startsWith(mountPath) && name !== at)),
      ),
    ).toEqual([]);
  });

  test('a guard that gets TERM has time to start the applications again', () => {
    expect(podOf(aRestore(guarded))).toHaveProperty('terminationGracePeriodSeconds', 120);
    const defaults = { pod: { terminationGracePeriod: '10m' } };
    expect(podOf(aRestore(guarded, { defaults }))).toHaveProperty('terminationGracePeriodSeconds', 600);
  });

  test.each([
    ['reserved', 'requests', '1152Mi'],
    ['limited', 'limits', '10432Mi'],
  ] as const)('the scratch is %s once, by the first of them, and not by each', (_, what, large) => {
    const disk = allOf(pod).map(({ name, ...container }) => [
      name,
      (container as never as { resources: Record<typeof what, Record<string, string>> }).resources[what]['ephemeral-storage'],
    ]);
    const small = '128Mi';
    expect(Object.fromEntries(disk)).toEqual({
      ...{ shell: large, fetch: small, guard: small },
      ...{
        'take-orders': large,
        'take-orders-archive': small,
        publish: small,
        'restore-orders': small,
        'restore-orders-archive': small,
        record: small,
      },
    });
  });
});

test('a claim that must be free needs a guard even without an application', () => {
  const pod = podOf(aRestore(uploads));
  expect(namesOf(pod.containers)).toEqual(['guard', 'fetch', 'take-volume', 'publish', 'restore-volume', 'record']);
  expect(told(pod.containers[0], 'CLAIMS')).toBe('backup uploads');
  expect(told(pod.containers[0], 'APPLICATIONS')).toBeUndefined();
});

describe('the files of an application', () => {
  const volumes = { default: RESTORABLE.plans.default };
  const securityOf = (restore: PlannedRestore) => podOf(restore).securityContext;

  test('a pod that fills a claim sets no fsGroup, and reaches the storages by a supplementary group', () => {
    expect(securityOf(aRestore({ source: 'uploads' }))).toEqual({
      runAsNonRoot: true,
      runAsUser: 999,
      runAsGroup: 999,
      supplementalGroups: [10_999],
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(securityOf(aRestore({ source: 'wiki' }))).not.toHaveProperty('fsGroup');
  });

  test('a pod that fills a new claim, which may belong to root, sets fsGroup', () => {
    const into = { claim: 'new', size: '1Gi' };
    expect(securityOf(aRestore({ source: 'uploads', volume: { into } }))).toMatchObject({ fsGroup: 10_999 });
  });

  test('a pod that fills no claim has the fsGroup of the storages', () => {
    expect(securityOf(aRestore({ source: 'orders' }))).toMatchObject({ fsGroup: 10_999, fsGroupChangePolicy: 'OnRootMismatch' });
  });

  test('the claim is one volume that only its own step can write to, because the kubelet hangs on two', () => {
    const pod = podOf(aRestore(uploads));
    const volumes = pod.volumes.filter(({ persistentVolumeClaim: claim }) => claim?.claimName === 'uploads');
    expect(volumes).toHaveLength(1);
    const mounts = allOf(pod).flatMap(({ name, volumeMounts }) =>
      volumeMounts.flatMap((mount) => (mount.name === volumes[0]?.name ? [[name, mount.readOnly ?? false]] : [])),
    );
    expect(mounts).toEqual([
      ['take-volume', true],
      ['restore-volume', false],
    ]);
  });

  test('only root gets the capability to change owners, and only in the step that restores', () => {
    const capabilities = (runAsUser: number) =>
      allOf(podOf(aRestore(uploads, { plans: volumes, defaults: { pod: { runAsUser } } }))).flatMap(({ name, securityContext }) =>
        (securityContext.capabilities.add ?? []).length > 0 ? [[name, securityContext.capabilities.add]] : [],
      );
    expect(capabilities(0)).toEqual([['restore-volume', ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETFCAP']]]);
    expect(capabilities(1000)).toEqual([]);
  });
});

describe('the variables of a step', () => {
  test('contain passwords of databases and keys of storages only in steps that need them', () => {
    const keys = Object.fromEntries(
      allOf(podOf(aRestore({ ...orders, from: 'offsite' }))).map(({ name, env }) => [
        name,
        [...new Set(env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []))],
      ]),
    );
    expect(keys).toEqual({
      ...{ fetch: ['backup-s3'], 'take-orders': ['orders-db'], 'take-orders-archive': ['orders-db'], publish: ['backup-s3'] },
      ...{ 'restore-orders': ['orders-admin'], 'restore-orders-archive': ['orders-admin'], record: ['backup-s3'] },
    });
  });

  test('make the safety backup pinned, in its own folder, and without retention', () => {
    const publish = allOf(podOf(aRestore(orders))).find(({ name }) => name === 'publish');
    expect(told(publish, 'PIN')).toBe('true');
    expect(told(publish, 'FOLDER')).toBe('orders/pre-restore');
    expect(publish?.env.filter(({ name }) => /_KEEP_/.test(name))).toEqual([]);
  });

  test('run only the steps of the safety backup once for all attempts', () => {
    for (const restore of [aRestore(orders), aRestore(guarded), byHand(guarded)]) {
      const once = allOf(podOf(restore)).filter(({ command }) => command.includes('/scripts/once.sh'));
      expect(namesOf(once)).toEqual(['take-orders', 'take-orders-archive', 'publish']);
    }
  });

  test('let publish mark the safety backup in its storage and fetch find it there, also in a manual restore', () => {
    for (const restore of [aRestore({ ...orders, from: 'offsite' }), byHand({ ...orders, from: 'offsite' })]) {
      const [fetch, publish] = ['fetch', 'publish'].map((step) => allOf(podOf(restore)).find(({ name }) => name === step));
      expect(told(publish, 'MARKER_PATH')).toBe(`orders/restores/${restore.id}`);
      expect([told(fetch, 'MARKER_PATH'), told(fetch, 'RESTORE_ID')]).toEqual([told(publish, 'MARKER_PATH'), told(publish, 'RESTORE_ID')]);
      const looked = told(fetch, 'MARKER_STORAGES')
        ?.split(' ')
        .map((number) => told(fetch, `STORAGE_${number}_NAME`));
      expect(looked).toContain(told(publish, 'STORAGE_1_NAME'));
    }
  });

  test('identify the Job for the marker of the safety backup, because a later Job can have the same name', () => {
    for (const restore of [aRestore(orders), byHand(guarded)]) {
      const knowing = allOf(podOf(restore)).filter(({ env }) => env.some(({ name }) => name === 'JOB_UID'));
      expect(namesOf(knowing)).toEqual(['fetch', 'publish']);
      for (const { env } of knowing)
        expect(env).toContainEqual({
          name: 'JOB_UID',
          valueFrom: { fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/controller-uid']" } },
        });
    }
  });

  test('make a manual restore leave no marker that it is done', () => {
    expect(stepsOf(byHand(orders)).main).toEqual(['restore-orders-archive']);
  });

  test('give every step the same id of the restore, which is that of the marker', () => {
    const restore = aRestore(guarded);
    const steps = allOf(podOf(restore)).filter(({ name }) => /^(fetch|guard|take-|publish|restore-|record)/.test(name));
    expect(steps.length).toBeGreaterThan(6);
    for (const step of steps) expect(told(step, 'RESTORE_ID')).toBe(restore.id);
  });

  test('make the first and the last step use the same storages for markers, and the policy allow all of them', () => {
    const restore = aRestore(guarded);
    const steps = allOf(podOf(restore)).filter(({ name }) => ['fetch', 'record'].includes(name));
    expect(steps).toHaveLength(2);
    for (const step of steps) {
      expect(told(step, 'MARKER_PATH')).toBe(`orders/restores/${restore.id}`);
      expect(told(step, 'MARKER_STORAGES')).toBe('1 2 3');
      expect(['1', '2', '3'].map((number) => told(step, `STORAGE_${number}_NAME`))).toEqual(['local', 'offsite', 'cold']);
      expect(step.volumeMounts.map(({ mountPath }) => mountPath)).toContain('/storage/local');
      expect(step.env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? [])).toContain('backup-s3');
    }
  });

  test('pass a label selector and the text about paused controllers to the guard unchanged', () => {
    const restore = aRestore({
      ...orders,
      scaleDown: ['web/deployment/app=web,tier=x', 'statefulset/db'],
      paused: { gitops: 'argocd app set $APP' },
    });
    const guard = podOf(restore).containers[0];
    expect(told(guard, 'APPLICATIONS')).toBe('web deployment selector app=web,tier=x\nbackup statefulset db');
    expect(told(guard, 'PAUSED')).toBe('gitops argocd app set $$APP');
  });
});
