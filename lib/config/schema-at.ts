import * as z from 'zod';
import type { Path } from './places.ts';

/** A schema as zod keeps it inside, which its types hide. */
export type Inner = z.core.$ZodTypes;

/** What lies under `optional`, `default`, `prefault`, `nullable` and before a `transform`. */
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

/** The schema of what stands at a path, still wrapped; nothing where no such path can be. */
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

/** Keys that an object may have, with the schema of each; of a union, those of its objects. */
export function shapeOf(schema: z.core.$ZodType | undefined): Readonly<Record<string, z.core.$ZodType>> {
  if (!schema) return {};
  const { def } = unwrapped(schema)._zod;
  if (def.type === 'object') return def.shape;
  return def.type === 'union' ? Object.assign({}, ...def.options.map(shapeOf)) : {};
}

/** What a schema says of itself, wherever it was said: on the wrapper or on what lies in it. */
export function metaOf(schema: z.core.$ZodType): Meta {
  const { def } = (schema as Inner)._zod;
  const inner = 'innerType' in def ? metaOf(def.innerType as z.core.$ZodType) : def.type === 'pipe' ? metaOf(def.in) : {};
  return { ...inner, ...(z.globalRegistry.get(schema) as Meta | undefined) };
}

export interface Meta {
  readonly description?: string;
  /** The default as people write it, where the schema's own is already transformed. */
  readonly defaultText?: string;
  /** What a key would be for that this version refuses. */
  readonly notYet?: string;
  /** Whether texts below may hold `{{ .Source }}`, or may not because nobody would fill it in. */
  readonly templates?: 'filled' | 'refused';
}
