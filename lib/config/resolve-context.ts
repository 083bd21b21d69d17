import type { Diagnostics } from './diagnostics.ts';
import type { Tree } from './places.ts';
import type { StorageSettings } from './settings.ts';

/** What resolving a source needs to know of the rest of the values. */
export interface ResolveContext {
  readonly namespace: string;
  /** Storages without errors. */
  readonly storages: ReadonlyMap<string, StorageSettings>;
  /** All storages, also those with errors. */
  readonly storageNames: readonly string[];
  readonly plans: ReadonlyMap<string, Tree>;
  readonly defaults: Tree;
  /** The values themselves, for options at the top level such as the time zone. */
  readonly top: Tree;
  readonly diagnostics: Diagnostics;
}
