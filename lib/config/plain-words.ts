import type * as z from 'zod';

type Issue = z.core.$ZodIssue;

/** What is wrong, in words of somebody who writes YAML: the schema's own where it has some, ours in place of zod's. */
export function plainWords(issue: Issue): string {
  if (isMissing(issue)) return 'required, but not written';
  const message = isZods(issue.message) ? ownWords(issue) : issue.message;
  const compound = isNotYet(issue.message) ? undefined : compoundName(issue.input);
  return compound && !message.includes(compound) ? `${message}, not ${compound}` : message;
}

/** Whether the value that an issue is about was not written at all. */
export function isMissing(issue: Issue): boolean {
  if (issue.code === 'custom' || issue.code === 'unrecognized_keys') return false;
  return 'input' in issue ? issue.input === undefined : / received undefined$/.test(issue.message);
}

/** Whether a message refuses something that a later version will take. */
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
      return issue.format === 'regex' ? 'not in the form that is expected here' : `expected ${FORMATS[issue.format] ?? issue.format}`;
    default:
      return 'not valid';
  }
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'keys and values',
  record: 'keys and values',
  array: 'a list',
};

const FORMATS: Readonly<Record<string, string>> = { safeint: 'a whole number', url: 'a URL', cidrv4: 'a CIDR', cidrv6: 'a CIDR' };

/** `'a', 'b' or 'c'`. */
export function oneOf(values: readonly unknown[]): string {
  const quoted = values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)));
  return quoted.length > 1 ? `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}` : quoted.join('');
}

function tooSmall(issue: z.core.$ZodIssueTooSmall): string {
  if (issue.origin === 'string' && issue.minimum === 1) return 'expected text, not empty text';
  if (issue.origin === 'array' && issue.minimum === 1) return 'expected at least one entry';
  return `expected at least ${issue.minimum}${unit(issue.origin, Number(issue.minimum))}`;
}

function unit(origin: string, count: number): string {
  if (origin === 'string') return count === 1 ? ' character' : ' characters';
  return origin === 'array' ? (count === 1 ? ' entry' : ' entries') : '';
}

function compoundName(value: unknown): string | undefined {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'keys and values' : undefined;
}
