import { nearest } from './nearest.ts';
import { isTree, type Path, type Tree } from './places.ts';
import { values } from './schema/values.ts';
import { schemaAt } from './schema-at.ts';

/** Paths that were rejected as written, as a tree: one node for each step, marked where a path ends. */
export interface InvalidPaths {
  readonly path: Path;
  readonly below: Map<string, InvalidPaths>;
  invalid: boolean;
}

/** Builds the tree, so that a lookup takes as many steps as its path has, whatever the number of paths. */
export function invalidPathsOf(paths: readonly Path[]): InvalidPaths {
  const root: InvalidPaths = { path: [], below: new Map(), invalid: false };
  for (const path of paths) {
    let at = root;
    for (const step of listOf(path)) {
      const next = at.below.get(String(step)) ?? { path: [...at.path, step], below: new Map(), invalid: false };
      at.below.set(String(step), next);
      at = next;
    }
    at.invalid = true;
  }
  return root;
}

/** Maps whose entries are referenced by name: an invalid entry still exists. */
const NAMED: ReadonlySet<string | number | undefined> = new Set(['storages', 'plans', 'sources']);

/** Values without their invalid parts, so that the rest can be checked further. */
export function without(tree: Tree, { path, below }: InvalidPaths): Tree {
  if (below.size === 0) return tree;
  const isNamed = path.length === 1 && NAMED.has(path[0]);
  const left = Object.entries(tree).flatMap(([key, inner]) => {
    const at = below.get(key);
    if (at?.invalid) return isNamed ? [[key, {}]] : [];
    return [[key, at && isTree(inner) ? without(inner, at) : inner]];
  });
  return Object.fromEntries(left);
}

/** Whether an error at a path only follows from an invalid path: the path itself, something around it, or a misspelled key. */
export function follows(path: Path, invalid: InvalidPaths): boolean {
  let at: InvalidPaths | undefined = invalid;
  for (const step of path) {
    if (at.invalid || isMeant(step, at)) return true;
    at = at.below.get(String(step));
    if (!at) return false;
  }
  return at.invalid;
}

/** Whether anything directly in an object is invalid. */
export function hasInvalid(path: Path, invalid: InvalidPaths): boolean {
  const at = path.reduce<InvalidPaths | undefined>((around, step) => around?.below.get(String(step)), invalid);
  return at !== undefined && [...at.below.values()].some(({ invalid }) => invalid);
}

/** An invalid item invalidates its list: without the item, the list means something else. */
function listOf(path: Path): Path {
  const index = path.findIndex((step) => typeof step === 'number');
  return index === -1 ? path : path.slice(0, index);
}

/** Whether an unknown key beside it looks like a misspelling of this key. */
function isMeant(key: string | number, { below }: InvalidPaths): boolean {
  if (typeof key !== 'string') return false;
  return [...below].some(([written, { invalid, path }]) => invalid && schemaAt(values, path) === undefined && nearest(written, [key]) !== undefined);
}
