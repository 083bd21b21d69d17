import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toolPath, toolsCache } from '../support/tools.ts';
import { interleaved, measure, mebibytes, RUNS, seconds, table, times } from './measure.ts';
import { Pipeline } from './pipeline.ts';

const FILES = 20_000;
const FILE_BYTES = 54_000;

/** A backup of a volume of a gigabyte in 20,000 files into a claim, against `tar -czf` and the first run of restic. */
export async function benchVolume(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-volume-'));
  const data = join(folder, 'data');
  try {
    fill(data);
    const medians = await interleaved([tar(folder, data), restic(folder, data), ours(folder, data)], RUNS);
    const backstay = medians.get('backstay');
    const rows = [['', 'time', 'processors', 'stored', 'peak memory', 'backstay is faster by']];
    for (const [name, figures] of medians) {
      rows.push([
        name,
        seconds(figures.wall),
        seconds(figures.cpu),
        mebibytes(figures.size),
        mebibytes(figures.memory),
        times((figures.wall ?? 0) / (backstay?.wall ?? 1)),
      ]);
    }
    return table(rows);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Files as an application has them: a third packs well, a third somewhat, a third not at all. */
export function fill(data: string): void {
  const next = generator();
  for (let index = 0; index < FILES; index += 1) {
    const dir = join(data, String(index % 200));
    if (index < 200) mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, `${index}.dat`), content(index, next));
  }
}

function content(index: number, next: () => number): Buffer {
  if (index % 3 === 0) {
    const line = (row: number) => `${index} ${row} GET /items/${next() % 9973} 200 ${(next() % 1000).toString().padStart(6)} "Mozilla/5.0"\n`;
    return Buffer.from(Array.from({ length: FILE_BYTES / 40 }, (_, row) => line(row)).join('')).subarray(0, FILE_BYTES);
  }
  const words = new Uint32Array(FILE_BYTES / 4);
  // With every third word from a small set, the bytes compress by about a third.
  for (let at = 0; at < words.length; at += 1) words[at] = index % 3 === 1 && at % 3 === 0 ? at % 7 : next();
  return Buffer.from(words.buffer);
}

/** Numbers of 32 bits that follow no pattern and are the same in each run (xorshift, Marsaglia 2003). */
function generator(): () => number {
  let state = 2_463_534_242;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

function tar(folder: string, data: string) {
  const file = join(folder, 'usual.tar.gz');
  return {
    name: 'tar -czf',
    prepare: () => rmSync(file, { force: true }),
    run: () => measure([{ argv: ['tar', '-czf', file, '-C', data, '.'] }]),
    figures: () => ({ size: statSync(file).size }),
  };
}

function restic(folder: string, data: string) {
  const repository = join(folder, 'restic');
  const env = { RESTIC_PASSWORD: 'bench', RESTIC_REPOSITORY: repository, RESTIC_CACHE_DIR: join(folder, 'cache') };
  return {
    name: 'restic, first run',
    prepare: async () => {
      rmSync(repository, { recursive: true, force: true });
      await measure([{ argv: [toolPath('restic'), 'init', '--quiet'], env }]);
    },
    run: () => measure([{ argv: [toolPath('restic'), 'backup', '--quiet', data], env }]),
    figures: () => ({ size: sizeBelow(repository) }),
  };
}

function ours(folder: string, data: string) {
  const storage = join(folder, 'storage');
  const values = {
    namespace: 'bench',
    storages: { local: { pvc: { size: '10Gi' } } },
    plans: { default: { storages: ['local'], tiers: { daily: { schedule: '@daily', keep: { last: 2 } } } } },
    sources: { bench: { volume: { claim: 'data', nextTo: { app: 'bench' } } } },
  };
  const pipeline = new Pipeline({
    folder,
    values,
    secrets: {},
    mounts: { '/storage/local': storage, '/data': data },
    path: [join(toolsCache, 'bin')],
  });
  return { name: 'backstay', prepare: () => pipeline.prepare(), run: () => pipeline.run(), figures: () => pipeline.figures() };
}

function sizeBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).reduce(
    (total, entry) => total + (entry.isFile() ? statSync(join(entry.parentPath, entry.name)).size : 0),
    0,
  );
}
