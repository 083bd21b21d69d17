import type * as z from 'zod';

type Kinds = readonly { readonly name: string; readonly schema: z.ZodType }[];
export type Slices<List extends Kinds> = { readonly [Kind in List[number] as Kind['name']]: z.ZodOptional<Kind['schema']> };

/** One key for each kind, with the kind's schema. */
export function slices<const List extends Kinds>(kinds: List, meta: Readonly<Record<string, unknown>> = {}): Slices<List> {
  return Object.fromEntries(kinds.map(({ name, schema }) => [name, schema.optional().meta(meta)])) as Slices<List>;
}
