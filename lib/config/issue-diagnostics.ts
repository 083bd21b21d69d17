import * as z from 'zod';
import type { Diagnostic } from '../diagnostics.ts';
import { nearest } from './nearest.ts';
import { type Path, type PlaceOf, printPath } from './places.ts';
import { isMissing, isNotYet, oneOf, plainWords } from './plain-words.ts';
import { rewritten } from './rewritten.ts';
import { values } from './schema/values.ts';
import { metaOf, schemaAt, shapeOf } from './schema-at.ts';
import { isSecretKey, shown } from './secrecy.ts';

type Issue = z.core.$ZodIssue;

/**
 * Diagnostics for zod's issues, in the user's words. Parse with `{ reportInput: true }`: without it no value is shown.
 *
 * @param at - path of the parsed value
 */
export function diagnosticsOf(issues: readonly Issue[], at: Path, place: PlaceOf): Diagnostic[] {
  return rootCauses(issues).flatMap((issue) => diagnosticsOfIssue(issue, at, place));
}

/** Drops issues of whole objects that have an issue inside: `keep: { daly: 7 }` has no rule because of the typo. */
function rootCauses(issues: readonly Issue[]): readonly Issue[] {
  const wholes = issues.filter(({ code }) => code === 'custom');
  if (wholes.length === 0) return issues;
  const wrong = new Set(
    issues.flatMap(({ code, path }) => (code === 'custom' ? [] : path.map((_, end) => joined(path.slice(0, end))).concat(joined(path)))),
  );
  return issues.filter(({ code, path }) => code !== 'custom' || !wrong.has(joined(path)));
}

function joined(path: readonly PropertyKey[]): string {
  return path.map(String).join('\0');
}

function diagnosticsOfIssue(issue: Issue, at: Path, place: PlaceOf): Diagnostic[] {
  const path = [...at, ...issue.path.map((step) => (typeof step === 'number' ? step : String(step)))];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], place));
  if (issue.code === 'invalid_key') return issue.issues.slice(0, 1).map((inner) => wrongName(inner, path, place));
  if (issue.code === 'invalid_union') {
    const branch = bestBranch(issue);
    if (branch) return diagnosticsOf(branch, path, place);
    const choices = literals(issue);
    if (choices) return [wrongValue({ ...issue, code: 'invalid_value', values: choices }, path, place)];
  }
  return [wrongValue(issue, path, place)];
}

/** The alternative of a union that the user meant: the only one whose type matches. */
function bestBranch(issue: z.core.$ZodIssueInvalidUnion): readonly Issue[] | undefined {
  const met = issue.errors.filter((branch) => !branch.some((inner) => inner.path.length === 0 && isOfType(inner)));
  return met.length === 1 ? met[0] : undefined;
}

/** The allowed values of a union of literals. */
function literals({ errors }: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssueInvalidValue['values'] | undefined {
  const all = errors.flat();
  return all.every((inner) => inner.code === 'invalid_value') ? all.flatMap(({ values: choices }) => choices) : undefined;
}

function isOfType({ code }: Issue): boolean {
  return code === 'invalid_type' || code === 'invalid_value' || code === 'invalid_union';
}

function unknownKey(path: Path, place: PlaceOf): Diagnostic {
  return { path: printPath(path), message: 'unknown key', hint: unknownKeyHint(path), place: place(path) };
}

function unknownKeyHint(path: Path): string {
  const key = String(path.at(-1));
  const shape = shapeOf(schemaAt(values, path.slice(0, -1)));
  const known = Object.keys(shape);
  const near = nearest(key, known);
  if (near) return near;
  const below = known.find((name) => Object.hasOwn(shapeOf(shape[name]), key));
  if (isSecretKey(path) && !(below && isReference(key))) return NO_SECRETS;
  if (below) return `'${key}' belongs under '${below}'`;
  const built = known.filter((name) => !metaOf(shape[name]!).notYet);
  return built.length > 0 ? `known keys: ${built.join(', ')}` : SEE_REFERENCE;
}

const NO_SECRETS = 'never write a secret in the values: put it into a Secret and name that, as in credentials: { secret: NAME }';

/** Whether a key names a Secret, so that its value is none. */
function isReference(key: string): boolean {
  return key === 'secret' || key === 'credentials';
}

const SEE_REFERENCE = 'docs/values.md lists every key, its type and its default';

function wrongName(inner: Issue, path: Path, place: PlaceOf): Diagnostic {
  return { path: printPath(path), message: `not a valid name: ${plainWords(inner)}`, hint: 'rename it', place: place(path) };
}

function wrongValue(issue: Issue, path: Path, place: PlaceOf): Diagnostic {
  const value = isNotYet(issue.message) || isHidden(issue) ? undefined : shown(path, issue.input);
  return {
    path: printPath(path),
    message: plainWords(issue),
    ...(value !== undefined && { value }),
    hint: hint(issue, path, value),
    place: place(path),
  };
}

/** Text in place of an object or a list is not shown: it does not help, and may be a secret in the wrong place. */
function isHidden(issue: Issue): boolean {
  return issue.code === 'invalid_type' && ['object', 'record', 'array'].includes(issue.expected) && typeof issue.input === 'string';
}

function hint(issue: Issue, path: Path, value: unknown): string {
  if (isNotYet(issue.message)) return 'remove it for now; docs/values.md lists what is supported';
  const name = path.findLast((step) => typeof step === 'string') ?? 'it';
  if (isMissing(issue)) return `set ${name}: … (${inBrackets(describe(path))})`;
  if (typeof value === 'string' && value.includes('{{')) return 'only {{ .Source }} is expanded, and only below a kind in `defaults`';
  if ((typeof value === 'number' || typeof value === 'boolean') && accepts(path, String(value))) return `quote it: ${name}: '${value}'`;
  if (typeof value === 'string' && value.trim() !== '' && accepts(path, Number(value))) return `remove the quotes: ${name}: ${Number(value)}`;
  const meant = rewritten(name, issue.input, (candidate) => accepts(path, candidate));
  if (meant) return `write ${meant}`;
  if (issue.code === 'invalid_value') return choice(issue.values, value) ?? describe(path);
  if (issue.code === 'invalid_type' && issue.expected === 'array' && !Array.isArray(issue.input)) return `use a list: ${name}: [ … ]`;
  return describe(path);
}

function choice(choices: readonly unknown[], value: unknown): string | undefined {
  const near = typeof value === 'string' ? nearest(value, choices.map(String)) : undefined;
  if (near) return near;
  return choices.length > 0 ? `use ${oneOf(choices)}` : undefined;
}

function accepts(path: Path, value: unknown): boolean {
  const schema = schemaAt(values, path);
  return schema !== undefined && z.safeParse(schema, value).success;
}

/** The first sentence, in lowercase, to be put in brackets. */
function inBrackets(description: string): string {
  const [sentence = ''] = description.split(/\.(?= |$)/);
  return sentence.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
}

/** The description of the key, or of the nearest key around it. */
function describe(path: Path): string {
  for (let length = path.length; length > 0; length--) {
    const schema = schemaAt(values, path.slice(0, length));
    const description = schema && metaOf(schema).description;
    if (description) return description.split(/ ?\bDefault: /)[0] || description;
  }
  return SEE_REFERENCE;
}
