import * as z from 'zod';
import type { Problem } from '../errors.ts';
import { problemsOf } from './check.ts';
import { derive } from './derive.ts';
import { type Written, withoutNulls } from './merge.ts';
import { isTree, type Path, type PlaceOf, placeOf, printPath } from './places.ts';
import { values } from './schema/values.ts';

/** `config/base.yaml`: every key may be missing, none may be unknown. */
export const asWritten = derive(values, { nulls: false });

/** An environment's file: the same, and every key may be `null`, which removes it. */
export const asOverlay = derive(values, { nulls: true });

/** What is wrong with one file alone, and where. */
export interface Refused {
  readonly problems: readonly Problem[];
  /** Paths of what was refused: the rest of the file can be checked further. */
  readonly paths: readonly Path[];
}

/** Every mistake in the base alone. */
export function refusedInBase({ tree, mark }: Written): Refused {
  const place = placeOf(mark);
  const { problems, paths } = refusedBy(asWritten, withoutNulls(tree), place);
  return { problems: [...nulls(tree, [], place), ...problems], paths };
}

/** Every mistake in an environment's file alone, before it is laid over anything. */
export function refusedInOverlay({ tree, mark }: Written): Refused {
  return refusedBy(asOverlay, tree, placeOf(mark));
}

function refusedBy(schema: z.core.$ZodType, tree: unknown, place: PlaceOf): Refused {
  const { error } = z.safeParse(schema, tree, { reportInput: true });
  return error ? { problems: problemsOf(error.issues, [], place), paths: error.issues.flatMap(pathsOf) } : { problems: [], paths: [] };
}

function pathsOf(issue: z.core.$ZodIssue): readonly Path[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  return issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path];
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
