import type { Settings, StorageUse } from '../config/settings.ts';
import type { PlannedStorage } from './model.ts';

/** A storage as the pods of one run see it. `number` counts from 1. */
export function planStorage(
  { environment }: Pick<Settings, 'environment'>,
  { storage, keep }: Omit<StorageUse, 'at'>,
  number: number,
): PlannedStorage {
  const { name, kind, settings, namespace } = storage;
  return {
    name,
    kind: kind.name,
    role: number === 1 ? 'primary' : 'copy',
    keep,
    access: kind.access(settings, { environment, name, namespace }, number),
  };
}
