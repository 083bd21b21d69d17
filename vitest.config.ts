import { defineConfig } from 'vitest/config';

const level = (name: string, include: readonly string[], more: object = {}) => ({
  test: { name, include: include.map((folder) => `test/${folder}/**/*.test.ts`), ...more },
});

export default defineConfig({
  test: {
    projects: [
      level('unit', ['units', 'config', 'sources', 'storages', 'model', 'constructs', 'charts', 'cli', 'docs']),
      level('manifests', ['manifests']),
      level('scripts', ['scripts'], { testTimeout: 60_000, hookTimeout: 120_000 }),
      level('cluster', ['cluster'], { testTimeout: 300_000, hookTimeout: 600_000, fileParallelism: false }),
    ],
  },
});
