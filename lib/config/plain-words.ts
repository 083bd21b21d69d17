import type * as z from 'zod';

type Issue = z.core.$ZodIssue;

/** An issue in the words of people who write YAML: the message of the schema if it has one, otherwise ours instead of zod's. */
export function plainWords(issue: Issue): string {
  if (isMissing(issue)) return 'required, but missing';
  const message = isZods(issue.message) ? ownWords(issue) : issue.message;
  const kind = isOfType(issue) ? nameOfKind(issue.input, message) : undefined;
  return kind && !message.includes(kind) ? `${message}, not ${kind}` : message;
}

/** Whether the value is missing. */
export function isMissing(issue: Issue): boolean {
  if (issue.code === 'custom' || issue.code === 'unrecognized_keys') return false;
  return 'input' in issue ? issue.input === undefined : / received undefined$/.test(issue.message);
}

/** Whether a message rejects something that a later version will support. */
export function isNotYet(message: string): boolean {
  return message.endsWith('not built yet');
}

/** Our messages are lowercase; zod's are not. */
function isZods(message: string): boolean {
  return /^[A-Z]/.test(message);
}

function ownWords(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected ${oneOf(issue.values)}`;
    case 'too_small':
      return tooSmall(issue);
    case 'too_big':
      return `expected at most ${issue.maximum}${unit(issue.origin, Number(issue.maximum))}`;
    case 'invalid_format':
      return issue.format === 'regex' ? 'invalid format' : `expected ${FORMATS[issue.format] ?? issue.format}`;
    case 'invalid_union':
      return `expected ${alternatives(issue)}`;
    default:
      return 'not valid';
  }
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
};

const FORMATS: Readonly<Record<string, string>> = { safeint: 'a whole number', url: 'a URL', cidrv4: 'a CIDR', cidrv6: 'a CIDR' };

/** `'a', 'b' or 'c'`. */
export function oneOf(values: readonly unknown[]): string {
  const quoted = values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)));
  return quoted.length > 1 ? `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}` : quoted.join('');
}

function tooSmall(issue: z.core.$ZodIssueTooSmall): string {
  if (issue.origin === 'string' && issue.minimum === 1) return 'must not be empty';
  if (issue.origin === 'array' && issue.minimum === 1) return 'expected at least one entry';
  return `expected at least ${issue.minimum}${unit(issue.origin, Number(issue.minimum))}`;
}

function unit(origin: string, count: number): string {
  if (origin === 'string') return count === 1 ? ' character' : ' characters';
  return origin === 'array' ? (count === 1 ? ' entry' : ' entries') : '';
}

/** The type of a value, where naming it is better than showing it: the value would be long, or might be a secret. */
function nameOfKind(value: unknown, expected: string): string | undefined {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping';
  return typeof value === 'string' && expected === 'expected a mapping' ? 'text' : undefined;
}

function isOfType({ code, message }: Issue): boolean {
  return !isNotYet(message) && (code === 'invalid_type' || code === 'invalid_value' || code === 'invalid_union');
}

function alternatives({ errors }: z.core.$ZodIssueInvalidUnion): string {
  const words = errors.map(([first]) =>
    first ? plainWords({ ...first, input: '' } as Issue).replace(/^expected |, not text$/g, '') : 'something else',
  );
  return [...new Set(words)].join(' or ');
}
