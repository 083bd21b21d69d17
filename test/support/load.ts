import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../../lib/errors.ts';
import { type Loaded, loadEnvironment } from '../../lib/model/load.ts';
import type { PlannedRun, PlannedSource } from '../../lib/model/model.ts';

/** Files of a configuration by name, or only the text of `base.yaml`. `prod.yaml` always exists. */
export type Files = string | Readonly<Record<string, string>>;

/** Loads one environment from files, like the commands do. */
export function load(files: Files, environment = 'prod'): Loaded {
  return inFolder(files, (dir) => loadEnvironment(dir, environment));
}

/** The errors of a configuration, as printed. Empty if it is accepted. */
export function errors(files: Files, environment = 'prod'): string {
  return inFolder(files, (dir) => {
    try {
      loadEnvironment(dir, environment);
      return '';
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.message.replaceAll(dir, 'config');
    }
  });
}

/** The warnings of an accepted configuration, as printed. */
export function warnings(files: Files, environment = 'prod'): readonly string[] {
  return inFolder(files, (dir) => loadEnvironment(dir, environment).model.warnings.map((text) => text.replaceAll(dir, 'config')));
}

/** The only source, or the named one. */
export function sourceIn({ model }: Loaded, name?: string): PlannedSource {
  const source = name === undefined ? model.sources[0] : model.sources.find((candidate) => candidate.name === name);
  if (!source) throw new Error(`no source ${name ?? ''}`);
  return source;
}

/** The only run of a source, or that of the named tier. */
export function runIn(loaded: Loaded, source?: string, tier?: string): PlannedRun {
  const { runs } = sourceIn(loaded, source);
  const run = tier === undefined ? runs[0] : runs.find((candidate) => candidate.tier === tier);
  if (!run) throw new Error(`no run of tier ${tier ?? ''}`);
  return run;
}

function inFolder<Result>(files: Files, use: (dir: string) => Result): Result {
  const dir = mkdtempSync(join(tmpdir(), 'values-'));
  try {
    const written = typeof files === 'string' ? { 'base.yaml': files } : files;
    for (const [name, text] of Object.entries({ 'prod.yaml': '', ...written })) writeFileSync(join(dir, name), text);
    return use(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
