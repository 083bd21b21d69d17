import * as z from 'zod';
import type { Path } from './places.ts';

/** A schema with zod's internals, which its public types hide. */
export type Inner = z.core.$ZodTypes;

/** The schema inside `optional`, `default`, `prefault` and `nullable`, and before a `transform`. */
export function unwrapped(schema: z.core.$ZodType): Inner {
  const { def } = (schema as Inner)._zod;
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
      return unwrapped(def.innerType);
    case 'pipe':
      return unwrapped(def.in);
    default:
      return schema as Inner;
  }
}

/** The schema at a path, still wrapped; nothing if the path cannot exist. */
export function schemaAt(root: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  let found: z.core.$ZodType | undefined = root;
  for (const step of path) {
    if (!found) return undefined;
    found = child(unwrapped(found), step);
  }
  return found;
}

function child(schema: Inner, step: string | number): z.core.$ZodType | undefined {
  const { def } = schema._zod;
  switch (def.type) {
    case 'object':
      return Object.hasOwn(def.shape, step) ? def.shape[step] : undefined;
    case 'record':
      return def.valueType;
    case 'array':
      return def.element;
    case 'union':
      return def.options.map((option) => child(unwrapped(option), step)).find((option) => option !== undefined);
    default:
      return undefined;
  }
}

/** The keys of an object and their schemas; for a union, the keys of all its objects. */
export function shapeOf(schema: z.core.$ZodType | undefined): Readonly<Record<string, z.core.$ZodType>> {
  if (!schema) return {};
  const { def } = unwrapped(schema)._zod;
  if (def.type === 'object') return def.shape;
  return def.type === 'union' ? Object.assign({}, ...def.options.map(shapeOf)) : {};
}

/** The metadata of a schema, from its wrappers and from the schema inside. */
export function metaOf(schema: z.core.$ZodType): Meta {
  const { def } = (schema as Inner)._zod;
  const inner = 'innerType' in def ? metaOf(def.innerType as z.core.$ZodType) : def.type === 'pipe' ? metaOf(def.in) : {};
  return { ...inner, ...(z.globalRegistry.get(schema) as Meta | undefined) };
}

export interface Meta {
  readonly description?: string;
  /** The default as people write it, if the default of the schema is already transformed. */
  readonly defaultText?: string;
  /** What a key is for that this version does not support yet. */
  readonly notYet?: string;
  /** Whether text below may contain `{{ .Source }}`, or must not because it is not expanded there. */
  readonly templates?: 'expanded' | 'rejected';
}
