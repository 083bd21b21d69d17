/** Where a value was written. */
export interface Place {
  /** Path of the file as the user named it, such as `config/prod.yaml`. */
  readonly file: string;
  /** Line in that file. Counted from 1. */
  readonly line: number;
}

/** One mistake in what the user wrote. */
export interface Problem {
  /** Where in the values, in the user's words: `sources.shop.postgres.version`. */
  readonly path: string;
  /** What is wrong: lowercase, no final period. Never holds a secret. */
  readonly message: string;
  /** What was written there. Left out where the path names nothing that was written. */
  readonly value?: unknown;
  /** What to do about it: one sentence. */
  readonly hint?: string;
  /** @default - a mistake that has no line, such as a missing file */
  readonly place?: Place;
}

/** A mistake in what the user wrote: printed without a stack trace, exit status 64. Holds every mistake at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly Problem[]) {
    super(problems.map(describeProblem).join('\n'));
  }

  /** A mistake that is not in the values: a missing file, an unknown environment. */
  static of(path: string, message: string, hint?: string): ConfigError {
    return new ConfigError([{ path, message, hint }]);
  }
}

/** The text of one problem, over two or three lines; the last one is its hint. */
export function describeProblem(problem: Problem): string {
  const { path, message, value, hint, place } = problem;
  const shown = value === undefined ? '' : `, got ${shorten(JSON.stringify(value))}`;
  const lines = [`${path ? `${path}: ` : ''}${message}${shown}`];
  if (place) lines.push(`  at ${place.file}:${place.line}`);
  if (hint) lines.push(`  HINT: ${hint}`);
  return lines.join('\n');
}

function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
