import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import type { RestoreContext } from '../../../lib/sources/kind.ts';
import { volume } from '../../../lib/sources/volume/kind.ts';
import { tarRestore } from '../../../lib/sources/volume/tar-restore.ts';

type Settings = z.input<typeof volume.schema>;
type Request = z.input<typeof volume.restoreSchema>;

const context: RestoreContext = {
  ...{ environment: 'prod', source: 'files', namespace: 'app', throttle: { perServer: 3, wait: 3600 } },
  inPlace: false,
  action: 'restore',
  id: 'bcdfghjk',
};
const minimal = { claim: 'app-data', path: 'srv', nextTo: { app: 'web' } } as const satisfies Settings;
const part = (request: Request = {}, changes: Partial<RestoreContext> = {}) =>
  tarRestore.parts(volume.schema.parse(minimal), volume.restoreSchema.parse(request), { ...context, ...changes })[0];

test('by default, restores into a folder beside the files, on the node of the application', () => {
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

/** Every setting. A new setting is a compile error until it is listed here. */
type Every = Required<Omit<Request, 'into'>> & { readonly into: Required<NonNullable<Request['into']>> };

test('all settings reach the script, and a new claim is created in the namespace of the pod and filled from its root', () => {
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

test.each(['swap', 'merge', 'clear'] as const)('in place, mode %s reaches the script, and no other pod may use the claim', (mode) => {
  expect(part({ mode }, { inPlace: true })).toMatchObject({ env: { RESTORE_MODE: mode }, occupies: 'app-data' });
});

test('in place, keeps the old files by default', () => {
  expect(part({}, { inPlace: true })).toMatchObject({ env: { RESTORE_MODE: 'swap' } });
});

test('a swap back needs exclusive use of the claim, a copy does not', () => {
  expect(part()).not.toHaveProperty('occupies');
  expect(part({}, { action: 'swap-back' })).toMatchObject({ env: { RESTORE_ACTION: 'swap-back' }, occupies: 'app-data' });
  // No application uses the old data that was kept.
  expect(part({}, { action: 'drop-old', inPlace: true })).not.toHaveProperty('occupies');
});

describe('rejects', () => {
  const check = (request: Request, inPlace: boolean, action: RestoreContext['action'] = 'restore') =>
    tarRestore.check(volume.schema.parse(minimal), volume.restoreSchema.parse(request), { ...context, inPlace, action });

  test('a new claim in place', () => {
    const into = { claim: 'copy', size: '5Gi' };
    expect(check({ into }, true)).toEqual([
      {
        path: ['into'],
        message: 'a restore in place cannot use a new claim',
        hint: 'remove inPlace, and point the application to the new claim',
      },
    ]);
    expect(check({ into }, false)).toEqual([]);
  });

  test('clear if the backups lack some files, warns of swap, and accepts merge', () => {
    const some = (mode: Request['mode']) =>
      tarRestore.check(volume.schema.parse({ ...minimal, exclude: ['uploads/**'] }), volume.restoreSchema.parse({ mode }), {
        ...context,
        inPlace: true,
      });
    expect(some('clear')).toMatchObject([{ path: ['mode'], message: expect.stringContaining('only some of the files') }]);
    expect(some('clear')[0]).not.toHaveProperty('severity');
    expect(some(undefined)).toMatchObject([{ severity: 'warning' }]);
    expect(some('merge')).toEqual([]);
  });

  test.each(['swap', 'merge', 'clear'] as const)('mode %s for a copy', (mode) => {
    const refused = {
      path: ['mode'],
      message: `mode: ${mode} applies only to a restore in place`,
      hint: 'add inPlace:, or remove mode',
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
  ])('%j', (request, message) => {
    expect(
      volume.restoreSchema
        .safeParse(request)
        .error?.issues.map((issue) => issue.message)
        .join(),
    ).toContain(message);
  });
});
