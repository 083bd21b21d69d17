import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FLAT } from '../support/flat-scripts.ts';
import { MANIFEST } from '../support/manifest.ts';

/** The awks of the images, and those that this machine has beside them. */
const AWKS = ['mawk', 'busybox awk', 'gawk', 'original-awk'].filter((command) => spawnSync('which', [command.split(' ')[0] ?? '']).status === 0);

interface Flat {
  readonly status: number;
  readonly text: string;
}

/** Flattens several texts with one start of a shell. */
function flattenAll(awk: string, texts: readonly string[]): readonly Flat[] {
  const folder = shimmed(awk);
  for (const [index, text] of texts.entries()) writeFileSync(join(folder, `${index}.json`), text);
  const loop = `i=0; while [ -e $i.json ]; do status=0; json_flatten <$i.json >$i.flat || status=$?; echo $status; i=$((i + 1)); done`;
  const statuses = sh(folder, loop).trim().split('\n');
  return texts.map((_, index) => ({ status: Number(statuses[index]), text: readFileSync(join(folder, `${index}.flat`), 'utf8') }));
}

const flatten = (awk: string, text: string) => flattenAll(awk, [text])[0] ?? { status: -1, text: '' };

/** A folder in which `awk` is this one. */
function shimmed(awk: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'json-'));
  writeFileSync(join(folder, 'awk'), `#!/bin/sh\nexec ${awk} "$@"\n`, { mode: 0o755 });
  return folder;
}

function sh(folder: string, commands: string): string {
  const env = { PATH: `${folder}:/usr/bin:/bin` };
  return execFileSync('dash', ['-euc', `. ${FLAT}/json.sh\ncd ${folder}\n${commands}`], { encoding: 'utf8', env });
}

/** The same by JSON.parse; nothing for what is refused on purpose. */
function expected(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || /\\u0000/.test(text.replaceAll('\\\\', ''))) return undefined;
  const lines = linesOf(value, '');
  return lines.map(([path, scalar]) => `${path}\t${scalar}\n`).join('');
}

function linesOf(value: object, prefix: string): readonly (readonly [string, string])[] {
  return Object.entries(value).flatMap(([key, item]: [string, unknown]) => {
    const path = prefix + oneLine(key);
    if (typeof item === 'string') return [[path, oneLine(item)] as const];
    if (typeof item !== 'object' || item === null) return [[path, JSON.stringify(item)] as const];
    if (Object.keys(item).length === 0) return [[path, Array.isArray(item) ? '[]' : '{}'] as const];
    return linesOf(item, `${path}.`);
  });
}

function oneLine(text: string): string {
  return Buffer.from(text).toString().replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

/** Keys without a full stop, so that no two paths are one; no NUL; none of the words that a number is written with anew. */
const key = fc.string({ unit: 'binary', maxLength: 8 }).filter((text) => !/[.\0]/.test(text) && text !== '__proto__');
const scalar = fc.oneof(
  fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
  fc.constantFrom('\\', '"', '\\"', '\\\\', '\n', '\t\r\f\b', '\\n', '/', '{"a":[', '\x7f', 'é', '😀'),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
  fc.boolean(),
  fc.constant(null),
);
const { root } = fc.letrec<{ root: object; value: unknown }>((tie) => ({
  value: fc.oneof({ maxDepth: 5 }, scalar, tie('root')),
  root: fc.oneof(fc.array(tie('value'), { maxLength: 5 }), fc.dictionary(key, tie('value'), { maxKeys: 5, noNullPrototype: true })),
}));

const json = fc
  .tuple(root, fc.constantFrom(undefined, 2, '\t'), fc.boolean())
  .map(([value, indent, escaped]) => (escaped ? ascii(JSON.stringify(value, null, indent)) : JSON.stringify(value, null, indent)));

/** Everything beyond ASCII as \u…, pairs of surrogates and all. */
function ascii(text: string): string {
  return text.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

describe.each(AWKS)('json_flatten with %s', (awk) => {
  test('reads any JSON like JSON.parse', () => {
    const texts = fc.sample(json, 400);
    for (const [index, { status, text }] of flattenAll(awk, texts).entries())
      expect({ status, text }, texts[index]).toEqual({ status: 0, text: expected(texts[index] ?? '') });
  });

  test('accepts a spoiled text only if JSON.parse does', () => {
    const spoiled = fc
      .tuple(json, fc.nat(), fc.constantFrom('', '{', '}', '[', ']', '"', ',', ':', '\\', '0', '-', '.', 'e', 'true', ' ', '\n', 'x'))
      .map(([text, at, by]) => text.slice(0, at % (text.length + 1)) + by + text.slice((at % (text.length + 1)) + 1));
    const texts = fc.sample(spoiled, 600).filter((text) => !samePaths(text));
    const seen = flattenAll(awk, texts);
    const differ = texts.filter((text, index) => (seen[index]?.status === 0) !== (expected(text) !== undefined));
    expect(differ).toEqual([]);
    expect(seen.filter(({ status }) => status === 0).length).toBeGreaterThan(20);
    expect(seen.filter(({ status }) => status === 1).length).toBeGreaterThan(100);
  });

  test('refuses every part of a manifest that was cut off', () => {
    const text = JSON.stringify(MANIFEST);
    const halves = Array.from({ length: text.length - 1 }, (_, length) => text.slice(0, length)).filter((_, index) => index % 7 === 0);
    expect(flattenAll(awk, halves).filter(({ status }) => status !== 1)).toEqual([]);
    expect(flatten(awk, text)).toEqual({ status: 0, text: expected(text) });
  });

  test.each([
    ['nothing', ''],
    ['garbage behind it', '{"a":1}x'],
    ['a quote behind it', '{"a":1}"'],
    ['a second value', '{"a":1}{}'],
    ['a newline in a text', '["a\nb"]'],
    ['a tab in a text', '["a\tb"]'],
    ['a text that does not end', '["a'],
    ['a text whose line ends in the middle of an escape', '["a\\\n]'],
    ['an escape that there is not', '["\\x41"]'],
    ['half an escape', '["\\u00e"]'],
    ['a NUL, which no shell can hold', '["\\u0000"]'],
    ['two values of one key', '{"a":1,"a":2}'],
    ['two values of one path', '{"a":{"b":1},"a.b":2}'],
    ['what closes too early', '[{]}'],
    ['a comma at the end', '[1,]'],
    ['no comma', '["a" "b"]'],
    ['no colon', '{"a" 1}'],
    ['a key that is no text', '{1:2}'],
    ['a number with a leading zero', '[01]'],
    ['a word that is none', '[undefined]'],
    ['one text alone', '"a"'],
    ['one number alone', '1'],
    ['a nesting deeper than 100', '['.repeat(101) + ']'.repeat(101)],
  ])('%s is refused', (_, text) => {
    expect(flatten(awk, text).status).toBe(1);
  });

  test.each([
    ['a depth of 50', `${'{"a":['.repeat(25)}1${']}'.repeat(25)}`, `${Array.from({ length: 25 }, () => 'a.0').join('.')}\t1\n`],
    ['escapes of letters, pairs of surrogates too', '["\\u00e9\\uD83D\\ude00\\u20ac"]', '0\té😀€\n'],
    ['half a pair of surrogates', '["\\ud83dx\\ude00\\ud83d\\u0041"]', '0\t�x��A\n'],
    ['newlines, tabs and backslashes, so that a value is one line', '{"a\\tb":"c\\nd\\\\e\\u000a\\u0009\\u005c"}', 'a\\tb\tc\\nd\\\\e\\n\\t\\\\\n'],
    ['lines that end as in Windows', '{\r\n"a":\r\n"b"\r\n}\r\n', 'a\tb\n'],
    ['what is empty', '{"a":[],"b":{},"c":""}', 'a\t[]\nb\t{}\nc\t\n'],
    ['numbers as they are written', '[1.50,-0,1E+3,100000000000000000000]', '0\t1.50\n1\t-0\n2\t1E+3\n3\t100000000000000000000\n'],
  ])('%s', (_, text, lines) => {
    expect(flatten(awk, text)).toEqual({ status: 0, text: lines });
  });

  test('reads 100 kB within three seconds', () => {
    const parts = Array.from({ length: 150 }, (_, index) => ({ ...MANIFEST.parts[0], name: `part-${index}` }));
    const text = JSON.stringify({ ...MANIFEST, parts });
    expect(text.length).toBeGreaterThan(100_000);
    const start = Date.now();
    expect(flatten(awk, text).status).toBe(0);
    expect(Date.now() - start).toBeLessThan(3000);
  });

  test('fact prints a decoded value, and nothing if there is none; fact_count counts a list', () => {
    const folder = shimmed(awk);
    const awkward = 'a "b"\\n\tc\nd & \\\\ %s $(id)';
    writeFileSync(
      join(folder, 'in'),
      JSON.stringify({ list: [1, { a: [1, 2] }, [], 'x'], 'li.st': 1, text: awkward, none: null, empty: [], 'a.c': 'dotted', abc: 1 }),
    );
    const asked = ['text', 'none', 'empty', 'list.1.a.1', 'list', 'a.c', 'a?c', 'nothing'];
    const facts = asked.map((path) => sh(folder, `json_flatten <in >flat; fact '${path}' flat`));
    expect(facts).toEqual([`${awkward}\n`, 'null\n', '[]\n', '2\n', '', 'dotted\n', '', '']);
    const counted = ['list', 'list.1.a', 'empty', 'text', 'nothing', 'li'].map((path) =>
      sh(folder, `json_flatten <in >flat; fact_count '${path}' flat`),
    );
    expect(counted.map(Number)).toEqual([4, 2, 0, 0, 0, 0]);
  });

  test('fact_rows prints the items of a list, or keys of them, and has_fact tells whether there is a value', () => {
    const folder = shimmed(awk);
    const names = Array.from({ length: 11 }, (_, index) => `n\t${index} \\ "`);
    writeFileSync(
      join(folder, 'in'),
      JSON.stringify({
        names,
        items: [{ a: 1, b: { c: 'x' } }, { b: 2 }, { a: '\n', b: 3 }],
        empty: [],
        none: {},
        at: { empty: [] },
        zero: 0,
        itemsize: 1,
      }),
    );
    const rows = (what: string) => sh(folder, `json_flatten <in >flat; fact_rows ${what.replace(/^\S+/, '$& flat')}`);
    expect(rows('names')).toBe(names.map((name) => `${oneLine(name)}\n`).join(''));
    expect(rows('items a b')).toBe('1\t\n\t2\n\\n\t3\n');
    expect(rows('items b.c')).toBe('x\n\n\n');
    expect(rows('empty') + rows('nothing')).toBe('');
    const has = (path: string) => sh(folder, `json_flatten <in >flat; if has_fact ${path} flat; then echo yes; else echo no; fi`).trim();
    expect(['names', 'items', 'items.1.b', 'zero', 'at', 'empty', 'none', 'item', 'nothing'].map(has)).toEqual([
      'yes',
      'yes',
      'yes',
      'yes',
      'yes',
      'no',
      'no',
      'no',
      'no',
    ]);
  });
});

/** JSON.parse takes the last of two values of one key: written anew, there are fewer colons. */
function hasDoubleKeys(text: string): boolean {
  const colons = (json: string) => json.replace(/"(?:[^"\\]|\\.)*"/g, '').split(':').length;
  return colons(text) > colons(JSON.stringify(JSON.parse(text)));
}

/** Two values of one path, which are a case of their own. */
function samePaths(text: string): boolean {
  const paths = (expected(text) ?? '').split('\n').map((line) => line.split('\t')[0]);
  return new Set(paths).size < paths.length || (expected(text) !== undefined && hasDoubleKeys(text));
}
