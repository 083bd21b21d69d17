import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import type { RestoreContext } from '../../../lib/sources/kind.ts';
import { volume } from '../../../lib/sources/volume/kind.ts';
import { tarRestore } from '../../../lib/sources/volume/tar-restore.ts';

type Settings = z.input<typeof volume.schema>;
type Wish = z.input<typeof volume.restoreSchema>;

const context: RestoreContext = {
  ...{ environment: 'prod', source: 'files', namespace: 'app', throttle: { perServer: 3, wait: 3600 } },
  inPlace: false,
  action: 'restore',
  id: 'bcdfghjk',
};
const minimal = { claim: 'app-data', path: 'srv', nextTo: { app: 'web' } } as const satisfies Settings;
const part = (wish: Wish = {}, changes: Partial<RestoreContext> = {}) =>
  tarRestore.parts(volume.schema.parse(minimal), volume.restoreSchema.parse(wish), { ...context, ...changes })[0];

test('the least that can be written is enough: a folder beside the files, on the node of the application', () => {
  expect(part()).toEqual({
    name: 'volume',
    kind: 'volume',
    method: 'tar',
    image: 'postgres17',
    script: 'volume-restore.sh',
    env: {
      CLAIM: 'app-data',
      DATA_DIR: '/data',
      DATA_PATH: 'srv',
      RESTORE_MODE: 'beside',
      RESTORE_ACTION: 'restore',
      OWNERS: 'keep',
      ATTRIBUTES: 'keep',
      LINKS: 'refuse',
    },
    mounts: [{ type: 'claim', claim: 'app-data', path: '/data', readOnly: false }],
    privileges: { asRoot: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETFCAP'] },
    peers: [],
    secrets: [],
    placement: { type: 'nextTo', labels: { app: 'web' } },
  });
});

/** Every setting: a new one does not compile until it is named here. */
type Every = Required<Omit<Wish, 'into'>> & { readonly into: Required<NonNullable<Wish['into']>> };

test('all the settings reach the script, and a new claim is made in the namespace of the pod and filled to its root', () => {
  const every: Every = {
    mode: 'clear',
    into: { claim: 'app-copy', size: '5Gi', storageClassName: 'fast', accessMode: 'ReadWriteMany' },
    paths: ['a b', 'c/*'],
    owners: 'none',
    attributes: 'none',
    links: 'keep',
  };
  expect(part(every)).toEqual({
    name: 'volume',
    kind: 'volume',
    method: 'tar',
    image: 'postgres17',
    script: 'volume-restore.sh',
    env: {
      CLAIM: 'app-copy',
      DATA_DIR: '/data',
      DATA_PATH: '.',
      RESTORE_MODE: 'fill',
      RESTORE_ACTION: 'restore',
      PATHS: 'a b\nc/*',
      OWNERS: 'none',
      ATTRIBUTES: 'none',
      LINKS: 'keep',
    },
    mounts: [{ type: 'claim', claim: 'app-copy', path: '/data', readOnly: false }],
    privileges: { asRoot: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETFCAP'] },
    peers: [],
    secrets: [],
    claim: { name: 'app-copy', namespace: 'app', size: '5Gi', storageClassName: 'fast', accessMode: 'ReadWriteMany' },
  });
});

test.each(['swap', 'merge', 'clear'] as const)('in place, %s is the mode, and no other pod may use the claim', (mode) => {
  expect(part({ mode }, { inPlace: true })).toMatchObject({ env: { RESTORE_MODE: mode }, occupies: 'app-data' });
});

test('in place the old files are kept, unless somebody says otherwise', () => {
  expect(part({}, { inPlace: true })).toMatchObject({ env: { RESTORE_MODE: 'swap' } });
});

test('beside the files nobody is in the way; what ends a restore in place needs the claim alone too', () => {
  expect(part()).not.toHaveProperty('occupies');
  expect(part({}, { action: 'swap-back' })).toMatchObject({ env: { RESTORE_ACTION: 'swap-back' }, occupies: 'app-data' });
  // What was kept is nobody's any more.
  expect(part({}, { action: 'drop-old', inPlace: true })).not.toHaveProperty('occupies');
});

describe('what is refused', () => {
  const check = (wish: Wish, inPlace: boolean, action: RestoreContext['action'] = 'restore') =>
    tarRestore.check(volume.schema.parse(minimal), volume.restoreSchema.parse(wish), { ...context, inPlace, action });

  test('a new claim in the place of the old one', () => {
    const into = { claim: 'copy', size: '5Gi' };
    expect(check({ into }, true)).toEqual([
      {
        path: ['into'],
        message: 'a new claim is not the place of the old one',
        hint: 'leave inPlace out, and let the application use the new claim',
      },
    ]);
    expect(check({ into }, false)).toEqual([]);
  });

  test('files that no backup has: they may not be deleted, are set aside with a warning, and stay where a backup is laid over them', () => {
    const some = (mode: Wish['mode']) =>
      tarRestore.check(volume.schema.parse({ ...minimal, exclude: ['uploads/**'] }), volume.restoreSchema.parse({ mode }), {
        ...context,
        inPlace: true,
      });
    expect(some('clear')).toMatchObject([{ path: ['mode'], message: expect.stringContaining('a part of the files only') }]);
    expect(some('clear')[0]).not.toHaveProperty('severity');
    expect(some(undefined)).toMatchObject([{ severity: 'warning' }]);
    expect(some('merge')).toEqual([]);
  });

  test.each(['swap', 'merge', 'clear'] as const)('%s, where nothing that is live gives way', (mode) => {
    const refused = {
      path: ['mode'],
      message: `nothing that is live gives way, so there is nothing to ${mode}`,
      hint: 'write inPlace:, or leave mode out',
    };
    expect(check({ mode }, false)).toEqual([refused]);
    expect(check({ mode, into: { claim: 'copy', size: '5Gi' } }, false)).toEqual([refused]);
    expect(check({ mode }, true)).toEqual([]);
    expect(check({ mode }, false, 'swap-back')).toEqual([]);
  });

  test.each<readonly [object, string]>([
    [{ paths: ['/etc'] }, 'expected a path below the folder'],
    [{ paths: ['a/../../b'] }, 'expected a path below the folder'],
    [{ into: { claim: 'copy' } }, 'expected'],
    [{ into: { claim: 'copy', size: '5G' } }, 'expected a size'],
    [{ mode: 'fill' }, 'expected one of'],
  ])('%j', (wish, message) => {
    expect(
      volume.restoreSchema
        .safeParse(wish)
        .error?.issues.map((issue) => issue.message)
        .join(),
    ).toContain(message);
  });
});
