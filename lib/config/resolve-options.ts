import type { Diagnostics } from './diagnostics.ts';
import { type Layer, layered } from './layers.ts';
import type { Path, Tree } from './places.ts';
import { type Options, optionShape, options } from './schema/options.ts';

/** Where the options of a source come from, the most general first. */
export interface SourceLayers {
  readonly defaults: readonly Layer[];
  readonly plan: readonly Layer[];
  readonly source: readonly Layer[];
  /** The plan itself, with its tiers. @default - none */
  readonly planTree?: Tree;
  readonly planAt: Path;
}

const picked = new WeakMap<Tree, Tree>();

/** The options among the keys of an object. Returns the same object each time, so that results can be cached by it. */
export function pickOptions(tree: Tree): Tree {
  const known = picked.get(tree);
  if (known) return known;
  const own = Object.fromEntries(Object.keys(optionShape).flatMap((key) => (key in tree ? [[key, tree[key]]] : [])));
  picked.set(tree, own);
  return own;
}

/** A cache of resolved options, as a tree: one level for each layer. */
class Known {
  options?: Options;
  private readonly below = new WeakMap<Tree, Known>();

  under(tree: Tree): Known {
    const known = this.below.get(tree) ?? new Known();
    this.below.set(tree, known);
    return known;
  }
}

const known = new Known();

/** Merges layers into options with every default. Cached, because a thousand sources usually share the options of one plan. */
export function resolveOptions(layers: readonly Layer[], diagnostics: Diagnostics): Options | undefined {
  const here = layers.reduce((above, { tree }) => (Object.keys(tree).length === 0 ? above : above.under(tree)), known);
  if (here.options) return here.options;
  const whole = layered(layers);
  here.options = diagnostics.parse(options, whole.tree, whole);
  return here.options;
}
