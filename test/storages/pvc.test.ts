import { expect, test } from 'vitest';
import type * as z from 'zod';
import type { StorageContext } from '../../lib/storages/kind.ts';
import { pvc } from '../../lib/storages/pvc.ts';

type Settings = z.input<typeof pvc.schema>;

const context: StorageContext = { environment: 'prod', name: 'local', namespace: 'backup' };
const access = (written: Settings, number = 1) => pvc.access(pvc.schema.parse(written), context, number);
const diagnostics = (written: Settings) => pvc.check(pvc.schema.parse(written), context);

test('a size alone creates a claim', () => {
  expect(access({ size: '10Gi' })).toEqual({
    remote: '/storage/local/prod',
    where: 'claim backup-local: prod',
    compare: 'checksum',
    readBack: false,
    env: {},
    mounts: [{ type: 'claim', claim: 'backup-local', path: '/storage/local', readOnly: false }],
    peers: [],
    secrets: [],
    claim: { name: 'backup-local', namespace: 'backup', size: '10Gi', accessMode: 'ReadWriteOnce' },
    exclusiveClaim: 'backup-local',
  });
});

test('all settings take effect', () => {
  const every: Required<Settings> = { claim: 'vault', size: '1Ti', storageClassName: 'hdd', accessMode: 'ReadWriteMany', prefix: 'acme/eu' };
  expect(access(every)).toMatchObject({
    remote: '/storage/local/acme/eu',
    mounts: [{ claim: 'vault' }],
    claim: { name: 'vault', namespace: 'backup', size: '1Ti', accessMode: 'ReadWriteMany', storageClassName: 'hdd' },
  });
});

test('uses an existing claim and never creates it', () => {
  expect(access({ claim: 'vault' })).not.toHaveProperty('claim');
  expect(access({ claim: 'vault' })).toMatchObject({ mounts: [{ claim: 'vault' }] });
});

test('only a ReadWriteOnce claim is exclusive', () => {
  expect(access({ claim: 'vault' })).toMatchObject({ exclusiveClaim: 'vault' });
  expect(access({ claim: 'vault', accessMode: 'ReadWriteMany' })).not.toHaveProperty('exclusiveClaim');
});

test("an empty prefix is the claim's root", () => {
  expect(access({ size: '1Gi', prefix: '' })).toMatchObject({ remote: '/storage/local', where: 'claim backup-local: ' });
});

test.each<[string, Settings, string, string]>([
  ['neither claim nor size', {}, '', 'neither claim nor size is set'],
  [
    'a class of an existing claim',
    { claim: 'vault', storageClassName: 'hdd' },
    'storageClassName',
    'storageClassName has no effect on an existing claim',
  ],
])('rejects %s', (_, written, path, message) => {
  expect(diagnostics(written).map((diagnostic) => [diagnostic.path.join('.'), diagnostic.message, diagnostic.severity])).toEqual([
    [path, message, undefined],
  ]);
});

test.each<Settings>([{ size: '1Gi' }, { claim: 'vault' }, { claim: 'vault', size: '1Gi', storageClassName: 'hdd' }])('accepts %j', (written) => {
  expect(diagnostics(written)).toEqual([]);
});

test.each(['/abs', 'a/', '..', 'a/../b', 'a b', './a', 'a//b'])('rejects the prefix %j', (prefix) => {
  expect(pvc.schema.safeParse({ size: '1Gi', prefix }).success).toBe(false);
});

test('two storages are the same place if and only if claim, namespace and prefix are equal', () => {
  const place = (written: Settings, changes: Partial<StorageContext> = {}) => pvc.place(pvc.schema.parse(written), { ...context, ...changes });
  expect(place({ claim: 'vault' })).toBe(place({ claim: 'vault', size: '2Gi' }, { name: 'other' }));
  expect(place({ size: '1Gi' })).toBe(place({ claim: 'backup-local', prefix: 'prod' }));
  const different = [
    place({ claim: 'vault' }),
    place({ claim: 'vault', prefix: 'x' }),
    place({ claim: 'other' }),
    place({ claim: 'vault' }, { namespace: 'x' }),
    place({ claim: 'vault' }, { environment: 'dev' }),
  ];
  expect(new Set(different).size).toBe(different.length);
});
