import type * as z from 'zod';
import { ConfigError } from '../errors.ts';
import { dnsLabel } from '../units/names.ts';
import { invalidPathsOf, without } from './invalid-paths.ts';
import type { Tree } from './places.ts';
import type { Reading, ReadValues } from './read.ts';
import type { values } from './schema/values.ts';
import { diagnoseBase } from './written.ts';

/** Every key is optional, since defaults, plans and `defaults` can supply it. Only the schema lists the keys. */
type Written<Input> = Input extends readonly (infer Item)[]
  ? readonly Written<Item>[]
  : Input extends object
    ? { readonly [Key in keyof Input]?: Written<Input[Key]> }
    : Input;

type AsWritten = Written<z.input<typeof values>>;

/** The values of one environment as a program writes them: the shape of the merged files. */
export type Values = AsWritten & Required<Pick<AsWritten, 'namespace' | 'storages' | 'sources'>>;

/** A source of the values. */
export type SourceValues = NonNullable<Values['sources'][string]>;

/** A storage of the values. */
export type StorageValues = NonNullable<Values['storages'][string]>;

/**
 * Returns values written in a program unchanged, so that editors can check and complete them.
 *
 * Throws a {@link ConfigError} with every error that shows before defaults are applied.
 */
export function defineValues(written: Values): Values {
  const { diagnostics } = diagnoseBase({ tree: treeOf(written) });
  if (diagnostics.length > 0) throw new ConfigError(diagnostics);
  return written;
}

/** Treats values of a program as if they were read from a file. Values that were read are returned unchanged. */
export function readingOf(environment: string, written: Values | ReadValues): Reading {
  if (isRead(written)) return { values: written, errors: [] };
  if (!dnsLabel.safeParse(environment).success)
    throw ConfigError.of('environment', `'${environment}' is not a valid environment name`, 'use lowercase letters, digits and dashes, at most 63');
  const tree = treeOf(written);
  const { diagnostics, paths } = diagnoseBase({ tree });
  return { values: { environment, tree: without(tree, invalidPathsOf(paths)), place: () => undefined, invalid: paths }, errors: diagnostics };
}

function isRead(written: Values | ReadValues): written is ReadValues {
  return 'tree' in written && typeof written.place === 'function';
}

/** Drops `undefined`: in a program it means that a key was not written. */
function treeOf(written: Values): Tree {
  return JSON.parse(JSON.stringify(written)) as Tree;
}
