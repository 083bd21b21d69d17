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

describe('without applications the steps are in a row, and each starts when the one before has succeeded', () => {
  test('a copy: fetch, each part, the marker', () => {
    expect(stepsOf(aRestore({ source: 'orders' }))).toEqual({ init: ['fetch', 'restore-orders', 'restore-orders-archive'], main: ['record'] });
  });

  test('in place: nothing is backed up before all is fetched, and nothing gives way before all is backed up', () => {
    expect(stepsOf(aRestore(orders))).toEqual({
      init: ['fetch', 'take-orders', 'take-orders-archive', 'publish', 'restore-orders', 'restore-orders-archive'],
      main: ['record'],
    });
  });

  test('what ends a restore fetches nothing, backs up nothing and leaves no marker', () => {
    expect(stepsOf(anEnd('swap-back', 'orders'))).toEqual({ init: ['restore-orders'], main: ['restore-orders-archive'] });
  });

  test('each runs its script by the shell of its image, and waits for nobody', () => {
    for (const { command, env } of allOf(podOf(aRestore(orders)))) {
      expect(command.join(' ')).toMatch(/^\/bin\/sh( \/scripts\/once\.sh)? \/scripts\/[a-z-]+\.sh$/);
      expect(env.map(({ name }) => name)).not.toContain('TURN');
    }
  });
});

describe('with applications they run side by side', () => {
  const pod = podOf(aRestore(guarded));
  const [guard, fetch, ...rest] = pod.containers;

  test('fetch has the first turn, and the guard waits for it; a shell is put beside kubectl before that', () => {
    expect(namesOf(pod.initContainers)).toEqual(['shell']);
    expect(told(guard, 'TURN_FIRST')).toBe('fetch');
    expect([told(fetch, 'TURN'), told(fetch, 'TURN_AFTER')]).toEqual(['fetch', undefined]);
    expect(namesOf(pod.containers)).toEqual([
      ...['guard', 'fetch', 'take-orders', 'take-orders-archive', 'publish', 'restore-orders', 'restore-orders-archive', 'record'],
    ]);
  });

  test('each waits for the one before, the first for the guard: one chain', () => {
    const turns = rest.map((container) => [told(container, 'TURN'), told(container, 'TURN_AFTER')]);
    expect(turns).toEqual(rest.map(({ name }, index) => [name, rest[index - 1]?.name ?? 'guard']));
    for (const { command } of rest)
      expect(command.join(' ')).toMatch(/^\/bin\/sh \/scripts\/turn\.sh( \/scripts\/once\.sh)? \/scripts\/[a-z-]+\.sh$/);
  });

  test('the record alone may begin after the guard has seen the restore end, or it would be missing now and then', () => {
    expect(pod.containers.flatMap((container) => (told(container, 'TURN_FREE') ? [container.name] : []))).toEqual(['record']);
  });

  test('the guard starts the applications after the last step that works on their data', () => {
    expect(told(guard, 'TURN_LAST')).toBe('restore-orders-archive');
    expect(told(guard, 'STATES')).toBe('orders\norders-archive');
    expect(guard?.command).toEqual(['/shell/busybox', 'sh', '/scripts/guard.sh']);
  });

  test('the guard alone has a token, and nothing of the data, no key and no password', () => {
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

  test('what the guard runs as its shell lies where no step of the restore can write, nor the guard itself', () => {
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

  test('a guard that is told to stop has the time to start the applications again', () => {
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

test('a claim that must be free has a guard without an application', () => {
  const pod = podOf(aRestore(uploads));
  expect(namesOf(pod.containers)).toEqual(['guard', 'fetch', 'take-volume', 'publish', 'restore-volume', 'record']);
  expect(told(pod.containers[0], 'CLAIMS')).toBe('backup uploads');
  expect(told(pod.containers[0], 'APPLICATIONS')).toBeUndefined();
});

describe('the files of an application', () => {
  const volumes = { default: RESTORABLE.plans.default };
  const securityOf = (restore: PlannedRestore) => podOf(restore).securityContext;

  test('no group is given to a claim that is filled; the storages are reached by a group beside', () => {
    expect(securityOf(aRestore({ source: 'uploads' }))).toEqual({
      runAsNonRoot: true,
      runAsUser: 999,
      runAsGroup: 999,
      supplementalGroups: [10_999],
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(securityOf(aRestore({ source: 'wiki' }))).not.toHaveProperty('fsGroup');
  });

  test('a claim that is made for it may belong to root alone, and is given to the group', () => {
    const into = { claim: 'new', size: '1Gi' };
    expect(securityOf(aRestore({ source: 'uploads', volume: { into } }))).toMatchObject({ fsGroup: 10_999 });
  });

  test('a pod that fills none has the group of the storages', () => {
    expect(securityOf(aRestore({ source: 'orders' }))).toMatchObject({ fsGroup: 10_999, fsGroupChangePolicy: 'OnRootMismatch' });
  });

  test('the claim is one volume, which only its own step may write: of two for one claim the kubelet mounts none', () => {
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

  test('root may give files away, and nobody else may; no other step may', () => {
    const capabilities = (runAsUser: number) =>
      allOf(podOf(aRestore(uploads, { plans: volumes, defaults: { pod: { runAsUser } } }))).flatMap(({ name, securityContext }) =>
        (securityContext.capabilities.add ?? []).length > 0 ? [[name, securityContext.capabilities.add]] : [],
      );
    expect(capabilities(0)).toEqual([['restore-volume', ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETFCAP']]]);
    expect(capabilities(1000)).toEqual([]);
  });
});

describe('what a step is told', () => {
  test('a password of a database stays with the step that needs it, and keys of storages with those', () => {
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

  test('the safety backup is pinned, in its own folder, and prunes nothing', () => {
    const publish = allOf(podOf(aRestore(orders))).find(({ name }) => name === 'publish');
    expect(told(publish, 'PIN')).toBe('true');
    expect(told(publish, 'FOLDER')).toBe('orders/pre-restore');
    expect(publish?.env.filter(({ name }) => /_KEEP_/.test(name))).toEqual([]);
  });

  test('of the steps, those of the safety backup and no others are done once for all attempts', () => {
    for (const restore of [aRestore(orders), aRestore(guarded), byHand(guarded)]) {
      const once = allOf(podOf(restore)).filter(({ command }) => command.includes('/scripts/once.sh'));
      expect(namesOf(once)).toEqual(['take-orders', 'take-orders-archive', 'publish']);
    }
  });

  test('it is marked by publish in the storage that it goes to, and looked for there by fetch, also by hand', () => {
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

  test('who marks it and who finds the marker know which Job they are of: a Job of the same name may be made weeks later', () => {
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

  test('one by hand leaves no word that it is done', () => {
    expect(stepsOf(byHand(orders)).main).toEqual(['restore-orders-archive']);
  });

  test('every step knows the restore by one id, which is that of the marker', () => {
    const restore = aRestore(guarded);
    const steps = allOf(podOf(restore)).filter(({ name }) => /^(fetch|guard|take-|publish|restore-|record)/.test(name));
    expect(steps.length).toBeGreaterThan(6);
    for (const step of steps) expect(told(step, 'RESTORE_ID')).toBe(restore.id);
  });

  test('who begins and who ends it look for its markers in the same storages, and reach all of them', () => {
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

  test('a choice by labels, and a text about what is paused, reach the guard as they were written', () => {
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
