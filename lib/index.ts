/** The library face of backstay. Everything else is private until 1.0. */

import type { BackupsProps } from './charts/backups.ts';
import { synthesize as synthesizeModel } from './charts/synthesize.ts';
import { readingOf } from './config/define.ts';
import { loadValues } from './model/load.ts';
import { packageVersion } from './version.ts';

export { Backups, type BackupsProps } from './charts/backups.ts';
export { defineValues, type SourceValues, type StorageValues, type Values } from './config/define.ts';
export { type ReadValues, readValues } from './config/read.ts';
export type { Diagnostic, Place } from './diagnostics.ts';
export { ConfigError } from './errors.ts';
export { type Manifest, parseManifest } from './model/manifest.ts';

/** The files that `backstay synth` writes to `dist/<environment>/`, from path to text. Throws a `ConfigError` with every error. */
export function synthesize({ environment, values }: BackupsProps): ReadonlyMap<string, string> {
  const { values: read, errors } = readingOf(environment, values);
  return synthesizeModel(loadValues(read, errors).model, packageVersion());
}
