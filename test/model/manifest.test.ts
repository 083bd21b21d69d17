import { describe, expect, test } from 'vitest';
import { oneOf } from '../../lib/config/plain-words.ts';
import { ConfigError } from '../../lib/errors.ts';
import { parseManifest, strictManifest } from '../../lib/model/manifest.ts';
import { SOURCE_KINDS } from '../../lib/sources/index.ts';
import { postgres } from '../../lib/sources/postgres/kind.ts';
import { MANIFEST, POSTGRES_PART } from '../support/manifest.ts';
import { SAMPLE_PARTS } from '../support/samples.ts';

const POSTGRES_METHOD = `prod/shop: parts[0].method: expected ${oneOf(postgres.methods.map(({ name }) => name))}`;
const GLOBALS = { ...POSTGRES_PART.files[0], name: '20261121-093000-bcdfghjk+globals.sql', role: 'globals' };
const read = (value: unknown) => parseManifest(JSON.stringify(value), 'prod/shop');

function refusal(value: unknown): ConfigError {
  try {
    read(value);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('it was read');
}

test.each([
  ['as the scripts write it', MANIFEST],
  ['with a part by each method of each kind', { ...MANIFEST, parts: SAMPLE_PARTS }],
  ['with the roles and tablespaces of a server', { ...MANIFEST, parts: [{ ...POSTGRES_PART, files: [...POSTGRES_PART.files, GLOBALS] }] }],
])('reads a manifest %s', (_, whole) => {
  expect(read(whole)).toEqual(whole);
  expect(strictManifest.parse(whole)).toEqual(whole);
});

test('keeps unknown keys of a newer version', () => {
  const newer = { ...MANIFEST, expires: '2027-01-01T00:00:00Z', parts: [{ ...POSTGRES_PART, wal: { start: '0/1' } }] };
  expect(read(newer)).toEqual(newer);
});

test('rejects unknown keys in manifests of our own scripts', () => {
  expect(strictManifest.safeParse({ ...MANIFEST, more: 1 }).success).toBe(false);
  expect(strictManifest.safeParse({ ...MANIFEST, parts: [{ ...POSTGRES_PART, more: 1 }] }).success).toBe(false);
});

test('rejects a truncated manifest, with a hint', () => {
  expect(() => parseManifest(JSON.stringify(MANIFEST).slice(0, 200), 'prod/shop')).toThrow('prod/shop: not JSON, or only half of it');
});

describe('rejects a manifest with', () => {
  test.each([
    ['another version', { ...MANIFEST, version: 'backstay/v2' }, "prod/shop: version: expected 'backstay/v1'"],
    ['no parts', { ...MANIFEST, parts: [] }, 'prod/shop: parts: expected at least one entry'],
    [
      'a part of an unknown kind',
      { ...MANIFEST, parts: [{ ...POSTGRES_PART, kind: 'newer' }] },
      `prod/shop: parts[0].kind: expected ${oneOf(SOURCE_KINDS.map(({ name }) => name))}`,
    ],
    ['a part by an unknown method', { ...MANIFEST, parts: [{ ...POSTGRES_PART, method: 'newer' }] }, POSTGRES_METHOD],
    ['a part by a method of another kind', { ...MANIFEST, parts: [{ ...POSTGRES_PART, method: 'tar' }] }, POSTGRES_METHOD],
    ['a part that is not an object', { ...MANIFEST, parts: ['postgres'] }, 'prod/shop: parts[0]: expected a mapping'],
    ['a name without a time', { ...MANIFEST, name: 'latest' }, 'prod/shop: name: expected a name with one time and the run id'],
    ['a time without a time zone', { ...MANIFEST, start: '2026-11-21T09:30:00' }, 'prod/shop: start: expected a time in UTC'],
    ['a run id that could be a number', { ...MANIFEST, runId: '12345678' }, 'prod/shop: runId: expected eight of the letters'],
    ['a size that is a text', { ...MANIFEST, bytes: '12' }, 'prod/shop: bytes: expected a number'],
    ['a negative size', { ...MANIFEST, bytes: -2_147_483_648 }, 'prod/shop: bytes: expected at least 0'],
    [
      'a truncated checksum',
      { ...MANIFEST, parts: [{ ...POSTGRES_PART, files: [{ ...POSTGRES_PART.files[0], sha256: 'abc' }] }] },
      'files[0].sha256',
    ],
    [
      'a file in another folder',
      { ...MANIFEST, parts: [{ ...POSTGRES_PART, files: [{ ...POSTGRES_PART.files[0], name: '../x' }] }] },
      'files[0].name',
    ],
  ])('%s', (_, value, message) => {
    expect(refusal(value).message).toContain(message);
  });

  test('several errors, all at once', () => {
    expect(refusal({ ...MANIFEST, bytes: -1, runId: 'x', storages: [] }).diagnostics).toHaveLength(3);
  });
});
