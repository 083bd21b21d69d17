import fc from 'fast-check';
import { load } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { toYaml } from '../../lib/charts/writer.ts';
import { scriptFiles, scriptText } from '../../lib/scripts.ts';
import { documents } from '../support/nasty-values.ts';

describe('the written YAML gives the same value', () => {
  test('for any value, as read by js-yaml', () => {
    fc.assert(
      fc.property(documents, (value) => void expect(load(toYaml([value], 'x'))).toEqual(value)),
      { numRuns: 500 },
    );
  });
});

describe('writes texts of several lines', () => {
  test.each(scriptFiles())('as a block, line by line and with tabs: %s', (file) => {
    const script = scriptText(file);
    const written = toYaml([{ data: { [file]: script } }], 'x');
    expect(written).toBe(`# x\ndata:\n  ${file}: |\n${script.replace(/^(?=.)/gm, '    ')}`);
  });

  test.each([
    ['a tab before the first word', '\tif true\n', 'k: |2\n  \tif true\n'],
    ['a space before the first word', ' a\nb', 'k: |2-\n   a\n  b\n'],
    ['no end of line at the end', 'a\n\tb', 'k: |-\n  a\n  \tb\n'],
    ['empty lines at the end', 'a\n\n', 'k: |+\n  a\n\n'],
    ['an empty line within', 'a\n\nb\n', 'k: |\n  a\n\n  b\n'],
    ['a carriage return, which a block would lose', 'a\r\nb\n', 'k: "a\\r\\nb\\n"\n'],
    ['a line separator, which some parsers end a line at', 'a\u2028\nb', 'k: "a\\L\\nb"\n'],
  ])('with %s', (_, value, written) => {
    expect(toYaml([{ k: value }], 'x')).toBe(`# x\n${written}`);
  });
});

test('never folds long lines', () => {
  const long = 'word '.repeat(100).trim();
  expect(toYaml([{ long, lines: `${long}\n${long}` }], 'x')).toBe(`# x\nlines: |-\n  ${long}\n  ${long}\nlong: ${long}\n`);
});

test('writes the keys that people look for first and sorts the others', () => {
  const written = toYaml(
    [{ spec: { b: 1, a: [{ image: 'i', env: [], name: 'web' }], none: undefined }, kind: 'Pod', metadata: { labels: {} }, apiVersion: 'v1' }],
    'x',
  );
  expect(written).toBe(`# x
apiVersion: v1
kind: Pod
metadata:
  labels: {}
spec:
  a:
    - name: web
      image: i
      env: []
  b: 1
`);
});

test('separates several documents, and writes a header of several lines', () => {
  expect(toYaml([{ a: 1 }, { b: [[1, 2], [{}]] }], 'one\ntwo')).toBe('# one\n# two\na: 1\n---\nb:\n  - - 1\n    - 2\n  - - {}\n');
});

test('repeats equal parts instead of using anchors, which reviewers cannot follow', () => {
  const shared = { app: 'web' };
  expect(toYaml([{ a: shared, b: shared }], 'x')).toBe('# x\na:\n  app: web\nb:\n  app: web\n');
});
