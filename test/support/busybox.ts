import { execFileSync } from 'node:child_process';
import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toolPath } from './tools.ts';

/**
 * A folder with the programs of the rclone image: busybox's applets, and rclone.
 *
 * As the first folder on PATH, it reveals tools that this image lacks.
 */
export function busyboxBin(): string {
  const dir = mkdtempSync(join(tmpdir(), 'busybox-'));
  execFileSync('busybox', ['--install', '-s', dir]);
  symlinkSync(toolPath('rclone'), join(dir, 'rclone'));
  return dir;
}
