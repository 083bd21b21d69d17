import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The files of the project that `npm pack` needs. */
const PARTS = ['main.ts', 'lib', 'imports', 'scripts', 'schema', 'docs', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];

/** The unpacked package as npm would publish it, packed from a copy to leave the project's `build/` alone. */
export async function packPackage(): Promise<string> {
  const copy = mkdtempSync(join(tmpdir(), 'pack-'));
  for (const part of PARTS) cpSync(part, join(copy, part), { recursive: true });
  symlinkSync(resolve('node_modules'), join(copy, 'node_modules'));
  await execute('npm', ['pack', '--silent'], { cwd: copy });
  const [archive = ''] = readdirSync(copy).filter((name) => name.endsWith('.tgz'));
  await execute('tar', ['-xzf', archive], { cwd: copy });
  return join(copy, 'package');
}

/** Installs it into a user's folder with only its declared dependencies. */
export function installPackage(packed: string, folder: string): void {
  const modules = join(folder, 'node_modules');
  mkdirSync(modules, { recursive: true });
  cpSync(packed, join(modules, 'backstay'), { recursive: true });
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8')) as Record<string, object>;
  for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(resolve('node_modules', name), join(modules, name));
  }
}
