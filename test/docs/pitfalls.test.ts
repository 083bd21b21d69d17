import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const PAGE = 'docs/decisions/pitfalls.md';

interface Row {
  readonly pitfall: string;
  readonly prevention: string;
  readonly pins: string;
}

const rows = readFileSync(PAGE, 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| Pitfall |') && !line.startsWith('| --- |'))
  .map((line): Row => {
    const [, pitfall = '', prevention = '', pins = ''] = line.split(/ ?\| ?/);
    return { pitfall, prevention, pins };
  });

const PIN = /`([^`]+)` "([^"]+)"/g;

/** Each test that the page names, with its pitfall. */
const pins = rows.flatMap((row) => [...row.pins.matchAll(PIN)].map(([, file = '', words = '']) => ({ pitfall: row.pitfall, file, words })));

function pathOf(file: string): string {
  return file.endsWith('.json') ? `test/${file}` : `test/${file}.test.ts`;
}

/** Names of tests: quoted texts that begin a call, a row of a table or a line. In vectors, the names of their cases. */
function namesIn(path: string): readonly string[] {
  const text = readFileSync(path, 'utf8');
  if (path.endsWith('.json')) return [...text.matchAll(/"name": "([^"]+)"/g)].map(([, name = '']) => name);
  return [...text.matchAll(/(?:[[(]|^\s+)(['"`])(.*?[^\\])\1[,\])]/gm)].map(([, , name = '']) => name);
}

test('the page lists all pitfalls, each once', () => {
  expect(rows.length).toBeGreaterThan(100);
  expect(new Set(rows.map(({ pitfall }) => pitfall)).size).toBe(rows.length);
});

test('every row explains what prevents the pitfall', () => {
  expect(rows.filter(({ pitfall, prevention }) => pitfall.length < 15 || prevention.length < 10)).toEqual([]);
});

test('the last column contains only names of tests in the form that this file checks', () => {
  expect(rows.map((row) => row.pins.replaceAll(PIN, '').replaceAll(', ', '')).filter((rest) => rest !== '')).toEqual([]);
  expect(rows.filter((row) => row.pins !== '').length).toBeGreaterThan(75);
});

describe('the test that the page names for a pitfall exists', () => {
  test.each(pins)('$pitfall: $file "$words"', ({ file, words }) => {
    const path = pathOf(file);
    expect(existsSync(path), `${path}, named in ${PAGE}`).toBe(true);
    const wanted = words.toLowerCase();
    expect(
      namesIn(path).filter((name) => name.toLowerCase().includes(wanted)),
      `names of tests in ${path} with "${words}"`,
    ).not.toEqual([]);
  });
});

test('no name of a test begins with the number of a list outside the repository', () => {
  const files = execFileSync('git', ['ls-files', 'test/**/*.test.ts', 'test/vectors/*.json'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  expect(files.length).toBeGreaterThan(100);
  const numbered = files.flatMap((file) =>
    namesIn(file).flatMap((name) => (/^(P|rule |promise )\d|^\d+\.\d+: /.test(name) ? [`${file}: ${name}`] : [])),
  );
  expect(numbered).toEqual([]);
});
