import { expect, test } from 'vitest';
import type * as z from 'zod';
import type { SourceContext } from '../../lib/sources/kind.ts';
import { volume } from '../../lib/sources/volume.ts';

type Settings = z.input<typeof volume.schema>;

const context: SourceContext = { environment: 'prod', source: 'files', namespace: 'app', method: 'tar', throttle: { perServer: 3, wait: 3600 } };
const minimal = { claim: 'app-data', nextTo: { app: 'web' } } as const satisfies Settings;
const part = (written: Settings) => volume.parts(volume.schema.parse(written), context)[0];
const diagnostics = (written: Partial<Settings>) => volume.check(volume.schema.parse({ claim: 'app-data', ...written }), context);

test('the required settings are enough', () => {
  expect(volume.parts(volume.schema.parse(minimal), context)).toEqual([
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
      peers: [],
      secrets: [],
      placement: { type: 'nextTo', labels: { app: 'web' } },
    },
  ]);
});

/** Every setting that is built: a new one does not compile until it is named here. */
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

test('the claim is read-only as a volume, so that nothing on it changes', () => {
  expect(part(minimal)?.mounts).toEqual([{ type: 'claim', claim: 'app-data', path: '/data', readOnly: true }]);
});

test.each([
  [{ tar: 'gnu' }, 'postgres17', 'zstd', '1'],
  [{ tar: 'gnu', compression: 'gzip' }, 'postgres17', 'gzip', '6'],
  [{ tar: 'busybox' }, 'busybox', 'gzip', '6'],
] as const)('%j runs in the image %s and packs with %s, level %s', (written, image, method, level) => {
  expect(part({ ...minimal, ...written })).toMatchObject({ image, env: { COMPRESSION: method, COMPRESSION_LEVEL: level } });
});

test('no level without compression', () => {
  expect(part({ ...minimal, compression: 'none' })?.env).not.toHaveProperty('COMPRESSION_LEVEL');
});

test.each<[string, Partial<Settings>, string, string]>([
  ['nextTo and node', { nextTo: { app: 'web' }, node: 'node-1' }, 'node', 'nextTo and node are both set'],
  ['a ReadWriteOnce claim needs a placement', { accessMode: 'ReadWriteOnce' }, 'accessMode', 'a ReadWriteOnce claim needs a placement'],
  ['zstd of BusyBox', { ...minimal, tar: 'busybox', compression: 'zstd' }, 'compression', 'BusyBox tar does not support zstd'],
  ['a level of nothing', { ...minimal, compression: 'none', level: 1 }, 'level', "level is set, but compression is 'none'"],
  ['attributes with BusyBox', { ...minimal, tar: 'busybox', xattrs: true }, 'xattrs', 'BusyBox tar does not support xattrs'],
  ['ACLs with BusyBox', { ...minimal, tar: 'busybox', acls: true }, 'acls', 'BusyBox tar does not support acls'],
  ['a level beyond gzip', { ...minimal, tar: 'busybox', level: 10 }, 'level', 'gzip supports levels 1 to 9'],
])('%s is refused', (_, written, path, message) => {
  const found = diagnostics(written);
  expect(found.map((diagnostic) => [diagnostic.path.join('.'), diagnostic.message, diagnostic.severity])).toEqual([[path, message, undefined]]);
  expect(found[0]?.hint).toBeTruthy();
});

test('a claim of unknown access mode without placement is a warning', () => {
  expect(diagnostics({})).toMatchObject([{ path: ['claim'], severity: 'warning' }]);
});

test.each<Partial<Settings>>([
  { nextTo: { app: 'web' } },
  { node: 'node-1' },
  { accessMode: 'ReadWriteMany' },
  { accessMode: 'ReadOnlyMany' },
  { accessMode: 'ReadWriteOnce', node: 'node-1' },
])('%j is right', (written) => {
  expect(diagnostics(written)).toEqual([]);
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
