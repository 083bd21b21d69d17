import * as z from 'zod';
import type { Diagnostic } from '../diagnostics.ts';
import { derive } from './derive.ts';
import { diagnosticsOf } from './issue-diagnostics.ts';
import { type Written, withoutNulls } from './merge.ts';
import { isTree, type Path, type PlaceOf, placeOf, printPath } from './places.ts';
import { values } from './schema/values.ts';

/** `config/base.yaml`: every key is optional, unknown keys are rejected. */
export const asWritten = derive(values, { nulls: false });

/** The file of an environment: the same, but every key may be `null`, which removes it. */
export const asOverlay = derive(values, { nulls: true });

/** The errors of one file by itself. */
export interface FileDiagnostics {
  readonly diagnostics: readonly Diagnostic[];
  /** The invalid paths; the rest of the file can be checked further. */
  readonly paths: readonly Path[];
}

/** Checks the base by itself. */
export function diagnoseBase({ tree, mark }: Written): FileDiagnostics {
  const place = placeOf(mark);
  const { diagnostics, paths } = diagnose(asWritten, withoutNulls(tree), place);
  return { diagnostics: [...nulls(tree, [], place), ...diagnostics], paths };
}

/** Checks the file of an environment by itself, before it is merged. */
export function diagnoseOverlay({ tree, mark }: Written): FileDiagnostics {
  return diagnose(asOverlay, tree, placeOf(mark));
}

function diagnose(schema: z.core.$ZodType, tree: unknown, place: PlaceOf): FileDiagnostics {
  const { error } = z.safeParse(schema, tree, { reportInput: true });
  return error ? { diagnostics: diagnosticsOf(error.issues, [], place), paths: error.issues.flatMap(pathsOf) } : { diagnostics: [], paths: [] };
}

function pathsOf(issue: z.core.$ZodIssue): readonly Path[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  return issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path];
}

function nulls(value: unknown, path: Path, place: PlaceOf): Diagnostic[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => (item === null ? [] : nulls(item, [...path, index], place)));
  if (!isTree(value)) return value === null ? [nullDiagnostic(path, place)] : [];
  return Object.entries(value).flatMap(([key, inner]) => nulls(inner, [...path, key], place));
}

function nullDiagnostic(path: Path, place: PlaceOf): Diagnostic {
  return {
    path: printPath(path),
    message: 'null is not allowed in the base: it removes a key of the base',
    hint: 'remove the key, or write {} to use every default',
    place: place(path),
  };
}
