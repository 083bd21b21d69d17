import { expect, test } from 'vitest';
import { isNewer, packageVersion } from '../../lib/version.ts';

test('the version of the package is one', () => {
  expect(packageVersion()).toMatch(/^\d+\.\d+\.\d+/);
});

test.each([
  ['0.2.0', '0.1.9', true],
  ['0.10.0', '0.9.0', true],
  ['1.0.0', '0.99.99', true],
  ['0.1.0', '0.1.0', false],
  ['0.1.0', '0.1.0-rc.1', true],
  ['0.1.0-rc.1', '0.1.0', false],
  ['0.1.0-rc.10', '0.1.0-rc.9', true],
  ['0.1.0-rc.1', '0.1.0-rc.2', false],
  ['0.1.0+build.5', '0.1.0', false],
  ['0.1.0', '0.1.1', false],
])('%s is newer than %s: %s', (version, than, expected) => {
  expect(isNewer(version, than)).toBe(expected);
});
