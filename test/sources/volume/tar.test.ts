import { expect, test } from 'vitest';
import type * as z from 'zod';
import { volume } from '../../../lib/sources/volume/kind.ts';
import { tar } from '../../../lib/sources/volume/tar.ts';

type Settings = z.input<typeof volume.schema>;

const minimal = { claim: 'app-data', nextTo: { app: 'web' } } as const satisfies Settings;
const part = (written: Settings) => tar.parts(volume.schema.parse(written))[0];
const diagnose = (written: Partial<Settings>) => {
  const settings = volume.schema.parse({ claim: 'app-data', ...written });
  return [...volume.check(settings), ...tar.check(settings)];
};

test('needs only the required settings', () => {
  expect(tar.parts(volume.schema.parse(minimal))).toEqual([
    {
      name: 'volume',
      kind: 'volume',
      method: 'tar',
      image: 'postgres17',
      script: 'volume-tar.sh',
      env: {
        DATA_DIR: '/data',
        DATA_PATH: '.',
        CLAIM: 'app-data',
        TAR: 'gnu',
        COMPRESSION: 'zstd',
        COMPRESSION_LEVEL: '1',
        ON_CHANGE: 'fail',
        XATTRS: 'keep',
        ACLS: 'keep',
      },
      mounts: [{ type: 'claim', claim: 'app-data', path: '/data', readOnly: true }],
      privileges: { asWritten: true },
      peers: [],
      secrets: [],
      placement: { type: 'nextTo', labels: { app: 'web' } },
    },
  ]);
});

/** Every supported setting. A new setting is a compile error until it is listed here. */
type Every = Required<Omit<Settings, 'nextTo' | 'copyMethod'>>;

test('all settings reach the script', () => {
  const every: Every = {
    claim: 'app-data',
    path: 'srv/files',
    include: ['*.db', 'media/**'],
    exclude: ['cache/**', '$(HOME)/*'],
    node: 'node-1',
    accessMode: 'ReadWriteOnce',
    tar: 'busybox',
    compression: 'gzip',
    level: 9,
    onChange: 'accept',
    xattrs: false,
    acls: false,
  };
  expect(part(every)).toMatchObject({
    image: 'busybox',
    env: {
      DATA_DIR: '/data',
      DATA_PATH: 'srv/files',
      CLAIM: 'app-data',
      TAR: 'busybox',
      COMPRESSION: 'gzip',
      COMPRESSION_LEVEL: '9',
      INCLUDE: '*.db\nmedia/**',
      EXCLUDE: 'cache/**\n$(HOME)/*',
      ON_CHANGE: 'accept',
      XATTRS: 'none',
      ACLS: 'none',
    },
    placement: { type: 'node', node: 'node-1' },
  });
});

test('GNU tar keeps attributes and ACLs unless disabled, BusyBox keeps neither', () => {
  expect(part({ ...minimal, acls: false })?.env).toMatchObject({ XATTRS: 'keep', ACLS: 'none' });
  expect(part({ ...minimal, tar: 'busybox' })?.env).toMatchObject({ XATTRS: 'none', ACLS: 'none' });
});

test('mounts the claim as a read-only volume, so that nothing on it changes', () => {
  expect(part(minimal)?.mounts).toEqual([{ type: 'claim', claim: 'app-data', path: '/data', readOnly: true }]);
});

test.each([
  [{ tar: 'gnu' }, 'postgres17', 'zstd', '1'],
  [{ tar: 'gnu', compression: 'gzip' }, 'postgres17', 'gzip', '6'],
  [{ tar: 'busybox' }, 'busybox', 'gzip', '6'],
] as const)('%j runs in the image %s and compresses with %s, level %s', (written, image, method, level) => {
  expect(part({ ...minimal, ...written })).toMatchObject({ image, env: { COMPRESSION: method, COMPRESSION_LEVEL: level } });
});

test('sets no level without compression', () => {
  expect(part({ ...minimal, compression: 'none' })?.env).not.toHaveProperty('COMPRESSION_LEVEL');
});

test.each<[string, Partial<Settings>, string, string]>([
  ['nextTo and node', { nextTo: { app: 'web' }, node: 'node-1' }, 'node', 'nextTo and node are both set'],
  ['a ReadWriteOnce claim without a placement', { accessMode: 'ReadWriteOnce' }, 'accessMode', 'a ReadWriteOnce claim needs a placement'],
  ['zstd with BusyBox', { ...minimal, tar: 'busybox', compression: 'zstd' }, 'compression', 'BusyBox tar does not support zstd'],
  ['a level without compression', { ...minimal, compression: 'none', level: 1 }, 'level', "level is set, but compression is 'none'"],
  ['attributes with BusyBox', { ...minimal, tar: 'busybox', xattrs: true }, 'xattrs', 'BusyBox tar does not support xattrs'],
  ['ACLs with BusyBox', { ...minimal, tar: 'busybox', acls: true }, 'acls', 'BusyBox tar does not support acls'],
  ['a level beyond gzip', { ...minimal, tar: 'busybox', level: 10 }, 'level', 'gzip supports levels 1 to 9'],
])('rejects %s', (_, written, path, message) => {
  const found = diagnose(written);
  expect(found.map((diagnostic) => [diagnostic.path.join('.'), diagnostic.message, diagnostic.severity])).toEqual([[path, message, undefined]]);
  expect(found[0]?.hint).toBeTruthy();
});

test('warns of a claim of unknown access mode without placement', () => {
  expect(diagnose({})).toMatchObject([{ path: ['claim'], severity: 'warning' }]);
});

test.each<Partial<Settings>>([
  { nextTo: { app: 'web' } },
  { node: 'node-1' },
  { accessMode: 'ReadWriteMany' },
  { accessMode: 'ReadOnlyMany' },
  { accessMode: 'ReadWriteOnce', node: 'node-1' },
])('accepts %j', (written) => {
  expect(diagnose(written)).toEqual([]);
});

test.each(['', '/etc', '..', 'a/../b', 'a/..', 'a\nb'])('rejects the path %j, which is empty or could leave the claim', (path) => {
  expect(volume.schema.safeParse({ ...minimal, path }).success).toBe(false);
});

test.each(['.', 'a/b', '..data', 'a b/ü'])('accepts the path %j', (path) => {
  expect(volume.schema.safeParse({ ...minimal, path }).success).toBe(true);
});

test('rejects the copy method, which is not built yet', () => {
  const refused = volume.schema.safeParse({ ...minimal, copyMethod: 'Clone' });
  expect(refused.error?.issues.map((issue) => issue.message)).toEqual(['the copy method of a volume is not built yet']);
});
