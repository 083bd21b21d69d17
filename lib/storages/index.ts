import type { StorageKind } from './kind.ts';
import { pvc } from './pvc.ts';
import { s3 } from './s3.ts';

/** Every kind of storage that is built. */
export const STORAGE_KINDS = [pvc, s3] as const;

/** Kinds of the format that are refused for now. */
export const LATER_STORAGES = { azure: 'the storage `azure`', gcs: 'the storage `gcs`' } as const;

export function storageKind(name: string): StorageKind {
  const kind = STORAGE_KINDS.find((candidate) => candidate.name === name);
  if (!kind) throw new Error(`no storage kind '${name}'`);
  return kind as unknown as StorageKind;
}
