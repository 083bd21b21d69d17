import { describe, expect, test } from 'vitest';
import { applicationOf, lettersOf, safetyRun } from '../../lib/model/plan-restore.ts';
import { load } from '../support/load.ts';
import { aRun, aSource } from '../support/model.ts';
import { anEnd, aRestore, byHand, loadRestores, RESTORABLE } from '../support/restores.ts';

const idOf = (entry: Parameters<typeof aRestore>[0]) => aRestore(entry).id;

describe('the id of a restore', () => {
  test('has eight letters, and is in the name of the Job', () => {
    const { id, name, entry, account } = aRestore({ source: 'orders' });
    expect(id).toMatch(/^[b-df-hj-np-tv]{8}$/);
    expect({ name, entry, account }).toEqual({ name: `restore-copy-${id}`, entry: 'copy', account: 'restore-orders' });
  });

  test('does not depend on the order of keys or on the rest of the values', () => {
    const entry = { source: 'orders', at: 'latest', postgres: { jobs: 4, owner: 'none' } } as const;
    const other = { postgres: { owner: 'none', jobs: 4 }, at: 'latest', source: 'orders' } as const;
    expect(idOf(entry)).toBe(idOf(other));
    expect(aRestore(entry, { images: { postgres17: 'mirror.acme.dev/postgres:17.6' }, production: false }).id).toBe(idOf(entry));
  });

  test('does not depend on defaults, so that an upgrade does not run the restore again', () => {
    expect(idOf({ source: 'orders' })).toBe(lettersOf('["prod","copy",{"source":"orders"}]'));
    expect(idOf({ source: 'orders', enabled: true })).toBe(idOf({ source: 'orders' }));
  });

  test('changes with the entry, its name and the environment', () => {
    const ids = [
      idOf({ source: 'orders' }),
      idOf({ source: 'orders', at: 'latest-verified' }),
      idOf({ source: 'orders', postgres: { jobs: 4 } }),
      loadRestores({ other: { source: 'orders' } }).model.restores[0]?.id,
      load(
        {
          'base.yaml': JSON.stringify({ ...RESTORABLE, restores: { copy: { source: 'orders' } } }),
          'dev.yaml': '',
        },
        'dev',
      ).model.restores[0]?.id,
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });
});

test('the name of a Job has at most 63 characters, however long the name of the restore is', () => {
  for (const length of [1, 39, 40]) {
    const [restore] = loadRestores({ [`${'a'.repeat(length - 1)}b`]: { source: 'orders' } }).model.restores;
    expect(restore?.name.length).toBeLessThanOrEqual(63);
    expect(restore?.name).toContain(`${'a'.repeat(length - 1)}b-${restore?.id}`);
  }
});

describe('a restore finds its backup in', () => {
  const origin = (entry: Omit<Parameters<typeof aRestore>[0], 'source'>) => aRestore({ source: 'orders', ...entry });

  test('the primary, and every tier that uses it', () => {
    const { origin: from, storages } = origin({});
    expect(from).toEqual({ environment: 'prod', sources: ['orders'], folders: ['orders/daily'], wanted: 'latest', from: 1 });
    expect(storages[0]?.name).toBe('local');
  });

  test('another storage, and every tier that uses it', () => {
    const { origin: from, storages } = origin({ from: 'offsite' });
    expect(from.folders).toEqual(['orders/daily', 'orders/weekly']);
    expect(storages[0]?.name).toBe('offsite');
  });

  test('one tier, by the storage that it has', () => {
    const { origin: from, storages } = origin({ tier: 'weekly' });
    expect(from.folders).toEqual(['orders/weekly']);
    expect(storages[0]?.name).toBe('offsite');
  });

  test('the safety tier by id or tier only, never as the newest', () => {
    expect(origin({ at: 'latest-verified' }).origin.folders).not.toContain('orders/pre-restore');
    expect(origin({ at: 'before:2026-11-21T09:30:00Z' }).origin.folders).not.toContain('orders/pre-restore');
    expect(origin({ at: 'bcdfghjk' }).origin).toMatchObject({ wanted: 'bcdfghjk', folders: ['orders/daily', 'orders/pre-restore'] });
    expect(origin({ tier: 'pre-restore' })).toMatchObject({ origin: { folders: ['orders/pre-restore'] }, storages: [{ name: 'local' }, {}, {}] });
  });

  test('another source of another environment, in its own folder and by its own storage', () => {
    const { origin: from, storages, run } = aRestore({ source: 'uploads', backupsOf: 'staging/wiki', from: 'offsite', part: 'volume' });
    expect(from).toMatchObject({ environment: 'staging', sources: ['wiki'], folders: ['wiki/daily', 'wiki/weekly'] });
    expect(storages[0]?.access.remote).toBe('S1:acme-backups/staging');
    expect(run.source).toBe('uploads');
  });

  test('a renamed source under both names', () => {
    const sources = { ...RESTORABLE.sources, orders: { ...RESTORABLE.sources.orders, folder: 'shop' } };
    expect(aRestore({ source: 'orders' }, { sources }).origin).toMatchObject({ sources: ['orders', 'shop'], folders: ['shop/daily'] });
  });
});

describe('the markers of a restore that runs once', () => {
  const placed = ({ markers, storages }: ReturnType<typeof aRestore>) => ({
    storages: storages.map(({ name, role, access }) => [name, role, access.remote]),
    marked: markers?.storages,
  });

  test('are in every storage of any tier, also in the one to read from', () => {
    const restore = aRestore({ source: 'orders' });
    expect(restore.markers?.path).toBe(`orders/restores/${restore.id}`);
    expect(placed(restore)).toEqual({
      storages: [
        ['local', 'primary', '/storage/local/prod'],
        ['offsite', 'copy', 'S2:acme-backups/prod'],
        ['cold', 'copy', 'S3:acme-cold/prod'],
      ],
      marked: [1, 2, 3],
    });
  });

  test('list the storage to read from first, whatever its place in the tiers', () => {
    expect(placed(aRestore({ source: 'orders', from: 'offsite' }))).toEqual({
      storages: [
        ['offsite', 'primary', 'S1:acme-backups/prod'],
        ['local', 'copy', '/storage/local/prod'],
        ['cold', 'copy', 'S3:acme-cold/prod'],
      ],
      marked: [2, 1, 3],
    });
  });

  test('are in our own prefix of a bucket, not in that of another environment', () => {
    const { storages, marked } = placed(aRestore({ source: 'orders', from: 'offsite', backupsOf: 'staging/orders' }));
    expect(storages.map(([, , remote]) => remote)).toEqual([
      ...['S1:acme-backups/staging', '/storage/local/prod', 'S3:acme-backups/prod', 'S4:acme-cold/prod'],
    ]);
    expect(marked).toEqual([2, 3, 4]);
  });

  test('add the Secrets and peers of these storages', () => {
    const { secrets, peers } = aRestore({ source: 'orders', from: 'local' });
    expect(secrets.map(({ secret }) => secret)).toEqual(['backup-s3', 'orders-admin']);
    expect(peers).toContainEqual(expect.objectContaining({ namespace: 'minio', port: 9000 }));
  });

  test('are still found when another storage becomes the primary', () => {
    const before = aRestore({ source: 'orders' });
    const plans = {
      default: {
        storages: ['newest', 'offsite'],
        tiers: { daily: { schedule: '0 2 * * *', keep: { daily: 7 } } },
      },
    };
    const storages = { ...RESTORABLE.storages, newest: { pvc: { size: '10Gi' } } };
    const after = aRestore({ source: 'orders' }, { plans, storages });
    expect([after.id, after.name, after.markers?.path]).toEqual([before.id, before.name, before.markers?.path]);
    const looked = after.markers?.storages.map((number) => after.storages[number - 1]?.name);
    expect(looked).toEqual(['newest', 'offsite']);
    expect(before.storages.map(({ name }) => name)).toContain('offsite');
  });

  test('are not planned for a manual restore of a copy, which can run any number of times', () => {
    for (const restore of [anEnd('swap-back', 'orders'), byHand({ source: 'orders' })]) {
      expect(restore.once).toBe(false);
      expect(restore).not.toHaveProperty('markers');
      expect(restore.storages.map(({ name }) => name)).toEqual(['local']);
    }
  });

  test('are with the safety backup for a manual restore in place', () => {
    const inPlace = { confirm: 'prod/orders' };
    const [own, copy, other] = [
      byHand({ source: 'orders', inPlace }),
      byHand({ source: 'orders', inPlace, from: 'offsite' }),
      byHand({ source: 'orders', inPlace, from: 'offsite', backupsOf: 'staging/orders' }),
    ];
    expect([own, copy, other].map(({ once }) => once)).toEqual([false, false, false]);
    expect([own, copy, other].map((restore) => placed(restore).marked)).toEqual([[1], [1], [2]]);
    for (const { markers, storages, run } of [own, copy, other]) {
      expect(markers?.path).toBe('orders/restores/bcdfghjk');
      expect(markers?.storages.map((number) => storages[number - 1]?.name)).toEqual(run.storages.map(({ name }) => name));
    }
  });

  test('are also with the safety backup for a restore that runs once', () => {
    for (const from of [undefined, 'offsite', 'cold']) {
      const { markers, storages, run } = aRestore({ source: 'orders', inPlace: { confirm: 'prod/orders' }, from });
      expect(markers?.storages.map((number) => storages[number - 1]?.name)).toContain(run.storages[0]?.name);
    }
  });
});

describe('the safety backup', () => {
  test('is a backup of the source into its own tier, without retention', () => {
    const run = safetyRun(aSource([aRun(), aRun({ tier: 'weekly' })]));
    expect(run).toMatchObject({ name: 'backup-shop-pre-restore', tier: 'pre-restore', folder: 'shop/pre-restore', schedule: undefined });
    expect(run.storages.map(({ name, keep }) => [name, keep])).toEqual([
      ['local', undefined],
      ['offsite', undefined],
    ]);
    expect(run.parts).toEqual(aRun().parts);
  });

  test('is made only for a restore in place, unless it is disabled', () => {
    const inPlace = { confirm: 'prod/orders' };
    expect(aRestore({ source: 'orders' }).safetyBackup).toBe(false);
    expect(aRestore({ source: 'orders', inPlace }).safetyBackup).toBe(true);
    expect(aRestore({ source: 'orders', inPlace: { ...inPlace, safetyBackup: false } }).safetyBackup).toBe(false);
    expect(anEnd('drop-old', 'orders').safetyBackup).toBe(false);
  });

  test('adds its Secrets and peers only if it is made', () => {
    const secrets = (entry: object) => aRestore({ source: 'orders', ...entry }).secrets.map(({ secret }) => secret);
    expect(secrets({})).toEqual(['backup-s3', 'orders-admin']);
    expect(secrets({ inPlace: { confirm: 'prod/orders' } })).toEqual(['backup-s3', 'orders-admin', 'orders-db']);
  });

  test('is stored where the restore reads from', () => {
    const storages = (entry: object) => aRestore({ source: 'orders', inPlace: { confirm: 'prod/orders' }, ...entry }).run.storages;
    expect(storages({})).toMatchObject([{ name: 'local', role: 'primary' }]);
    expect(storages({ from: 'offsite' })).toMatchObject([{ name: 'offsite', role: 'primary', access: { remote: expect.stringMatching(/^S1:/) } }]);
  });
});

describe('the guard', () => {
  const inPlace = { confirm: 'prod/uploads' };

  test('is planned for applications, and for a claim that must be free', () => {
    expect(aRestore({ source: 'orders', inPlace: { confirm: 'prod/orders' } }).guard).toBeUndefined();
    expect(aRestore({ source: 'uploads' }).guard).toBeUndefined();
    expect(aRestore({ source: 'uploads', inPlace }).guard).toMatchObject({ applications: [], claims: ['uploads'], claimsInUse: false });
    expect(aRestore({ source: 'uploads', inPlace, whileInUse: true }).guard).toBeUndefined();
  });

  test('has the applications, what is paused, and the time limits', () => {
    const { guard } = aRestore({
      source: 'uploads',
      inPlace,
      whileInUse: true,
      scaleDown: ['deployment/api', 'web/statefulset/app=web'],
      paused: { gitops: 'argocd app set' },
      stopWait: '1m',
      startWait: '2m',
    });
    expect(guard).toEqual({
      applications: [
        { namespace: 'backup', kind: 'deployment', name: 'api' },
        { namespace: 'web', kind: 'statefulset', selector: 'app=web' },
      ],
      paused: { gitops: 'argocd app set' },
      claims: ['uploads'],
      claimsInUse: true,
      stopWait: 60,
      startWait: 120,
    });
  });

  test.each([
    ['deployment/api', { namespace: 'backup', kind: 'deployment', name: 'api' }],
    ['statefulset/db', { namespace: 'backup', kind: 'statefulset', name: 'db' }],
    ['shop/deployment/api', { namespace: 'shop', kind: 'deployment', name: 'api' }],
    ['deployment/app=shop,tier=api', { namespace: 'backup', kind: 'deployment', selector: 'app=shop,tier=api' }],
    ['statefulset/app.kubernetes.io/name=x', { namespace: 'backup', kind: 'statefulset', selector: 'app.kubernetes.io/name=x' }],
    ['shop/statefulset/app.kubernetes.io/name=x', { namespace: 'shop', kind: 'statefulset', selector: 'app.kubernetes.io/name=x' }],
    ['deployment/deployment/x', { namespace: 'deployment', kind: 'deployment', name: 'x' }],
  ])('parses %s', (text, application) => {
    expect(applicationOf(text, 'backup')).toEqual(application);
  });
});

describe('the parts', () => {
  test('are all parts of the backup, or the requested one', () => {
    expect(aRestore({ source: 'wiki' }).parts.map(({ name }) => name)).toEqual(['postgres', 'volume']);
    expect(aRestore({ source: 'wiki', part: 'volume' }).parts.map(({ name }) => name)).toEqual(['volume']);
    expect(aRestore({ source: 'orders', part: 'orders-archive' }).parts.map(({ name }) => name)).toEqual(['orders-archive']);
  });

  test('include the claims to create', () => {
    const { claims, parts } = aRestore({ source: 'uploads', volume: { into: { claim: 'copy', size: '5Gi' } } });
    expect(claims).toEqual([{ name: 'copy', namespace: 'backup', size: '5Gi', accessMode: 'ReadWriteOnce' }]);
    expect(parts[0]?.placement).toBeUndefined();
  });

  test('a single part does not need the settings of others: files can be restored without an admin role', () => {
    const { admin: _, ...postgres } = RESTORABLE.sources.wiki.postgres;
    const sources = { ...RESTORABLE.sources, wiki: { ...RESTORABLE.sources.wiki, postgres } };
    const { parts, secrets } = aRestore({ source: 'wiki', part: 'volume' }, { sources });
    expect(parts.map(({ name }) => name)).toEqual(['volume']);
    expect(secrets.map(({ secret }) => secret)).toEqual(['backup-s3']);
  });
});

test('the scratch can be larger than for the backup', () => {
  expect(aRestore({ source: 'orders' }).run.pod.scratch).toEqual({ size: '10Gi' });
  expect(aRestore({ source: 'orders', scratch: { size: '1Ti', storageClassName: 'fast' } }).run.pod.scratch).toEqual({
    size: '1Ti',
    storageClassName: 'fast',
  });
});
