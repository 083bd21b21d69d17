import { execFileSync } from 'node:child_process';
import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toolPath } from './tools.ts';

/**
 * A folder with all that the image of rclone has: busybox's applets, and rclone.
 *
 * On PATH before Debian's tools it shows what a script would miss there.
 */
export function busyboxBin(): string {
  const dir = mkdtempSync(join(tmpdir(), 'busybox-'));
  execFileSync('busybox', ['--install', '-s', dir]);
  symlinkSync(toolPath('rclone'), join(dir, 'rclone'));
  return dir;
}
