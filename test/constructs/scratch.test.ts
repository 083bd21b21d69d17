import { expect, test } from 'vitest';
import { resources, scratch } from '../../lib/constructs/scratch.ts';
import { aRun } from '../support/model.ts';

const podOf = (pod: object) => aRun({ pod }).pod;

test('the limit on the node is above the size at which the scripts stop, because an eviction leaves no reason', () => {
  expect(scratch(podOf({ scratch: { size: '2Gi' } }).scratch)).toEqual([
    { path: '/work', volume: { emptyDir: { sizeLimit: '2112Mi' } } },
    { path: '/tmp', volume: { emptyDir: { sizeLimit: '64Mi' } } },
  ]);
});

test('limits each container to the scratch, and requests a tenth of it', () => {
  expect(resources(podOf({ scratch: { size: '2Gi' } }))).toEqual({
    requests: { cpu: '50m', memory: '128Mi', 'ephemeral-storage': '333Mi' },
    limits: { memory: '512Mi', 'ephemeral-storage': '2240Mi' },
  });
});

test.each([
  ['the request of the values', '1Gi', '1152Mi'],
  ['at most the whole scratch, because Kubernetes refuses a request above the limit', '9Gi', '2176Mi'],
])('requests %s', (_, request, reserved) => {
  expect(resources(podOf({ scratch: { size: '2Gi', request } })).requests).toMatchObject({ 'ephemeral-storage': reserved });
});

test('twelve runs with the default scratch fit on a node with 20 GiB of disk', () => {
  const requested = Number.parseInt(String(resources(podOf({})).requests?.['ephemeral-storage']), 10);
  expect(12 * requested).toBeLessThan(20 * 1024);
});

test('does not limit processors by default', () => {
  const limits = { cpu: '2', memory: '1Gi' };
  expect(resources(podOf({})).limits).not.toHaveProperty('cpu');
  expect(resources(podOf({ resources: { limits } })).limits).toMatchObject(limits);
});

test('scratch of a StorageClass uses little of the disk of the node', () => {
  const pod = podOf({ scratch: { size: '2Ti', storageClassName: 'fast' } });
  expect(scratch(pod.scratch)[0]).toEqual({
    path: '/work',
    volume: {
      ephemeral: {
        volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'fast', resources: { requests: { storage: '2Ti' } } } },
      },
    },
  });
  expect(resources(pod).requests).toMatchObject({ 'ephemeral-storage': '128Mi' });
});
