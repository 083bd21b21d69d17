/** Where a value was written. */
export interface Place {
  /** Path of the file as the user named it, such as `config/prod.yaml`. */
  readonly file: string;
  /** Line in that file. Counted from 1. */
  readonly line: number;
}

/** One error or warning about what the user wrote. */
export interface Diagnostic {
  /** Where in the values, in the user's words: `sources.shop.postgres.version`. */
  readonly path: string;
  /** What is wrong: lowercase, no final period. Never holds a secret. */
  readonly message: string;
  /** The value that was written there. Left out if there is none at that path. */
  readonly value?: unknown;
  /** What to do about it: one sentence. */
  readonly hint?: string;
  /** @default - it has no line, such as a missing file */
  readonly place?: Place;
}

/** The result of a kind's check. Its path is relative to the checked settings, and the caller knows the place. */
export interface RelativeDiagnostic extends Pick<Diagnostic, 'message' | 'value'> {
  readonly path: readonly (string | number)[];
  readonly hint: string;
  /** @default - an error; a `warning` is printed and does not stop synth */
  readonly severity?: 'warning';
}

/** The text of one diagnostic, over two or three lines; the last one is its hint. */
export function describeDiagnostic(diagnostic: Diagnostic): string {
  const { path, message, value, hint, place } = diagnostic;
  const shown = value === undefined ? '' : `, got ${shorten(JSON.stringify(value))}`;
  const lines = [`${path ? `${path}: ` : ''}${message}${shown}`];
  if (place) lines.push(`  at ${place.file}:${place.line}`);
  if (hint) lines.push(`  HINT: ${hint}`);
  return lines.join('\n');
}

function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
