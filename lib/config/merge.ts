import { LATER_STORAGES, STORAGE_KINDS } from '../storages/index.ts';
import { isTree, type Mark, type Path, type PlaceOf, placeOf, type Tree } from './places.ts';

/** Values, and the place of each. */
export interface Written {
  readonly tree: Tree;
  /** @default - values that come from no file */
  readonly mark?: Mark;
}

/**
 * Lays one environment's values over the base.
 *
 * Objects merge key by key, and `null` removes a key. Lists are replaced as a whole: lists that grow are how dev ends up
 * in prod. So are `keep`, where two halves would keep more than either, and a kind that changed.
 */
export function overlay(base: Written, over: Written): { readonly tree: Tree; readonly place: PlaceOf } {
  const { tree, mark } = merge(base, over, []);
  return { tree, place: placeOf(mark) };
}

/** The same without places. */
export function mergeTrees(base: Tree, over: Tree): Tree {
  return merge({ tree: base }, { tree: over }, []).tree;
}

/** Keys whose value is replaced as a whole. */
export const WHOLE: ReadonlySet<string> = new Set(['keep']);

/** Objects that take exactly one of these keys: setting another one in an overlay replaces the object. */
const ALTERNATIVES: Readonly<Record<string, readonly string[]>> = { credentials: ['secret', 'workloadIdentity'], ca: ['configMap', 'secret'] };
const STORAGES = [...STORAGE_KINDS.map(({ name }) => name), ...Object.keys(LATER_STORAGES)];

/** Keys that exclude each other: setting one in an overlay drops the other one of the base. */
const RIVALS: Readonly<Record<string, string>> = { database: 'databases', databases: 'database', nextTo: 'node', node: 'nextTo' };

function merge(base: Written, over: Written, path: Path): Written {
  const merged = new Map(Object.entries(base.tree));
  const marks = base.mark && new Map(base.mark.inside);
  for (const [key, value] of Object.entries(over.tree)) {
    const rival = RIVALS[key];
    if (rival !== undefined && Object.hasOwn(RIVALS, key) && value !== null && !Object.hasOwn(over.tree, rival)) {
      merged.delete(rival);
      marks?.delete(rival);
    }
    const mark = over.mark?.inside?.get(key);
    const below = combined({ value: merged.get(key), mark: marks?.get(key) }, { value, mark }, [...path, key]);
    if (value === null) merged.delete(key);
    else merged.set(key, below.value);
    // The place of a removed key is the line that removed it: that is where to look when it is missing.
    if (below.mark) marks?.set(key, below.mark);
  }
  // fromEntries makes own properties, also of `__proto__`.
  return { tree: Object.fromEntries(merged), ...(base.mark && { mark: { ...base.mark, inside: marks } }) };
}

interface Value {
  readonly value: unknown;
  readonly mark?: Mark;
}

function combined(under: Value, over: Value, path: Path): Value {
  if (!isTree(under.value) || !isTree(over.value) || isReplaced(under.value, over.value, path)) return { ...over, value: withoutNulls(over.value) };
  const { tree, mark } = merge({ tree: under.value, mark: under.mark }, { tree: over.value, mark: over.mark }, path);
  return { value: tree, mark };
}

function isReplaced(under: Tree, over: Tree, path: Path): boolean {
  const key = String(path.at(-1));
  if (WHOLE.has(key)) return true;
  const kinds = path.length === 2 && path[0] === 'storages' ? STORAGES : Object.hasOwn(ALTERNATIVES, key) ? ALTERNATIVES[key]! : [];
  const has = (tree: Tree, kind: string) => Object.hasOwn(tree, kind) && tree[kind] !== null;
  return kinds.some((kind) => has(under, kind)) && kinds.some((kind) => has(over, kind) && !has(under, kind));
}

/** Values without keys that are `null`, which had nothing to remove. The same object if there are none. */
export function withoutNulls(value: unknown): unknown {
  if (!hasNulls(value)) return value;
  if (Array.isArray(value)) return value.map(withoutNulls);
  return Object.fromEntries(Object.entries(value as Tree).flatMap(([key, inner]) => (inner === null ? [] : [[key, withoutNulls(inner)]])));
}

function hasNulls(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  for (const inner of Object.values(value)) if ((inner === null && !Array.isArray(value)) || hasNulls(inner)) return true;
  return false;
}
