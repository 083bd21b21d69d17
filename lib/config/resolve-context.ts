import type { Diagnostics } from './diagnostics.ts';
import type { Tree } from './places.ts';
import type { StorageSettings } from './settings.ts';

/** What a source is resolved against. */
export interface ResolveContext {
  readonly namespace: string;
  /** Those in which nothing is wrong. */
  readonly storages: ReadonlyMap<string, StorageSettings>;
  /** All that were written. */
  readonly storageNames: readonly string[];
  readonly plans: ReadonlyMap<string, Tree>;
  readonly defaults: Tree;
  /** The values themselves: a time zone for all stands at the top, where people look for it. */
  readonly top: Tree;
  readonly diagnostics: Diagnostics;
}
