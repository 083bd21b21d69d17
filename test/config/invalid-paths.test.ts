import { expect, test } from 'vitest';
import { follows, hasInvalid, invalidPathsOf, without } from '../../lib/config/invalid-paths.ts';

const invalid = invalidPathsOf([
  ['storages', 'local'],
  ['plans', 'default', 'storages', 1, 'keep', 'last'],
  ['sources', 'shop', 'postgres', 'databse'],
  ['sources', 'shop', 'postgres', 'version'],
]);

test('the rest of the values stays; a list goes whole, and an entry that others name stays as a name', () => {
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

test('values in which nothing was refused are the same values', () => {
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
])('a mistake follows from a refusal, or not: %s', (_, path, expected) => {
  expect(follows(path, invalid)).toBe(expected);
});

test('what is missing in an object need not be missed while something in it was refused', () => {
  expect(hasInvalid(['sources', 'shop', 'postgres'], invalid)).toBe(true);
  expect(hasInvalid(['sources', 'shop'], invalid)).toBe(false);
  expect(hasInvalid(['sources', 'wiki'], invalid)).toBe(false);
});
