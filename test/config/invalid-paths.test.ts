import { expect, test } from 'vitest';
import { follows, hasInvalid, invalidPathsOf, without } from '../../lib/config/invalid-paths.ts';

const invalid = invalidPathsOf([
  ['storages', 'local'],
  ['plans', 'default', 'storages', 1, 'keep', 'last'],
  ['sources', 'shop', 'postgres', 'databse'],
  ['sources', 'shop', 'postgres', 'version'],
]);

test('removes invalid values: lists as a whole, while entries that others reference stay as empty entries', () => {
  const tree = {
    storages: { local: 5, offsite: { s3: {} } },
    plans: { default: { storages: ['local', { name: 'offsite', keep: { last: 0 } }], suspend: true } },
    sources: { shop: { postgres: { databse: 'shop', version: 13, host: 'db' } } },
  };
  expect(without(tree, invalid)).toEqual({
    storages: { local: {}, offsite: { s3: {} } },
    plans: { default: { suspend: true } },
    sources: { shop: { postgres: { host: 'db' } } },
  });
});

test('returns the same object if nothing is invalid', () => {
  const tree = { namespace: 'backup' };
  expect(without(tree, invalidPathsOf([]))).toBe(tree);
});

test.each([
  ['what was refused', ['storages', 'local'], true],
  ['something in it', ['storages', 'local', 'pvc', 'size'], true],
  ['the list that a refused item is in', ['plans', 'default', 'storages'], true],
  ['a key that was meant by one with a typing mistake', ['sources', 'shop', 'postgres', 'database'], true],
  ['something beside it', ['sources', 'shop', 'postgres', 'host'], false],
  ['what it is in', ['sources', 'shop', 'postgres'], false],
  ['another entry', ['storages', 'offsite'], false],
])('whether an error only follows from an invalid path: %s', (_, path, expected) => {
  expect(follows(path, invalid)).toBe(expected);
});

test('an object with an invalid key is not checked for missing keys', () => {
  expect(hasInvalid(['sources', 'shop', 'postgres'], invalid)).toBe(true);
  expect(hasInvalid(['sources', 'shop'], invalid)).toBe(false);
  expect(hasInvalid(['sources', 'wiki'], invalid)).toBe(false);
});
