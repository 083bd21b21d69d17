import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** The pitfalls of what is built. */
const NUMBERS = [...upTo(102), ...upTo(119).slice(112)];

function upTo(last: number): readonly number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

const rows = [...readFileSync('docs/decisions/pitfalls.md', 'utf8').matchAll(/^\| (\d+) \| (.+) \| (.+) \|$/gm)].map(
  ([, number, what = '', how = '']) => ({ number: Number(number), what, how }),
);

const tests = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'test/**/*.test.ts', 'test/vectors/*.json'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && !file.endsWith('docs/pitfalls.test.ts'))
  .map((file) => readFileSync(file, 'utf8'));

const quoted = new Map(rows.map(({ number, how }) => [number, [...(/^\*\*tests\*\* \("([^"]+)"\)/.exec(how) ?? [])].slice(1)]));
const tested = new Set([
  ...tests.flatMap((text) => [...text.matchAll(/\bP(\d{1,3})\b/g)].map(([, number]) => Number(number))),
  ...[...quoted].flatMap(([number, names]) => (names.length > 0 ? [number] : [])),
]);

test('every pitfall is on the page, in order, once', () => {
  expect(rows.map(({ number }) => number)).toEqual(NUMBERS);
});

test('what the page calls tested is named by a test', () => {
  const claimed = rows.filter(({ how }) => how.startsWith('**tests**'));
  expect(claimed.length).toBeGreaterThan(50);
  expect(claimed.map(({ number }) => number).filter((number) => !tested.has(number))).toEqual([]);
});

test('a test that the page quotes is there', () => {
  const names = [...quoted.values()].flat();
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => !tests.some((text) => ["'", '"', '`'].some((quote) => text.includes(`${quote}${name}${quote}`))))).toEqual([]);
});

test('what no test names has a reason', () => {
  const reasons = rows.filter(({ number }) => !tested.has(number));
  expect(reasons.filter(({ how }) => how.length < 25 || how.startsWith('**tests**'))).toEqual([]);
});
