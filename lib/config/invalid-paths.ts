import { nearest } from './nearest.ts';
import { isTree, type Path, type Tree } from './places.ts';
import { values } from './schema/values.ts';
import { schemaAt } from './schema-at.ts';

/** What was refused as written, by path: a step of the way, and whether it ends here. */
export interface InvalidPaths {
  readonly path: Path;
  readonly below: Map<string, InvalidPaths>;
  invalid: boolean;
}

/** Arranges paths so that one look at each step answers for thousands of them. */
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

/** Maps whose entries others name: an entry that is refused is still known. */
const NAMED: ReadonlySet<string | number | undefined> = new Set(['storages', 'plans', 'sources']);

/** Values without what was refused in them, so that the rest can be checked as if it had been right. */
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

/** Whether a mistake only follows from something that was refused as written: it, something in it, or a key that was misspelt. */
export function follows(path: Path, invalid: InvalidPaths): boolean {
  let at: InvalidPaths | undefined = invalid;
  for (const step of path) {
    if (at.invalid || isMeant(step, at)) return true;
    at = at.below.get(String(step));
    if (!at) return false;
  }
  return at.invalid;
}

/** Whether anything directly in an object was refused as written. */
export function hasInvalid(path: Path, invalid: InvalidPaths): boolean {
  const at = path.reduce<InvalidPaths | undefined>((around, step) => around?.below.get(String(step)), invalid);
  return at !== undefined && [...at.below.values()].some(({ invalid }) => invalid);
}

/** An item of a list stands for the list: without the item it is not what was meant. */
function listOf(path: Path): Path {
  const index = path.findIndex((step) => typeof step === 'number');
  return index === -1 ? path : path.slice(0, index);
}

/** Whether a key was meant by one beside it that nobody knows. */
function isMeant(key: string | number, { below }: InvalidPaths): boolean {
  if (typeof key !== 'string') return false;
  return [...below].some(([written, { invalid, path }]) => invalid && schemaAt(values, path) === undefined && nearest(written, [key]) !== undefined);
}
