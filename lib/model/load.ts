import { Diagnostics } from '../config/diagnostics.ts';
import { type ReadValues, readEnvironment } from '../config/read.ts';
import { resolve } from '../config/resolve.ts';
import type { Settings } from '../config/settings.ts';
import { type Diagnostic, describeDiagnostic } from '../diagnostics.ts';
import { ConfigError } from '../errors.ts';
import { lint } from './lint.ts';
import { lintRestore } from './lint-restore.ts';
import type { Model } from './model.ts';
import { planBackups } from './plan.ts';
import type { Elsewhere } from './restore-storages.ts';

/** One checked environment: its settings, and the plan made of them. */
export interface Loaded {
  readonly settings: Settings;
  readonly model: Model;
  /** Settings of the other environments, each resolved once. */
  readonly elsewhere: Elsewhere;
}

/** Reads, checks and plans one environment of a folder. Throws a {@link ConfigError} with every error. */
export function loadEnvironment(dir: string, environment: string): Loaded {
  const { values, errors } = readEnvironment(dir, environment);
  return loadValues(values, errors, elsewhereIn(dir));
}

/**
 * Resolves, lints and plans values from files or from a program. Throws a {@link ConfigError} with every error.
 *
 * @param asWritten - errors that were found while reading
 * @param elsewhere - settings of other environments, for restores of their backups; default: not available
 */
export function loadValues(values: ReadValues, asWritten: readonly Diagnostic[] = [], elsewhere: Elsewhere = nowhere): Loaded {
  const { settings, errors, warnings } = resolve(values);
  const found = new Diagnostics(values.place, values.invalid);
  lint(settings, found);
  for (const restore of settings.restores) lintRestore({ settings, restore, action: 'restore' }, elsewhere, found);
  const all = distinct([...asWritten, ...errors, ...found.errors]);
  if (all.length > 0) throw new ConfigError(all);
  return { settings, model: planBackups(settings, distinct([...warnings, ...found.warnings]).map(describeDiagnostic), elsewhere), elsewhere };
}

/** Settings of the other environments of a folder, each resolved once. Throws the errors of the requested one. */
export function elsewhereIn(dir: string): Elsewhere {
  const known = new Map<string, Settings>();
  return (environment) => {
    const settings = known.get(environment) ?? resolveEnvironment(dir, environment);
    known.set(environment, settings);
    return settings;
  };
}

function resolveEnvironment(dir: string, environment: string): Settings {
  const { values, errors } = readEnvironment(dir, environment);
  const resolved = resolve(values);
  const all = distinct([...errors, ...resolved.errors]);
  if (all.length > 0) throw new ConfigError(all);
  return resolved.settings;
}

function nowhere(environment: string): never {
  throw ConfigError.of(
    '',
    `environment '${environment}' is not available to this program`,
    'read the values from a folder to restore from another environment',
  );
}

/** Removes duplicates, since ten sources may share one faulty plan, and sorts by file and line. */
function distinct(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const once = [...new Map(diagnostics.map((diagnostic) => [describeDiagnostic(diagnostic), diagnostic])).values()];
  return once.sort((a, b) => compare(a.place?.file ?? '', b.place?.file ?? '') || (a.place?.line ?? 0) - (b.place?.line ?? 0));
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
