import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { METHOD_NAMES, SOURCE_KINDS } from '../../lib/sources/index.ts';

const names = [...SOURCE_KINDS.map(({ name }) => name), ...METHOD_NAMES];
/** A comparison with the name of a kind, and an import from the folder of one. */
const MENTIONS = [
  new RegExp(`(===|!==|case|literal\\(|includes\\(|\\b(name|kind|method):) ?'(${names.join('|')})'`),
  new RegExp(`from '(\\./|[./]+/sources/)(${SOURCE_KINDS.map(({ name }) => name).join('|')})/`),
];

const files = readdirSync('lib', { recursive: true, encoding: 'utf8' })
  .map((file) => join('lib', file))
  .filter((file) => file.endsWith('.ts'));
const mentioning = files.filter((file) => MENTIONS.some((pattern) => pattern.test(readFileSync(file, 'utf8'))));

test('no file outside lib/sources names a kind or a method, so that a new one changes no other file', () => {
  expect(mentioning.filter((file) => !file.startsWith('lib/sources/'))).toEqual([]);
});

test('in lib/sources only the list of kinds names more than one', () => {
  const shared = mentioning.filter((file) => /^lib\/sources\/[^/]+\.ts$/.test(file));
  expect(shared).toEqual(['lib/sources/index.ts']);
});

test('the patterns find names in files that have them', () => {
  expect(files.length).toBeGreaterThan(100);
  expect(mentioning).toEqual(expect.arrayContaining(['lib/sources/postgres/dump.ts', 'lib/sources/volume/kind.ts', 'lib/sources/index.ts']));
});
