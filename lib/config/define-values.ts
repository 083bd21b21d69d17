import type * as z from 'zod';
import { ConfigError } from '../errors.ts';
import { isTree, type Tree } from './places.ts';
import type { ReadValues } from './read.ts';
import type { values } from './schema/values.ts';
import { refusedInBase } from './written.ts';

/** Values as they are written in a program: what `config/base.yaml` may hold, with types. */
export type Values = Written<z.input<typeof values>>;

/** Everything may be missing that a default, a plan or `defaults` gives; what is missing in the end shows at the synthesis. */
type Written<Input> = Input extends readonly (infer Item)[]
  ? readonly Written<Item>[]
  : Input extends object
    ? { readonly [Key in keyof Input]?: Written<Input[Key]> }
    : Input;

/** The same values, checked at once: throws a {@link ConfigError} with every mistake that shows before defaults are applied. */
export function defineValues(written: Values): Values {
  const { problems } = refusedInBase({ tree: withoutUndefined(written) as Tree });
  if (problems.length > 0) throw new ConfigError(problems);
  return written;
}

/** Values of a program in the form of values that were read. They have no file, so no place either. */
export function asRead(environment: string, written: Values): ReadValues {
  return { environment, tree: withoutUndefined(defineValues(written)) as Tree, place: () => undefined };
}

/** To a program a key that is `undefined` is not there. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (!isTree(value)) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, inner]) => (inner === undefined ? [] : [[key, withoutUndefined(inner)]])));
}
