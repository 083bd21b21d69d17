import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { load } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { type Json, toYaml } from '../../lib/charts/writer.ts';
import { readLikeKubectl } from '../support/go-yaml.ts';

/** Texts that some parser takes for something else, or for the end of something. */
const NASTY = [
  '0o17', '017', '0x1f', '0b1', '1e3', '1_000', '12:30', '12:30:45', '1.', '.5', '-1', '+1', '.inf', '-.Inf', '.nan', 'NaN', 'inf', 'Infinity',
  'yes', 'no', 'on', 'off', 'y', 'n', 'Y', 'N', 'Yes', 'OFF', 'true', 'TRUE', 'False', 'null', 'NULL', 'Null', '~', '=', '<<', '', ' ', '  ', '\t',
  '2026-11-21', '2026-11-21T09:30:00Z', '20261121', '-', '--', '---', '...', '- a', '? a', ': a', 'a: b', 'a:b', 'a #b', '#a', '!a', '&a', '*a', '|', '>',
  '%a', '@a', '`a', '"', "'", '"a"', "'a'", '{a}', '[a]', '{', '}', ',', 'a,b', '\\', '\\n', 'a\\', ' a', 'a ', '\ta', 'a\t', 'a\tb',
  '\n', '\n\n', 'a\n', 'a\n\n', '\na', '\n\na', 'a\nb', 'a\n\nb\n', ' a\nb', '\ta\nb', '\n\ta\nb', '\n a', 'a\n\tb', 'a\n b\n', 'a \nb ', 'a\n \nb', 'a\n\t\nb',
  '\t\na', ' \na', 'a\n---\nb', '---\na', 'a\n...\n', '# a\nb', 'a\r\nb', 'a\rb', '\r', 'a\u0085b', 'a\u2028b\nc', 'a\u00a0b\nc', '\uFEFFa\nb', 'a\nb\uFEFF',
  '\u0000', 'a\u0007b', '\u007f', '😀', 'é', 'a😀\nb\t😀', '\ufffe', '日本\n語', '${HOME}', '$(PW)', '$$', '{{ .RunID }}', '%', '0 2 * * *', '*/5 * * * *',
  '1Gi', '500m', '0', '1', '00', 'e3', 'E1', '1e', '0.0.0.0/0', '::/0', '/', '//', 'a/b.c-d_e', 'a.b', '.a', '_a', '/0', 'A',
] as const; // biome-ignore format: one line a family

const text = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('a', ' ', '\t', '\n', '-', ':', '#', '|', '1', "'", '"', '.', 'é', '😀', '\r', '\\', '\u2028'), maxLength: 14 }),
);
const json = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(
      text.filter((key) => key !== '__proto__'),
      tie('json'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).json;
const documents = json.map((value) => ({ value }));

describe('what is read is what was written', () => {
  test('by js-yaml, whatever the value', () => {
    fc.assert(
      fc.property(documents, (value) => void expect(load(toYaml([value], 'x'))).toEqual(value)),
      { numRuns: 2000 },
    );
  });

  test('by the parser of kubectl, which turned "0o17" of cdk8s into 15 and refused a text that begins with a tab', () => {
    const values = { nasty: [...NASTY], keys: Object.fromEntries(NASTY.map((key) => [key, key])), more: fc.sample(json, { numRuns: 3000, seed: 7 }) };
    expect(readLikeKubectl(toYaml([values], 'x'))).toEqual(values);
  });
});

describe('texts of several lines', () => {
  test.each(readdirSync('scripts'))('%s stands in the YAML line by line, tabs and all', (file) => {
    const script = readFileSync(`scripts/${file}`, 'utf8');
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
  ])('%s', (_, value, written) => {
    expect(toYaml([{ k: value }], 'x')).toBe(`# x\n${written}`);
  });
});

test('long lines are never folded', () => {
  const long = 'word '.repeat(100).trim();
  expect(toYaml([{ long, lines: `${long}\n${long}` }], 'x')).toBe(`# x\nlines: |-\n  ${long}\n  ${long}\nlong: ${long}\n`);
});

test('what people look for stands first, then the alphabet, whatever the order in which it was set', () => {
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

test('several documents are several, and a comment of several lines is one', () => {
  expect(toYaml([{ a: 1 }, { b: [[1, 2], [{}]] }], 'one\ntwo')).toBe('# one\n# two\na: 1\n---\nb:\n  - - 1\n    - 2\n  - - {}\n');
});

test('equal parts stand twice: no anchors, which reviewers cannot follow', () => {
  const shared = { app: 'web' };
  expect(toYaml([{ a: shared, b: shared }], 'x')).toBe('# x\na:\n  app: web\nb:\n  app: web\n');
});
