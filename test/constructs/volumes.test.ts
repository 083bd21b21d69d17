import { expect, test } from 'vitest';
import { mountedOf, Volumes } from '../../lib/constructs/volumes.ts';
import type { Mount } from '../../lib/pod.ts';

function volumesFor(...containers: readonly (readonly Mount[])[]) {
  const volumes = new Volumes();
  const mounts = containers.map((mountsOfOne) => volumes.mount(mountedOf(mountsOfOne)));
  return { mounts, volumes: volumes.all() };
}

const source: Mount = { type: 'claim', claim: 'app-data', path: '/data', readOnly: true };
const storage: Mount = { type: 'claim', claim: 'backup-local', path: '/storage/local', readOnly: false };

test('a claim that is only read is a read-only volume, so that the kubelet does not change its modes', () => {
  expect(volumesFor([source])).toEqual({
    mounts: [[{ name: 'data', mountPath: '/data', readOnly: true }]],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'app-data', readOnly: true } }],
  });
});

test('a claim that is written to is a writable volume', () => {
  expect(volumesFor([storage])).toEqual({
    mounts: [[{ name: 'storage-local', mountPath: '/storage/local' }]],
    volumes: [{ name: 'storage-local', persistentVolumeClaim: { claimName: 'backup-local' } }],
  });
});

test('two containers that mount the same claim share its volume', () => {
  expect(volumesFor([storage], [storage]).volumes).toHaveLength(1);
});

test('a claim at two paths is one volume, because the kubelet hangs on two', () => {
  const { mounts, volumes } = volumesFor([storage], [{ ...storage, path: '/storage/near' }]);
  expect(volumes).toHaveLength(1);
  expect(mounts.map(([mount]) => [mount?.name, mount?.mountPath])).toEqual([
    ['storage-local', '/storage/local'],
    ['storage-local', '/storage/near'],
  ]);
});

test('two containers with different files at the same path get separate volumes', () => {
  const ca = (configMap: string): Mount => ({ type: 'configMap', configMap, key: 'ca.crt', path: '/etc/backstay/postgres/ca.crt' });
  const { mounts, volumes } = volumesFor([ca('one')], [ca('two')], [ca('one')]);
  expect(mounts.map(([mount]) => mount?.name)).toEqual(['etc-backstay-postgres', 'etc-backstay-postgres-2', 'etc-backstay-postgres']);
  expect(volumes.map(({ projected }) => projected?.sources?.[0]?.configMap?.name)).toEqual(['one', 'two']);
});

test('all files of a folder are one volume, whether from Secrets, ConfigMaps or tokens', () => {
  const mounts: Mount[] = [
    { type: 'configMap', configMap: 'ca', key: 'ca.pem', path: '/etc/x/ca.crt' },
    { type: 'secret', secret: 'tls', key: 'tls.crt', path: '/etc/x/cert' },
    { type: 'token', audience: 'sts.amazonaws.com', path: '/etc/x/token' },
  ];
  expect(volumesFor(mounts)).toEqual({
    mounts: [[{ name: 'etc-x', mountPath: '/etc/x', readOnly: true }]],
    volumes: [
      {
        name: 'etc-x',
        projected: {
          sources: [
            { configMap: { name: 'ca', items: [{ key: 'ca.pem', path: 'ca.crt' }] } },
            { secret: { name: 'tls', items: [{ key: 'tls.crt', path: 'cert' }] } },
            { serviceAccountToken: { audience: 'sts.amazonaws.com', path: 'token' } },
          ],
        },
      },
    ],
  });
});

test('the volume of a long path gets a valid, unique name', () => {
  const at = (path: string, claim: string): Mount => ({ ...storage, claim, path });
  const names = volumesFor([at(`/storage/${'a'.repeat(63)}`, 'one'), at(`/storage/${'a'.repeat(62)}b`, 'other')]).volumes.map(({ name }) => name);
  expect(new Set(names).size).toBe(2);
  for (const name of names) expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
});
