import { mergeTrees } from './merge.ts';
import type { Path, Tree } from './places.ts';

/** A part of the values that stands for something more general or more specific, and where it was written. */
export interface Layer {
  readonly tree: Tree;
  readonly at: Path;
}

/** Several layers as one tree, of which each path still knows where it was written. */
export interface Layered {
  readonly tree: Tree;
  /** The path in the values that decided about a path of the tree; where nothing did, the most specific layer's. */
  origin(path: Path): Path;
  /** All paths in the values where it could have been written. */
  everywhere(path: Path): readonly Path[];
}

/** Lays layers over each other, the most specific last, by the rules of overlays. */
export function layered(layers: readonly Layer[]): Layered {
  const specificFirst = [...layers].reverse();
  let merged: Tree | undefined;
  return {
    // Only when it is asked for: often it is just the origin that somebody wants to know.
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
