import { mergeTrees } from './merge.ts';
import type { Path, Tree } from './places.ts';

/** A part of the values that applies at one level, and its path. */
export interface Layer {
  readonly tree: Tree;
  readonly at: Path;
}

/** Several layers merged into one tree that still knows where each value was written. */
export interface Layered {
  readonly tree: Tree;
  /** The path in the values that set a path of the tree. If none did, the path in the most specific layer. */
  origin(path: Path): Path;
  /** All paths in the values where it could have been written. */
  everywhere(path: Path): readonly Path[];
}

/** Merges layers by the rules of overlays, the most specific last. */
export function layered(layers: readonly Layer[]): Layered {
  const specificFirst = [...layers].reverse();
  let merged: Tree | undefined;
  return {
    // Merged on demand: callers often need the origin only.
    get tree() {
      merged ??= layers.reduce<Tree>((under, { tree: over }) => mergeTrees(under, over), {});
      return merged;
    },
    origin(path) {
      for (let length = path.length; length > 0; length -= 1) {
        const layer = specificFirst.find((candidate) => holds(candidate.tree, path.slice(0, length)));
        if (layer) return [...layer.at, ...path];
      }
      return [...(specificFirst[0]?.at ?? []), ...path];
    },
    everywhere: (path) => layers.map(({ at }) => [...at, ...path]),
  };
}

function holds(tree: unknown, path: Path): boolean {
  let at = tree;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return false;
    at = (at as Record<string | number, unknown>)[key];
  }
  return true;
}
