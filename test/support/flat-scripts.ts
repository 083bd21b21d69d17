import { chmodSync, copyFileSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { folderOf, scriptFiles } from '../../lib/scripts.ts';

/** The real file of a script in `scripts/`, by its base name. */
export function scriptFile(name: string): string {
  return resolve('scripts', folderOf(name), name);
}

/** All scripts in one flat folder, as a pod has them: links to the real files. */
export const FLAT = mkdtempSync(join(tmpdir(), 'scripts-'));
chmodSync(FLAT, 0o755);
for (const name of scriptFiles()) symlinkSync(scriptFile(name), join(FLAT, name));

/** A folder of copies, for users who may not enter the folder of the project, and for tests that change a script. */
export function copiedScripts(names: readonly string[] = scriptFiles()): string {
  const folder = mkdtempSync(join(tmpdir(), 'scripts-'));
  chmodSync(folder, 0o755);
  for (const name of names) {
    copyFileSync(scriptFile(name), join(folder, name));
    chmodSync(join(folder, name), 0o644);
  }
  return folder;
}
