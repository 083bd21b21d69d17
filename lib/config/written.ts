import * as z from 'zod';
import type { Problem } from '../errors.ts';
import { problemsOf } from './check.ts';
import { derive } from './derive.ts';
import { type Written, withoutNulls } from './merge.ts';
import { isTree, type Path, type PlaceOf, placeOf, printPath } from './places.ts';
import { values } from './schema/values.ts';

/** `config/base.yaml`: every key may be missing, none may be unknown. */
export const asWritten = derive(values, { nulls: false, templates: false });

/** An environment's file: the same, and every key may be `null`, which removes it. */
export const asOverlay = derive(values, { nulls: true, templates: false });

/** Every mistake in the base alone. */
export function problemsOfBase({ tree, mark }: Written): Problem[] {
  const place = placeOf(mark);
  return [...nulls(tree, [], place), ...problemsBy(asWritten, withoutNulls(tree), place)];
}

/** Every mistake in an environment's file alone, before it is laid over anything. */
export function problemsOfOverlay({ tree, mark }: Written): Problem[] {
  return problemsBy(asOverlay, tree, placeOf(mark));
}

function problemsBy(schema: z.core.$ZodType, tree: unknown, place: PlaceOf): Problem[] {
  const result = z.safeParse(schema, tree, { reportInput: true });
  return result.success ? [] : problemsOf(result.error.issues, [], place);
}

function nulls(value: unknown, path: Path, place: PlaceOf): Problem[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => (item === null ? [] : nulls(item, [...path, index], place)));
  if (!isTree(value)) return value === null ? [nullProblem(path, place)] : [];
  return Object.entries(value).flatMap(([key, inner]) => nulls(inner, [...path, key], place));
}

function nullProblem(path: Path, place: PlaceOf): Problem {
  return {
    path: printPath(path),
    message: 'null removes a key of the base, and this is the base',
    hint: 'leave the key out; write {} where every default is meant',
    place: place(path),
  };
}
