import type { SourceKind } from '../sources/kind.ts';
import type { StorageKind } from '../storages/kind.ts';
import type { Path } from './places.ts';
import type { Keep } from './schema/keep.ts';
import type { Options } from './schema/options.ts';
import type { Restore } from './schema/restore.ts';
import type { Verify } from './schema/verify.ts';

/** The checked values of one environment with every default. Each part still knows where it was written. */
export interface Settings {
  readonly environment: string;
  readonly namespace: string;
  readonly createNamespace: boolean;
  /** Whether this is a production environment. */
  readonly production: boolean;
  readonly images: Readonly<Record<string, string>>;
  readonly storages: ReadonlyMap<string, StorageSettings>;
  readonly sources: readonly SourceSettings[];
  readonly restores: readonly RestoreSettings[];
}

export interface StorageSettings {
  readonly name: string;
  readonly enabled: boolean;
  readonly namespace: string;
  readonly kind: StorageKind;
  /** Output of the kind's schema. */
  readonly settings: unknown;
  /** Path of the kind's slice in the values. */
  readonly at: Path;
}

export interface SourceSettings {
  readonly name: string;
  readonly namespace: string;
  readonly folder: string;
  readonly kinds: readonly KindSettings[];
  /** Options of the source as a whole, without those of its tiers. */
  readonly options: Options;
  /** One for each enabled tier; for a source with manual runs only, one named `once`. */
  readonly tiers: readonly TierSettings[];
  /** @default - its backups are not verified */
  readonly verify?: VerifySettings;
  readonly at: Path;
}

/** How the backups of a source are verified. */
export interface VerifySettings {
  readonly settings: Verify;
  /** Path in the values of a path below `verify`. */
  origin(path: Path): Path;
}

/** One restore. */
export interface RestoreSettings {
  /** Its name under `restores`. */
  readonly name: string;
  readonly settings: Restore;
  /** As written, without defaults. The id of the restore is made of it, so that a new version does not change the id. */
  readonly written: object;
  readonly at: Path;
}

export interface KindSettings {
  readonly kind: SourceKind;
  readonly settings: unknown;
  /** Path in the values of a path below the kind's key. */
  origin(path: Path): Path;
}

export interface TierSettings {
  readonly name: string;
  /** As written. @default - manual runs only */
  readonly schedule?: string;
  /** @default - the kind's first method */
  readonly method?: string;
  readonly options: Options;
  readonly storages: readonly StorageUse[];
  /** Path in the values of a path below the tier. */
  origin(path: Path): Path;
}

/** A storage in a tier's list. */
export interface StorageUse {
  readonly storage: StorageSettings;
  /** @default - nothing is ever deleted: manual runs only */
  readonly keep?: Keep;
  /** Path in the values of its name in the list. */
  readonly at: Path;
}
