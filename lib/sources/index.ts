import type * as z from 'zod';
import type { Method, SourceKind } from './kind.ts';
import { postgres } from './postgres/kind.ts';
import { volume } from './volume/kind.ts';

/** Every kind of source that is built. */
export const SOURCE_KINDS = [postgres, volume] as const;

/** Kinds of the format that are refused for now. */
export const LATER_SOURCES = { objects: 'the source `objects`', openbao: 'the source `openbao`' } as const;

/** Methods of the format that are refused for now. */
export const LATER_METHODS = ['basebackup', 'wal', 'objects', 'raft-snapshot'] as const;

/** Names of all methods that are built, of every kind. */
export const METHOD_NAMES = SOURCE_KINDS.flatMap(({ methods }) => methods.map(({ name }) => name));

/** The method that backs up each kind unless a tier chooses another one. */
export const DEFAULT_METHODS = SOURCE_KINDS.map(({ methods: [first] }) => first.name);

/** Extensions of all artifacts, without those of the compression. */
export const EXTENSIONS = [...new Set(SOURCE_KINDS.flatMap(({ methods }) => methods.flatMap(({ extensions }) => extensions)))];

/** Schemas that the kinds use in several places, by their names in the JSON Schema. */
export const SHARED_SCHEMAS: Readonly<Record<string, z.ZodType>> = Object.assign(
  {},
  ...SOURCE_KINDS.map((kind) => ('sharedSchemas' in kind ? kind.sharedSchemas : {})),
);

export function sourceKind(name: string): SourceKind {
  const kind = SOURCE_KINDS.find((candidate) => candidate.name === name);
  if (!kind) throw new Error(`no source kind '${name}'`);
  return kind as unknown as SourceKind;
}

/** The named method of a kind, or its default if the kind does not have that one. */
export function methodOf({ methods }: SourceKind, name?: string): Method {
  return methods.find((method) => method.name === name) ?? methods[0];
}
