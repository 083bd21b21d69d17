import { DEFAULT_SCALAR_STYLE_RULES, type DumpOptions, dump, SCALAR_STYLE, type ScalarStyleRule } from 'js-yaml';

/** Anything that JSON can hold. What is undefined is not written. */
export type Json = null | boolean | number | string | undefined | readonly Json[] | Fields;
export type Fields = { readonly [key: string]: Json };

/**
 * Documents as one YAML text, under comment lines. The same value gives the same text, whatever the order of its keys.
 *
 * Lists and maps are laid out here, and js-yaml decides how a text must be quoted. Its own walk over a whole object took
 * most of the time that a thousand sources need.
 */
export function toYaml(documents: readonly Fields[], comment: string): string {
  const lines = [comment.replace(/^/gm, '# ')];
  for (const [index, document] of documents.entries()) {
    if (index > 0) lines.push('---');
    fields(lines, document, keysOf(document), '', '');
  }
  return `${lines.join('\n')}\n`;
}

/** A value behind `key:` or `-`: on the same line, or on lines of its own under it. */
function value(lines: string[], head: string, content: Json, indent: string): void {
  if (isList(content)) {
    if (content.length === 0) lines.push(`${head} []`);
    else if (head.endsWith('-')) items(lines, content, indent, `${head} `);
    else items(under(lines, head), content, indent, indent);
  } else if (typeof content === 'object' && content !== null) {
    const keys = keysOf(content);
    if (keys.length === 0) lines.push(`${head} {}`);
    else if (head.endsWith('-')) fields(lines, content, keys, indent, `${head} `);
    else fields(under(lines, head), content, keys, indent, indent);
  } else lines.push(`${head} ${indented(scalar(content ?? null), indent)}`);
}

function items(lines: string[], list: readonly Json[], indent: string, first: string): void {
  const deeper = `${indent}  `;
  let lead = first;
  for (const item of list) {
    value(lines, `${lead}-`, item, deeper);
    lead = indent;
  }
}

/** A map in a list begins on the line of its dash. */
function fields(lines: string[], map: Fields, keys: readonly string[], indent: string, first: string): void {
  const deeper = `${indent}  `;
  let lead = first;
  for (const key of keys) {
    value(lines, `${lead}${keyText(key)}:`, map[key], deeper);
    lead = indent;
  }
}

function under(lines: string[], head: string): string[] {
  lines.push(head);
  return lines;
}

/** Those that are written, in reading order. */
function keysOf(map: Fields): readonly string[] {
  return Object.keys(map)
    .filter((key) => map[key] !== undefined)
    .sort(inReadingOrder);
}

function isList(content: Json): content is readonly Json[] {
  return Array.isArray(content);
}

/** js-yaml indents the lines of a block by two, as if it stood at the top. */
function indented(text: string, indent: string): string {
  return text.includes('\n') ? text.replaceAll(/\n(?=[^\n])/g, `\n${indent.slice(2)}`) : text;
}

/** What a reader looks for first; then the alphabet. */
const FIRST = ['apiVersion', 'kind', 'metadata', 'name', 'generateName', 'namespace', 'image', 'command', 'initContainers', 'containers'];
const RANKS = new Map(FIRST.map((key, rank) => [key, rank]));

function inReadingOrder(a: string, b: string): number {
  return (RANKS.get(a) ?? FIRST.length) - (RANKS.get(b) ?? FIRST.length) || (a < b ? -1 : 1);
}

/**
 * Words that are plain in every parser: no number, date or truth value begins or looks like this. Then what each source has
 * of its own, a digest with a letter that no number has, and a schedule.
 */
const PLAIN = /^([A-Za-z/][A-Za-z0-9_./-]*|[1-9][0-9a-f]*[a-df][0-9a-f]*|\d+( (\d+|\*)){4})$/;
const NOT_PLAIN = /^(y|n|yes|no|on|off|true|false|null|nan|inf)$/i;
const LONGEST_NOT_PLAIN = 'false'.length;

function scalar(value: null | boolean | number | string): string {
  if (typeof value !== 'string') return String(value);
  return isPlain(value) ? value : remembered(value, texts, asValue);
}

function keyText(key: string): string {
  return isPlain(key) ? key : remembered(key, keys, (text) => quoted(text, ON_ONE_LINE));
}

function isPlain(text: string): boolean {
  return PLAIN.test(text) && (text.length > LONGEST_NOT_PLAIN || !NOT_PLAIN.test(text));
}

/** Kubectl's parser takes a tab at the beginning of a block for indentation, unless the block says how far it is indented. */
function asValue(text: string): string {
  const made = quoted(text, OPTIONS);
  return /^\n*\t/.test(text) ? made.replace(/^\|(?!\d)/, '|2') : made;
}

/** What js-yaml makes of a text that stands as a value at the top; another one follows, or it would end the document. */
function quoted(text: string, options: DumpOptions): string {
  return dump({ k: text, z: 0 }, options).slice('k: '.length, -'\nz: 0\n'.length);
}

const texts = new Map<string, string>();
const keys = new Map<string, string>();

/** The same few texts come again in every object; those that do not must not pile up. */
function remembered(text: string, known: Map<string, string>, make: (text: string) => string): string {
  const found = known.get(text);
  if (found !== undefined) return found;
  const made = make(text);
  if (known.size >= 1000) known.clear();
  known.set(text, made);
  return made;
}

/** Not a line's end for every parser, or not seen by people. What YAML cannot hold at all, js-yaml keeps out by itself. */
const DOUBTFUL = /[\u0085\u00A0\u2028\u2029]/;

/**
 * A text of several lines stands as it is, tabs and all: people review the scripts in it.
 *
 * js-yaml's own rule writes a text with a tab in quotes, on one line.
 */
const literalLines: ScalarStyleRule = (layout) => {
  const { value } = layout.node;
  const allowed = (layout.allowedStylesMask & (1 << SCALAR_STYLE.LITERAL_BLOCK)) !== 0;
  if (allowed && !layout.isKey && value.includes('\n') && value.trim() !== '' && !DOUBTFUL.test(value)) layout.style = SCALAR_STYLE.LITERAL_BLOCK;
};

const OPTIONS: DumpOptions = {
  lineWidth: -1,
  scalarStyleRules: [literalLines, ...Object.values(DEFAULT_SCALAR_STYLE_RULES)],
};

/** A key never is a block. */
const ON_ONE_LINE: DumpOptions = { lineWidth: -1, forceQuotes: true, quoteStyle: 'double' };
