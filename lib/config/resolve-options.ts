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

/** The options in an object of the values, without its other keys: the same ones whenever it is asked. */
export function pickOptions(tree: Tree): Tree {
  const known = picked.get(tree);
  if (known) return known;
  const own = Object.fromEntries(Object.keys(optionShape).flatMap((key) => (key in tree ? [[key, tree[key]]] : [])));
  picked.set(tree, own);
  return own;
}

/** What layers come to, under the trees of these layers, one under the other. */
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

/** The options that layers come to, with every default. A thousand sources that write none of their own come to those of their plan. */
export function resolveOptions(layers: readonly Layer[], diagnostics: Diagnostics): Options | undefined {
  const here = layers.reduce((above, { tree }) => (Object.keys(tree).length === 0 ? above : above.under(tree)), known);
  if (here.options) return here.options;
  const whole = layered(layers);
  here.options = diagnostics.parse(options, whole.tree, whole);
  return here.options;
}
