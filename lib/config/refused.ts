import { nearest } from './nearest.ts';
import { isTree, type Path, type Tree } from './places.ts';
import { values } from './schema/values.ts';
import { schemaAt } from './schema-at.ts';

/** Maps whose entries others name: an entry that is refused is still known. */
const NAMED: ReadonlySet<string | number | undefined> = new Set(['storages', 'plans', 'sources']);

/** Values without what was refused in them, so that the rest can be checked as if it had been right. */
export function without(tree: Tree, refused: readonly Path[]): Tree {
  return refused.reduce<Tree>((left, path) => removed(left, path, 0) as Tree, tree);
}

function removed(value: unknown, path: Path, depth: number): unknown {
  const key = path[depth];
  if (key === undefined || !isTree(value) || !Object.hasOwn(value, key)) return value;
  const { [key]: inner, ...rest } = value;
  // A list without one of its items would have its other items in the wrong place.
  if (depth < path.length - 1 && typeof path[depth + 1] !== 'number') return { ...value, [key]: removed(inner, path, depth + 1) };
  return depth === 1 && NAMED.has(path[0]) ? { ...value, [key]: {} } : rest;
}

/** Whether a mistake only follows from something that was refused as written: it, something in it, or a key that was misspelt. */
export function follows(path: Path, refused: readonly Path[]): boolean {
  return refused.some((wrong) => startsWith(path, listOf(wrong)) || isMeant(path, wrong));
}

/** Whether anything directly in an object was refused as written. */
export function isRefusedIn(path: Path, refused: readonly Path[]): boolean {
  return refused.some((wrong) => wrong.length === path.length + 1 && startsWith(wrong, path));
}

/** An item of a list stands for the list: without the item it is not what was meant. */
function listOf(path: Path): Path {
  const index = path.findIndex((step) => typeof step === 'number');
  return index === -1 ? path : path.slice(0, index);
}

/** Whether a path holds the key that was meant by a key that nobody knows. */
function isMeant(path: Path, wrong: Path): boolean {
  const parent = wrong.slice(0, -1);
  const key = path[parent.length];
  if (typeof key !== 'string' || !startsWith(path, parent) || schemaAt(values, wrong) !== undefined) return false;
  return nearest(String(wrong.at(-1)), [key]) !== undefined;
}

function startsWith(path: Path, start: Path): boolean {
  return start.length <= path.length && start.every((step, index) => path[index] === step);
}
