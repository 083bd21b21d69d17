import { expect, test } from 'vitest';
import { capabilitiesOf, containerSecurity, podSecurity } from '../../lib/constructs/security.ts';
import { aRun } from '../support/model.ts';

const podOf = (pod: object) => podSecurity(aRun({ pod }).pod);

test('by default a pod is what Pod Security "restricted" asks for', () => {
  expect(podOf({})).toEqual({
    runAsNonRoot: true,
    runAsUser: 999,
    runAsGroup: 999,
    fsGroup: 10_999,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  });
  expect(containerSecurity()).toEqual({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, readOnlyRootFilesystem: true });
});

test('it runs as the user that can read the data', () => {
  expect(podOf({ runAsUser: 1000, runAsGroup: 33, supplementalGroups: [44] })).toMatchObject({
    runAsUser: 1000,
    runAsGroup: 33,
    supplementalGroups: [44],
  });
});

test('pods of several users share a storage through one group', () => {
  expect([podOf({}), podOf({ runAsUser: 1000 }), podOf({ runAsUser: 0 })].map(({ fsGroup }) => fsGroup)).toEqual([10_999, 10_999, 10_999]);
});

test('root is root only where it was asked for', () => {
  expect(podOf({ runAsUser: 0 })).toMatchObject({ runAsNonRoot: false, runAsUser: 0, runAsGroup: 0 });
});

test('a capability is added to none', () => {
  expect(containerSecurity(['DAC_READ_SEARCH']).capabilities).toEqual({ drop: ['ALL'], add: ['DAC_READ_SEARCH'] });
});

test('a step has the capabilities that the values give only where it asks for them', () => {
  const { pod } = aRun({ pod: { runAsUser: 0, capabilities: ['DAC_READ_SEARCH'] } });
  expect(capabilitiesOf({ asWritten: true }, pod)).toEqual(['DAC_READ_SEARCH']);
  expect(capabilitiesOf({}, pod)).toEqual([]);
});

test('a step has the capabilities of its own only as root', () => {
  const privileges = { asRoot: ['CHOWN'] };
  expect(capabilitiesOf(privileges, aRun({ pod: { runAsUser: 0 } }).pod)).toEqual(['CHOWN']);
  expect(capabilitiesOf(privileges, aRun().pod)).toEqual([]);
});
