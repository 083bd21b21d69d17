import type { Place } from '../diagnostics.ts';

/** Keys and list indexes from the root of the values to a value. */
export type Path = readonly (string | number)[];

/** A mapping as read from YAML, not yet checked. */
export type Tree = { readonly [key: string]: unknown };

/** Where a value was written. For a value that was not written, the place of the nearest value around it. */
export type PlaceOf = (path: Path) => Place | undefined;

/** Where a value and the values inside it were written. List items are keyed by index. */
export interface Mark extends Place {
  /** @default - a scalar */
  readonly inside?: ReadonlyMap<string, Mark>;
}

/** Looks up places in a tree of marks. */
export function placeOf(root: Mark | undefined): PlaceOf {
  return (path) => {
    let mark = root;
    for (const step of path) {
      const next = mark?.inside?.get(String(step));
      if (!next) break;
      mark = next;
    }
    return mark && { file: mark.file, line: mark.line };
  };
}

/** A path in the user's words: `sources.shop.postgres.databases[0]`. */
export function printPath(path: Path): string {
  return path.map(stepText).join('').replace(/^\./, '');
}

function stepText(step: string | number): string {
  if (typeof step === 'number') return `[${step}]`;
  return /^[\w-]+$/.test(step) ? `.${step}` : `['${shortened(step)}']`;
}

function shortened(key: string): string {
  const line = key.replace(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
}

/** Whether a value is a mapping. */
export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
