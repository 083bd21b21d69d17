import { expect, test } from 'vitest';
import { resources, scratch } from '../../lib/constructs/scratch.ts';
import { aRun } from '../support/model.ts';

const podOf = (pod: object) => aRun({ pod }).pod;

test('scratch on the node is sized, a little above what the scripts stop at: an eviction says nothing', () => {
  expect(scratch(podOf({ scratch: { size: '2Gi' } }).scratch)).toEqual([
    { path: '/work', volume: { emptyDir: { sizeLimit: '2112Mi' } } },
    { path: '/tmp', volume: { emptyDir: { sizeLimit: '64Mi' } } },
  ]);
});

test('no container may exceed the scratch, and a tenth of it is reserved', () => {
  expect(resources(podOf({ scratch: { size: '2Gi' } }))).toEqual({
    requests: { cpu: '50m', memory: '128Mi', 'ephemeral-storage': '333Mi' },
    limits: { memory: '512Mi', 'ephemeral-storage': '2240Mi' },
  });
});

test.each([
  ['what the values ask for', '1Gi', '1152Mi'],
  ['the whole scratch at most: Kubernetes refuses a request above the limit', '9Gi', '2176Mi'],
])('the reserved part of the scratch is %s', (_, request, reserved) => {
  expect(resources(podOf({ scratch: { size: '2Gi', request } })).requests).toMatchObject({ 'ephemeral-storage': reserved });
});

test('twelve databases with the default scratch fit on a node with 20 GiB of disk at the same time', () => {
  const requested = Number.parseInt(String(resources(podOf({})).requests?.['ephemeral-storage']), 10);
  expect(12 * requested).toBeLessThan(20 * 1024);
});

test('no limit on processors unless it was asked for', () => {
  const limits = { cpu: '2', memory: '1Gi' };
  expect(resources(podOf({})).limits).not.toHaveProperty('cpu');
  expect(resources(podOf({ resources: { limits } })).limits).toMatchObject(limits);
});

test('a large database takes its room from a class, and little from the node', () => {
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
