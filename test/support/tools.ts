import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { PostgresMajor } from '../../lib/sources/postgres/images.ts';

/** The folder with the tools that the test bed built: `TEST_TOOLS_CACHE`, or a folder in the user's cache. */
export const toolsCache = process.env.TEST_TOOLS_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'backstay-testbed');

/** A tool that the test bed built: `toolPath('rclone')`. Fails with the command that builds it. */
export function toolPath(name: string): string {
  return existing(join(toolsCache, 'bin', name), `test/testbed/peers/build-tools.sh ${name}`);
}

/** The folder of all programs of one major version of PostgreSQL. Fails with the command that downloads them. */
export function postgresBin(major: PostgresMajor): string {
  return join(postgresHome(major), 'bin');
}

/** The installation of one major version of PostgreSQL: `bin`, `lib`, `share`. */
export function postgresHome(major: PostgresMajor): string {
  return existing(join(toolsCache, 'postgres', String(major)), `test/testbed/peers/get-postgres.sh ${major}`);
}

function existing(path: string, command: string): string {
  if (!existsSync(path)) throw new Error(`not there: ${path}\nHINT: ${command}`);
  return path;
}
