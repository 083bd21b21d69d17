import * as z from 'zod';
import { WHOLE } from './merge.ts';
import { type Inner, metaOf } from './schema-at.ts';

type Schema = z.core.$ZodType;

/** How the schema of one file differs from the schema of the merged values. */
export interface Way {
  /** Every key may be `null`, which removes it. */
  readonly nulls: boolean;
  /** Whether text may contain `{{ .Source }}`, or must not. @default - not checked */
  readonly templates?: 'expanded' | 'rejected';
}

/** Metadata of a derived property, for the reference and the JSON Schema. */
export interface Note {
  /** Name of the definition in the JSON Schema. @default - inlined */
  readonly id?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
}

/** Notes of derived schemas. Not in zod's global registry, which describes the original schemas. */
export const notes = z.registry<Note>();

const derived = new Map<string, Map<Schema, Schema>>();

/**
 * The schema of one file: every key optional, none unknown, no default, nothing transformed.
 *
 * Required keys and checks across keys are dropped, because the keys may be spread over two files.
 *
 * @param whole - the value is only ever replaced as a whole, so its required keys must be in this file
 */
export function derive(schema: Schema, way: Way, whole = false): Schema {
  const variant = `${way.nulls} ${way.templates} ${whole}`;
  const cache = derived.get(variant) ?? new Map<Schema, Schema>();
  derived.set(variant, cache);
  const found = cache.get(schema) ?? derivedFrom(schema as Inner, way, whole);
  cache.set(schema, found);
  return found;
}

function derivedFrom(schema: Inner, way: Way, whole: boolean): Schema {
  const { def } = schema._zod;
  const words = { error: def.error as never }; // safe: the derived schema has the same type, and so the same issues
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'prefault':
      return derive(def.innerType, way, whole);
    case 'nullable':
      return z.nullable(derive(def.innerType, way, whole));
    case 'pipe':
      return derive(def.in, way, whole);
    case 'object':
      return checked(z.strictObject(properties(def.shape, way, whole), words), whole ? def.checks : []);
    case 'record':
      return checked(z.record(def.keyType, nullable(derive(def.valueType, way, whole), way), words), def.checks);
    case 'array':
      return checked(z.array(derive(def.element, way, true), words), def.checks);
    case 'union':
      return checked(
        z.union(
          def.options.map((option) => derive(option, way, whole)),
          words,
        ),
        def.checks,
      );
    case 'string':
      return way.templates === 'expanded' ? templated(schema) : way.templates === 'rejected' ? untemplated(schema as z.ZodString) : schema;
    default:
      return schema;
  }
}

function properties(shape: Readonly<Record<string, Schema>>, way: Way, whole: boolean): Record<string, Schema> {
  return Object.fromEntries(
    Object.entries(shape).map(([key, schema]) => {
      const { templates = way.templates, description, defaultText } = metaOf(schema);
      const below = derive(schema, { ...way, templates }, whole || WHOLE.has(key));
      const required = whole && schema._zod.optin === undefined;
      const property = required ? z.clone(below) : z.optional(nullable(below, way));
      const fallback = defaultText ?? defaultOf(schema as Inner);
      notes.add(property, { ...(description !== undefined && { description }), ...(fallback !== undefined && { default: fallback }) });
      return [key, property];
    }),
  );
}

/** The default as JSON. Nothing for a prefault, which only leads to the defaults of the keys below. */
export function defaultOf(schema: Inner): unknown {
  const { def } = schema._zod;
  if (def.type === 'default') return def.defaultValue;
  return def.type === 'optional' || def.type === 'nullable' ? defaultOf(def.innerType as Inner) : undefined;
}

function nullable(schema: Schema, { nulls }: Way): Schema {
  return nulls ? z.nullable(schema) : schema;
}

function checked(schema: z.ZodType, checks: readonly z.core.$ZodCheck<never>[] = []): Schema {
  return checks.length > 0 ? schema.check(...(checks as readonly z.core.$ZodCheck<unknown>[])) : schema;
}

const TEMPLATE = /\{\{\s*\.Source\s*\}\}/g;

/** Text that is valid once `{{ .Source }}` is replaced by the name of a source. */
function templated(schema: Schema): Schema {
  const text = z.unknown().superRefine((value, context) => {
    const filled = typeof value === 'string' ? value.replace(TEMPLATE, 'source') : value;
    const result = z.safeParse(schema, filled, { reportInput: true });
    for (const issue of result.error?.issues ?? []) context.addIssue({ ...issue, input: value } as z.core.$ZodSuperRefineIssue);
    if (result.success && typeof filled === 'string' && filled.includes('{{')) context.addIssue('only {{ .Source }} is expanded');
  });
  notes.add(text, { type: 'string' });
  return text;
}

/** Text that is used as it is. Copied from `defaults`, it would name a database `{{ .Source }}`. */
function untemplated(schema: z.ZodString): Schema {
  return schema.refine((text) => !text.includes('{{'), { error: 'templates are not expanded here' });
}
