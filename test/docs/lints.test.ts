import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Folders with checks of more than one value, and the units that these use. */
const FOLDERS = ['lib/config', 'lib/model', 'lib/sources', 'lib/storages', 'lib/units'];
/** Files that only word the errors of zod and YAML, or whose messages are not about values. */
const LEFT_OUT = [
  'lib/config/values-reference.ts',
  'lib/config/plain-words.ts',
  'lib/config/issue-diagnostics.ts',
  'lib/config/yaml.ts',
  'lib/config/yaml-marks.ts',
  'lib/model/manifest.ts',
];

/** Places of messages: in a diagnostic, as the second argument of `add` and `warn`, in a pair with its hint, as the error of a schema. */
const MESSAGE = [
  /\bmessage(?::| =) ?/g,
  /\b(?:diagnostics|this)\.(?:add|warn)\(/g,
  /\breturn \[(?=['"`])/g,
  /\breturn (?=[`'"](?:expected five|\$\{wrong\}))/g,
  /\.refine\([^;]*?error: /g,
  /\bregex\([^;]*?error: /g,
  /\bconst (?:expected|label|subdomain|wrong) = /g,
  /ConfigError\.of\(/g,
];

const documented = new Set([...readFileSync('docs/lints.md', 'utf8').matchAll(/^\| `([^`]+)` \|/gm)].map(([, message]) => message ?? ''));
const said = new Map(FOLDERS.flatMap((folder) => filesOf(folder).flatMap((file) => messagesIn(file).map((message) => [message, file] as const))));

describe('docs/lints.md', () => {
  test('lists every message of every check', () => {
    expect([...said].filter(([message]) => !documented.has(message))).toEqual([]);
  });

  test('lists no message that no check reports', () => {
    expect([...documented].filter((message) => !said.has(message))).toEqual([]);
  });

  test('is compared with messages that were found in the code', () => {
    expect(said.size).toBeGreaterThan(60);
    expect(said.has('every storage is disabled')).toBe(true);
    expect(said.has("the CronJob name '…' has … characters, at most … are allowed")).toBe(true);
    expect(said.has('BusyBox tar does not support zstd')).toBe(true);
    expect(said.has("the tag 'latest' does not pin a version")).toBe(true);
  });
});

function filesOf(folder: string): readonly string[] {
  return (
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      // Steps only list scripts and have no checks.
      .filter((file) => file.endsWith('.ts') && !LEFT_OUT.includes(file) && !file.startsWith('lib/model/steps/'))
  );
}

function messagesIn(file: string): readonly string[] {
  const text = readFileSync(file, 'utf8').replace(/\/\*\*[\s\S]*?\*\//g, '');
  return MESSAGE.flatMap((pattern) =>
    [...text.matchAll(pattern)].flatMap((match) => {
      const begin = match.index + match[0].length;
      const wanted = match[0].endsWith('(') ? argumentAt(text, begin, 1) : argumentAt(text, begin, 0);
      return literalsIn(wanted).map(withDots);
    }),
  );
}

/** The text of the argument of a call, or of the item of a list, that begins at an offset. */
function argumentAt(text: string, begin: number, wanted: number): string {
  let depth = 0;
  let number = 0;
  let from = begin;
  for (let at = begin; at < text.length; at += 1) {
    const letter = text[at] ?? '';
    if ('\'"`'.includes(letter)) at = endOfText(text, at);
    else if ('([{'.includes(letter)) depth += 1;
    else if ((depth === 0 && ')]}'.includes(letter)) || (depth === 0 && ',;'.includes(letter))) {
      if (number === wanted) return text.slice(from, at);
      if (letter !== ',') return '';
      number += 1;
      from = at + 1;
    } else if (')]}'.includes(letter)) depth -= 1;
  }
  return '';
}

function endOfText(text: string, begin: number): number {
  const quote = text[begin];
  for (let at = begin + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === quote) return at;
    else if (quote === '`' && text.startsWith('${', at)) at = text.indexOf('}', at);
  }
  return text.length;
}

/** The texts that an expression can return, both of a condition. Excludes texts in comparisons and in nested calls. */
function literalsIn(expression: string): readonly string[] {
  const found: string[] = [];
  for (let at = 0; at < expression.length; at += 1) {
    if (!'\'"`'.includes(expression[at] ?? '')) continue;
    const end = endOfText(expression, at);
    if (!/(===|\() *$/.test(expression.slice(0, at))) found.push(expression.slice(at + 1, end));
    at = end;
  }
  return found;
}

function withDots(literal: string): string {
  return literal
    .replace(/\$\{[^}]*\}/g, '…')
    .replaceAll('\\', '')
    .replaceAll('`', "'");
}
