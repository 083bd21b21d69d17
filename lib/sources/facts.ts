import * as z from 'zod';

/** How objects treat unknown keys: rejected in the output of our own scripts, kept in anything that we read. */
export type ObjectOf = typeof z.looseObject;

/** What a method adds to a part of the manifest. `get` shows the format. */
export type FactsShape = Readonly<Record<string, z.ZodType>> & { readonly format: z.ZodType<string> };

/** The facts of a part, as read from a manifest. */
export type FactsOf<Shape extends FactsShape> = z.output<z.ZodObject<Shape, z.core.$loose>>;

/** A number of bytes, files or rows. */
export const count = z.int().min(0);
export const text = z.string();
export const named = z.string().min(1);
