import { expect, test } from 'vitest';
import { capabilitiesOf, containerSecurity, podSecurity } from '../../lib/constructs/security.ts';
import { aRun } from '../support/model.ts';

const podOf = (pod: object) => podSecurity(aRun({ pod }).pod);

test('a pod meets Pod Security "restricted" by default', () => {
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

test('a pod runs as the user that can read the data', () => {
  expect(podOf({ runAsUser: 1000, runAsGroup: 33, supplementalGroups: [44] })).toMatchObject({
    runAsUser: 1000,
    runAsGroup: 33,
    supplementalGroups: [44],
  });
});

test('pods of several users share a storage through one group', () => {
  expect([podOf({}), podOf({ runAsUser: 1000 }), podOf({ runAsUser: 0 })].map(({ fsGroup }) => fsGroup)).toEqual([10_999, 10_999, 10_999]);
});

test('a pod runs as root only if the values set it', () => {
  expect(podOf({ runAsUser: 0 })).toMatchObject({ runAsNonRoot: false, runAsUser: 0, runAsGroup: 0 });
});

test('no capability is added by default', () => {
  expect(containerSecurity(['DAC_READ_SEARCH']).capabilities).toEqual({ drop: ['ALL'], add: ['DAC_READ_SEARCH'] });
});

test('a step gets the capabilities of the values only if it requests them', () => {
  const { pod } = aRun({ pod: { runAsUser: 0, capabilities: ['DAC_READ_SEARCH'] } });
  expect(capabilitiesOf({ asWritten: true }, pod)).toEqual(['DAC_READ_SEARCH']);
  expect(capabilitiesOf({}, pod)).toEqual([]);
});

test("a step's own capabilities apply only to root", () => {
  const privileges = { asRoot: ['CHOWN'] };
  expect(capabilitiesOf(privileges, aRun({ pod: { runAsUser: 0 } }).pod)).toEqual(['CHOWN']);
  expect(capabilitiesOf(privileges, aRun().pod)).toEqual([]);
});
