import { execFileSync } from 'node:child_process';
import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toolPath } from './tools.ts';

/**
 * A folder with the programs of the rclone image: busybox's applets, and rclone.
 *
 * First on PATH, it shows which tools a script would lack in that image.
 */
export function busyboxBin(): string {
  const dir = mkdtempSync(join(tmpdir(), 'busybox-'));
  execFileSync('busybox', ['--install', '-s', dir]);
  symlinkSync(toolPath('rclone'), join(dir, 'rclone'));
  return dir;
}
