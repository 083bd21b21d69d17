import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { readEnvironment, readValues } from '../../lib/config/read.ts';
import { describeDiagnostic } from '../../lib/diagnostics.ts';
import { ConfigError } from '../../lib/errors.ts';

/** A folder with values, deleted after the test. */
export function configFolder(files: Readonly<Record<string, string | Uint8Array>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'backstay-config-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

/** All errors of one environment when its two files are read, with `config` as the name of the folder. */
export function errorsIn(base: string, overlay = ''): string {
  const dir = configFolder({ 'base.yaml': base, 'prod.yaml': overlay });
  return inWords(dir, () => readEnvironment(dir, 'prod').errors);
}

/** The errors that a function throws or returns, as printed. Other exceptions are rethrown. `dir` can be `''`. */
export function inWords(dir: string, diagnostics: () => ConfigError['diagnostics'] | unknown): string {
  try {
    const returned = diagnostics();
    return Array.isArray(returned) ? words(dir, returned) : 'no error';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return words(dir, error.diagnostics);
  }
}

function words(dir: string, diagnostics: ConfigError['diagnostics']): string {
  const text = diagnostics.map(describeDiagnostic).join('\n');
  return (dir === '' ? text : text.replaceAll(dir, 'config')) || 'no error';
}

/** The merged values of two files. */
export function treeOf(base: string, overlay = ''): unknown {
  return readValues(configFolder({ 'base.yaml': base, 'prod.yaml': overlay }), 'prod').tree;
}
