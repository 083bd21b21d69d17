import { expect, test } from 'vitest';
import type * as z from 'zod';
import type { SourceContext } from '../../lib/sources/kind.ts';
import { volume } from '../../lib/sources/volume.ts';

type Settings = z.input<typeof volume.schema>;

const context: SourceContext = { environment: 'prod', source: 'files', namespace: 'app', method: 'tar', throttle: { perServer: 3, wait: 3600 } };
const minimal = { claim: 'app-data', nextTo: { app: 'web' } } as const satisfies Settings;
const part = (written: Settings) => volume.parts(volume.schema.parse(written), context)[0];
const findings = (written: Partial<Settings>) => volume.check(volume.schema.parse({ claim: 'app-data', ...written }), context);

test('the least that can be written is enough', () => {
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

test('all the settings reach the script', () => {
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

test('GNU tar keeps attributes and ACLs, unless one of them is not wanted; BusyBox keeps none', () => {
  expect(part({ ...minimal, acls: false })?.env).toMatchObject({ XATTRS: 'keep', ACLS: 'none' });
  expect(part({ ...minimal, tar: 'busybox' })?.env).toMatchObject({ XATTRS: 'none', ACLS: 'none' });
});

test('the claim is read-only as a volume, so that nothing of it is ever changed', () => {
  expect(part(minimal)?.mounts).toEqual([{ type: 'claim', claim: 'app-data', path: '/data', readOnly: true }]);
});

test.each([
  [{ tar: 'gnu' }, 'postgres17', 'zstd', '1'],
  [{ tar: 'gnu', compression: 'gzip' }, 'postgres17', 'gzip', '6'],
  [{ tar: 'busybox' }, 'busybox', 'gzip', '6'],
] as const)('%j runs in the image %s and packs with %s, level %s', (written, image, method, level) => {
  expect(part({ ...minimal, ...written })).toMatchObject({ image, env: { COMPRESSION: method, COMPRESSION_LEVEL: level } });
});

test('without compression there is no level', () => {
  expect(part({ ...minimal, compression: 'none' })?.env).not.toHaveProperty('COMPRESSION_LEVEL');
});

test.each<[string, Partial<Settings>, string, string]>([
  ['nextTo and node', { nextTo: { app: 'web' }, node: 'node-1' }, 'node', 'nextTo and node are both given'],
  ['a ReadWriteOnce claim without placement', { accessMode: 'ReadWriteOnce' }, 'accessMode', 'a ReadWriteOnce claim without placement'],
  ['zstd of BusyBox', { ...minimal, tar: 'busybox', compression: 'zstd' }, 'compression', 'BusyBox has no zstd'],
  ['a level of nothing', { ...minimal, compression: 'none', level: 1 }, 'level', "a level is given, but compression is 'none'"],
  ['attributes with BusyBox', { ...minimal, tar: 'busybox', xattrs: true }, 'xattrs', "BusyBox' tar cannot keep them"],
  ['ACLs with BusyBox', { ...minimal, tar: 'busybox', acls: true }, 'acls', "BusyBox' tar cannot keep them"],
  ['a level beyond gzip', { ...minimal, tar: 'busybox', level: 10 }, 'level', 'gzip has levels 1 to 9'],
])('%s is refused', (_, written, path, message) => {
  const found = findings(written);
  expect(found.map((finding) => [finding.path.join('.'), finding.message, finding.severity])).toEqual([[path, message, undefined]]);
  expect(found[0]?.hint).toBeTruthy();
});

test('a claim of which nobody says what it allows is a warning without placement', () => {
  expect(findings({})).toMatchObject([{ path: ['claim'], severity: 'warning' }]);
});

test.each<Partial<Settings>>([
  { nextTo: { app: 'web' } },
  { node: 'node-1' },
  { accessMode: 'ReadWriteMany' },
  { accessMode: 'ReadOnlyMany' },
  { accessMode: 'ReadWriteOnce', node: 'node-1' },
])('%j is right', (written) => {
  expect(findings(written)).toEqual([]);
});

test.each(['', '/etc', '..', 'a/../b', 'a/..', 'a\nb'])('the path %j, which names nothing or could lead out of the claim, is refused', (path) => {
  expect(volume.schema.safeParse({ ...minimal, path }).success).toBe(false);
});

test.each(['.', 'a/b', '..data', 'a b/ü'])('the path %j is taken', (path) => {
  expect(volume.schema.safeParse({ ...minimal, path }).success).toBe(true);
});

test('the copy method is refused for now, and says so', () => {
  const refused = volume.schema.safeParse({ ...minimal, copyMethod: 'Clone' });
  expect(refused.error?.issues.map((issue) => issue.message)).toEqual(['the copy method of a volume is not built yet']);
});
