import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Script tests mostly wait, so two run at a time even on two processors, where vitest would leave one idle. Projects that
// run together must agree on the number.
const maxWorkers = Math.max(2, availableParallelism() - 1);

const level = (name: string, include: readonly string[], more: object = {}) => ({
  test: { name, include: include.map((folder) => `test/${folder}/**/*.test.ts`), maxWorkers, ...more },
});

/**
 * Script tests quick enough for the inner loop. All others are slow by default: they wait, kill, page through thousands
 * of objects or start every major.
 */
const FAST = ['once', 'retention', 'stored-v1'].map((file) => `test/scripts/**/${file}.test.ts`);

// On a busy machine the first import of everything takes seconds.
const UNIT = { testTimeout: 30_000 };
const SCRIPTS = { testTimeout: 120_000, hookTimeout: 180_000, maxWorkers };

export default defineConfig({
  test: {
    projects: [
      level('unit', ['units', 'config', 'sources', 'storages', 'model', 'constructs', 'charts', 'cli', 'docs'], UNIT),
      level('manifests', ['manifests'], UNIT),
      { test: { name: 'scripts', include: FAST, ...SCRIPTS } },
      level('slow scripts', ['scripts'], { ...SCRIPTS, exclude: FAST }),
      // Cluster tests mostly wait, and each file has its own namespace and servers. One retry, because a busy machine can
      // hold a pod up for longer than a test waits. A real bug fails twice.
      level('cluster', ['cluster'], { testTimeout: 300_000, hookTimeout: 600_000, maxWorkers: 3, retry: 1 }),
    ],
  },
});
