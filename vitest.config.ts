import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Much of a test of a script is waiting: two at a time also where there are two processors, of which vitest would leave
// one alone. Projects that run together must agree on it.
const maxWorkers = Math.max(2, availableParallelism() - 1);

const level = (name: string, include: readonly string[], more: object = {}) => ({
  test: { name, include: include.map((folder) => `test/${folder}/**/*.test.ts`), maxWorkers, ...more },
});

/** Tests of scripts that wait, kill, page through thousands of objects or start every major: not for the inner loop. */
const SLOW = [
  'catalogue',
  'catalogue-side-by-side',
  'common',
  'fetch',
  'fetch-refused',
  'guard',
  'json',
  'postgres-dump',
  'postgres-formats',
  'postgres-kill',
  'postgres-preflight',
  'postgres-proof',
  'postgres-restore',
  'postgres-restore-formats',
  'postgres-restore-killed',
  'postgres-restore-parts',
  'postgres-restore-preflight',
  'postgres-restore-role',
  'postgres-restore-swap',
  'postgres-secrets',
  'postgres-throttle',
  'postgres-verify',
  'postgres-verify-faults',
  'postgres-verify-formats',
  'prune',
  'prune-in-a-bucket',
  'publish',
  'publish-faults',
  'publish-killed',
  'publish-refused',
  'publish-sums',
  'pull-by-hand',
  'record',
  'turn',
  'volume-attributes',
  'volume-failures',
  'volume-files',
  'volume-restore',
  'volume-restore-killed',
  'volume-restore-refused',
  'volume-tar',
  'volume-undo',
  'volume-verify',
].map((file) => `test/scripts/${file}.test.ts`);

// The first import of all that there is takes seconds where the machine is busy.
const UNIT = { testTimeout: 30_000 };
const SCRIPTS = { testTimeout: 120_000, hookTimeout: 180_000, maxWorkers };

export default defineConfig({
  test: {
    projects: [
      level('unit', ['units', 'config', 'sources', 'storages', 'model', 'constructs', 'charts', 'cli', 'docs'], UNIT),
      level('manifests', ['manifests'], UNIT),
      level('scripts', ['scripts'], { ...SCRIPTS, exclude: SLOW }),
      { test: { name: 'slow scripts', include: SLOW, ...SCRIPTS } },
      // Most of a run on a cluster is waiting; each file has a namespace and servers of its own. One retry: a busy machine
      // may keep a pod waiting for longer than a test does, and a fault of ours fails twice.
      level('cluster', ['cluster'], { testTimeout: 300_000, hookTimeout: 600_000, maxWorkers: 3, retry: 1 }),
    ],
  },
});
