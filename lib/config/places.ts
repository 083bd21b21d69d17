import type { Place } from '../diagnostics.ts';

/** Keys and list indexes from the root of the values down to one of them. */
export type Path = readonly (string | number)[];

/** Values as read from YAML: nothing is known of them but that they are keys and values. */
export type Tree = { readonly [key: string]: unknown };

/** Where something was written; of what was not written itself, where the nearest thing around it was. */
export type PlaceOf = (path: Path) => Place | undefined;

/** Where one value was written, and where the values in it. List items stand under their index. */
export interface Mark extends Place {
  /** @default - a single value, with nothing in it */
  readonly inside?: ReadonlyMap<string, Mark>;
}

/** The places of a tree of marks, each found in as many steps as its path has. */
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

/** Whether a value is keys and values. */
export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
