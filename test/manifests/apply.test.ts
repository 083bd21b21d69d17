import { describe, expect, test } from 'vitest';
import { folderBundle } from '../../lib/constructs/script-bundle.ts';
import { folderOf, scriptFiles } from '../../lib/scripts.ts';
import { everyModel, objectsByHand, objectsIn, objectsOfRestores } from '../support/synthesized.ts';

/** `kubectl apply` keeps a copy of each object in an annotation, and annotations may have 262,144 bytes together. */
const LAST_APPLIED = 200_000;

/** Kinds that create pods. The pods need the other objects of a file. */
const MAKES_PODS = ['CronJob', 'Job', 'Pod'];

describe.each(everyModel())('%s', (_, model) => {
  const placed = [...objectsIn(model), ...objectsOfRestores(model)];
  const files = new Map(placed.map(({ file }) => [file, placed.filter((other) => other.file === file)]));
  const all = [...placed, ...objectsByHand(model)];

  test('every object fits into the annotation in which kubectl apply keeps a copy', () => {
    expect(all.length).toBeGreaterThan(5);
    const sizes = all.map(({ object }) => [object.metadata.name, Buffer.byteLength(JSON.stringify(object))] as const);
    expect(sizes.filter(([, bytes]) => bytes >= LAST_APPLIED)).toEqual([]);
  });

  test('every file lists the objects that a Job needs before the Job', () => {
    for (const [file, placed] of files) {
      const kinds = placed.map(({ object }) => object.kind);
      const job = kinds.indexOf('Job');
      if (job >= 0) expect(kinds.slice(job), file).toEqual(['Job']);
      expect(kinds.lastIndexOf('ServiceAccount'), file).toBeLessThan(
        Math.max(
          0,
          kinds.findIndex((kind) => MAKES_PODS.includes(kind)),
        ) || kinds.length,
      );
    }
  });
});

test.each([...new Set(scriptFiles().map(folderOf))])('scripts/%s leaves room to grow in its ConfigMap', (folder) => {
  expect(Buffer.byteLength(JSON.stringify(folderBundle(folder).files))).toBeLessThan(0.8 * LAST_APPLIED);
});
