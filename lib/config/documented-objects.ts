import type * as z from 'zod';
import { type Inner, metaOf, unwrapped } from './schema-at.ts';

type Schema = z.core.$ZodType;

/** An object of the values, which may occur in several places. */
export interface DocumentedObject {
  /** The common end of all its paths: `tiers.<tier>`, `pod.resources`. */
  readonly title: string;
  /** The objects that contain it. */
  readonly parents: ReadonlySet<Schema>;
  readonly description?: string;
  readonly shape: Readonly<Record<string, Schema>>;
}

/** Every object in a schema, outermost first. */
export function documentedObjects(root: Schema): ReadonlyMap<Schema, DocumentedObject> {
  const found = new Map<Schema, Found>();
  visit(root, { path: [] }, found);
  return new Map([...found].map(([schema, uses]) => [schema, documented(schema as Inner, uses)]));
}

interface Found {
  readonly paths: string[][];
  readonly parents: Set<Schema>;
  /** Description of the first key that it was found under. */
  readonly description?: string;
}

interface Use {
  readonly path: string[];
  readonly parent?: Schema;
  readonly description?: string;
}

function visit(schema: Schema, use: Use, found: Map<Schema, Found>): void {
  const inner = unwrapped(schema);
  const { def } = inner._zod;
  const { path } = use;
  const below = { ...use, description: metaOf(schema).description ?? use.description };
  const last = path.at(-1) ?? '';
  if (def.type === 'object') visitObject(inner, def.shape, below, found);
  if (def.type === 'record') visit(def.valueType, { ...use, path: [...path.slice(0, -1), `${last}.<${last.replace(/s$/, '')}>`] }, found);
  if (def.type === 'array') visit(def.element, { ...below, path: [...path.slice(0, -1), `${last}[]`] }, found);
  if (def.type === 'union') for (const option of def.options) visit(option, below, found);
}

function visitObject(object: Inner, shape: Readonly<Record<string, Schema>>, use: Use, found: Map<Schema, Found>): void {
  const known = found.get(object) ?? { paths: [], parents: new Set(), description: use.description };
  found.set(object, known);
  known.paths.push(use.path);
  if (use.parent) known.parents.add(use.parent);
  for (const [key, value] of Object.entries(shape)) visit(value, { path: [...use.path, key], parent: object }, found);
}

function documented(schema: Inner, { paths, parents, description }: Found): DocumentedObject {
  const { def } = schema._zod;
  const keys = new Set(paths.map((path) => path.at(-1)));
  return {
    title: commonEnd(paths).join('.'),
    parents,
    // The description of a key applies to that key only.
    description: metaOf(schema).description ?? (parents.size > 1 || keys.size > 1 ? undefined : description),
    shape: def.type === 'object' ? def.shape : {},
  };
}

/** The common end of all paths. If even the last steps differ, all of them, separated by slashes. */
function commonEnd(paths: readonly string[][]): string[] {
  const lasts = [...new Set(paths.map((path) => path.at(-1)))];
  if (lasts.length > 1) return [...commonEnd(paths.map((path) => path.slice(0, -1))), lasts.join('/')];
  const [first = []] = paths;
  let length = 0;
  while (length < first.length && paths.every((path) => path.at(-1 - length) === first.at(-1 - length))) length += 1;
  return first.slice(first.length - length);
}
