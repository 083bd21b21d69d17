import type { SourceKind } from './kind.ts';
import { postgres } from './postgres.ts';
import { volume } from './volume.ts';

/** Every kind of source that is built. */
export const SOURCE_KINDS = [postgres, volume] as const;

/** Kinds of the format that are refused for now. */
export const LATER_SOURCES = { objects: 'the source `objects`', openbao: 'the source `openbao`' } as const;

/** Methods of the format that are refused for now. */
export const LATER_METHODS = ['basebackup', 'wal', 'objects', 'raft-snapshot'] as const;

export function sourceKind(name: string): SourceKind {
  const kind = SOURCE_KINDS.find((candidate) => candidate.name === name);
  if (!kind) throw new Error(`no source kind '${name}'`);
  return kind as unknown as SourceKind;
}
