import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseYaml } from '../../lib/config/yaml.ts';
import { type Diagnostic, describeDiagnostic } from '../../lib/diagnostics.ts';

const said = (text: string) => parseYaml(text, 'base.yaml').diagnostics.map(describeDiagnostic).join('\n');

test('keys know their lines in blocks, in braces and in lists', () => {
  const { written } = parseYaml('# first\na:\n  b: { c: 1,\n    d: 2 }\n  e:\n    - x\n    - f: >\n        text\n      g: 3\n', 'base.yaml');
  const lines = (path: readonly string[]) => path.reduce((mark, key) => mark?.inside?.get(key), written?.mark)?.line;
  expect(['a', 'a b', 'a b c', 'a b d', 'a e', 'a e 0', 'a e 1', 'a e 1 f', 'a e 1 g'].map((path) => lines(path.split(' ')))).toEqual([
    2, 3, 3, 4, 5, 6, 7, 7, 9,
  ]);
});

test('YAML 1.2: yes, no and on are text, and 0o17 is the only octal', () => {
  expect(parseYaml('a: yes\nb: no\nc: on\nd: 0o17\ne: 017\nf: 2026-01-01\ng: 12:30\n', 'x').written?.tree).toEqual({
    a: 'yes',
    b: 'no',
    c: 'on',
    d: 15,
    e: 17,
    f: '2026-01-01',
    g: '12:30',
  });
});

test('an alias expands to its anchor, whose contents keep their own lines', () => {
  const { written } = parseYaml('a: &x\n  b: 1\nc: *x\n', 'x');
  expect(written?.tree).toEqual({ a: { b: 1 }, c: { b: 1 } });
  expect(written?.mark?.inside?.get('c')).toMatchObject({ line: 3 });
  expect(written?.mark?.inside?.get('c')?.inside?.get('b')).toMatchObject({ line: 2 });
});

test('rejects a duplicate key', () => {
  expect(said('a: 1\nb:\n  c: 1\n  c: 2\na: 3\n')).toMatchInlineSnapshot(`
    "b.c: duplicate key
      at base.yaml:4
      HINT: remove one of them: the first is on line 3
    a: duplicate key
      at base.yaml:5
      HINT: remove one of them: the first is on line 1"
  `);
});

test('rejects tabs', () => {
  expect(said('a:\n\tb: 1\n')).toMatchInlineSnapshot(`
    "invalid YAML: tab characters must not be used in indentation
      at base.yaml:2
      HINT: indent with spaces"
  `);
});

test('rejects an unclosed bracket', () => {
  expect(said('a: [1, 2\nb: 3\n')).toMatchInlineSnapshot(`
    "invalid YAML: deficient indentation
      at base.yaml:2
      HINT: close the quote, bracket or brace that is opened before this"
  `);
});

test('rejects an unclosed quote', () => {
  expect(said("a: 'text\nb: 3\n")).toMatchInlineSnapshot(`
    "invalid YAML: deficient indentation
      at base.yaml:2
      HINT: close the quote, bracket or brace that is opened before this"
  `);
});

test('rejects wrong indentation', () => {
  expect(said('a:\n  b: 1\n c: 2\n')).toMatchInlineSnapshot(`
    "invalid YAML: bad indentation of a mapping entry
      at base.yaml:3
      HINT: check indentation, quotes and brackets on this line and the one before"
  `);
});

test('rejects several documents', () => {
  expect(said('a: 1\n---\nb: 2\n---\nc: 3\n')).toMatchInlineSnapshot(`
    "a second document starts here
      at base.yaml:3
      HINT: one file is one environment: remove the \`---\`"
  `);
});

test('rejects a list instead of a mapping', () => {
  expect(said('- a\n- b\n')).toMatchInlineSnapshot(`
    "expected a mapping of keys to values
      at base.yaml:1
      HINT: start with \`namespace: backup\`; docs/values.md lists every key"
  `);
});

test('rejects text instead of a mapping', () => {
  expect(said('just text\n')).toMatchInlineSnapshot(`
    "expected a mapping of keys to values
      at base.yaml:1
      HINT: start with \`namespace: backup\`; docs/values.md lists every key"
  `);
});

test('rejects a key without a value', () => {
  expect(said('sources:\n  shop:\nplans: {}\n')).toMatchInlineSnapshot(`
    "sources.shop: empty value
      at base.yaml:2
      HINT: write {} to use every default; in the file of an environment, null removes the key"
  `);
});

test('rejects an item without a value', () => {
  expect(said('list:\n  -\n  - 1\n')).toMatchInlineSnapshot(`
    "list[0]: empty value
      at base.yaml:2
      HINT: remove the dash"
  `);
});

test('rejects: an item without a value at the end of a list is reported at the line of the item before', () => {
  expect(said('list:\n  - a\n  - b\n  -\n')).toContain('list[2]: empty value\n  at base.yaml:3');
});

test('rejects a merge key', () => {
  expect(said('a: &x { b: 1 }\nc:\n  <<: *x\n')).toMatchInlineSnapshot(`
    "c: '<<' does not merge in YAML 1.2
      at base.yaml:3
      HINT: use \`defaults\` and \`plans\` to share values"
  `);
});

test('rejects a list as a key', () => {
  expect(said('? [a, b]\n: 1\n')).toMatchInlineSnapshot(`
    "expected text as a key
      at base.yaml:1
      HINT: quote text that starts with {, [ or *"
  `);
});

test('rejects the key __proto__', () => {
  expect(said('a:\n  __proto__: { polluted: true }\n')).toMatchInlineSnapshot(`
    "a: the key '__proto__' is not allowed
      at base.yaml:2
      HINT: rename it"
  `);
});

test('rejects an unknown alias', () => {
  expect(said('a: *secret\n')).toMatchInlineSnapshot(`
    "a: unknown alias
      at base.yaml:1
      HINT: quote text that starts with *"
  `);
});

test('rejects an alias that refers to itself', () => {
  expect(said('a: &x\n  b: *x\n')).toMatchInlineSnapshot(`
    "a.b: this alias refers to itself
      at base.yaml:2
      HINT: write out the value"
  `);
});

test('rejects an unknown tag', () => {
  expect(said('a: !!python/object:os.system [x]\nb: !secret x\n')).toMatchInlineSnapshot(`
    "invalid YAML: unknown tag or alias
      at base.yaml:1
      HINT: quote text that starts with ! or *"
  `);
});

test('rejects a control character', () => {
  expect(said('a: "x\u0000"\n')).toMatchInlineSnapshot(`
    "invalid YAML: null byte is not allowed in input
      at base.yaml:1
      HINT: check indentation, quotes and brackets on this line and the one before"
  `);
});

test('rejects aliases that expand to billions of values before building them', () => {
  const levels = Array.from({ length: 30 }, (_, level) => `l${level + 1}: &l${level + 1} [${Array(9).fill(`*l${level}`).join(', ')}]`);
  const started = performance.now();
  expect(said(`l0: &l0 [x, x, x]\n${levels.join('\n')}\n`)).toMatchInlineSnapshot(`
    "l5[2]: aliases expand to more than 100000 values
      at base.yaml:6
      HINT: use \`defaults\` and \`plans\`"
  `);
  expect(performance.now() - started).toBeLessThan(1000);
});

test('limits nesting', () => {
  expect(said(`a: ${'['.repeat(5000)}`)).toMatchInlineSnapshot(`
    "invalid YAML: nesting exceeded maxDepth (100)
      at base.yaml:1
      HINT: check indentation, quotes and brackets on this line and the one before"
  `);
});

test('any text is parsed or rejected with a line and a hint, without throwing', () => {
  const pieces = fc.constantFrom(
    'a',
    'b: ',
    '\n',
    '  ',
    '- ',
    ': ',
    '{',
    '}',
    '[',
    ']',
    ',',
    '&x ',
    '*x',
    '!!str ',
    '!t ',
    '"',
    "'",
    '|\n',
    '>\n',
    '#',
    '---\n',
    '...\n',
    '? ',
    '<<: ',
    'null',
    '~',
    '1',
    '\t',
    '%YAML 1.2\n',
    '__proto__: ',
    '\u0000',
    '\uD800',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join('')),
      ),
      (text) => {
        const { written, diagnostics } = parseYaml(text, 'base.yaml');
        const lines = text.split(/\r\n|\n|\r/).length;
        const isPlaced = ({ place, hint }: Diagnostic) => place !== undefined && place.line >= 1 && place.line <= lines && hint !== undefined;
        return (written === undefined) === diagnostics.length > 0 && diagnostics.every(isPlaced);
      },
    ),
    { numRuns: 1000 },
  );
}, 60_000);
