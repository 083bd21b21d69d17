import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { World } from './world.ts';

/** A time as in names: `20261121-093000`, UTC. */
export function stampOf(seconds: number): string {
  return new Date(seconds * 1000)
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replaceAll(/[-:]/g, '')
    .replace('T', '-');
}

/** Puts committed runs of a source into the bucket, three objects each, as if made at these times. */
export async function seedRuns(world: World, source: string, times: readonly number[]): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'seed-'));
  const folder = join(root, source, 'daily');
  mkdirSync(folder, { recursive: true });
  for (const [index, time] of times.entries()) {
    const runId = runIdOf(index);
    const name = `${stampOf(time)}-${runId}`;
    const files = [
      { name: `${name}.dump`, role: 'artifact', text: `dump ${index}` },
      { name: `${name}+globals.sql`, role: 'globals', text: `globals ${index}` },
    ].map(({ text, ...file }) => {
      writeFileSync(join(folder, file.name), text);
      return { ...file, bytes: text.length, sha256: createHash('sha256').update(text).digest('hex') };
    });
    const at = new Date(time * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
    const manifest = { version: 'backstay/v1', source, tier: 'daily', name, runId, start: at, end: at, parts: [{ name: 'postgres', files }] };
    writeFileSync(join(folder, `${name}.manifest.json`), JSON.stringify(manifest));
  }
  await world.s3.rclone('copy', root, 'S:backups/test', '--transfers', '16', '--no-traverse', '--s3-no-head');
  rmSync(root, { recursive: true });
}

function runIdOf(index: number): string {
  return index
    .toString(16)
    .padStart(8, '0')
    .replaceAll(/./g, (digit) => 'bcdfghjkmnpqrstv'[Number.parseInt(digit, 16)] ?? 'b');
}
