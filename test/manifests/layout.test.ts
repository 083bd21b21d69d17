import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadAll } from 'js-yaml';
import { describe, expect, onTestFinished, test } from 'vitest';
import { synthesize } from '../../lib/charts/synthesize.ts';
import type { Model } from '../../lib/model/model.ts';
import { aModel } from '../support/model.ts';
import { everyModel, objectsIn } from '../support/synthesized.ts';
import { toolsCache } from '../support/tools.ts';

/** The output of `kubectl kustomize`, which `kubectl apply -k`, Argo CD and Flux apply. */
function built(model: Model, folder: 'keep' | 'jobs'): readonly unknown[] {
  const dir = mkdtempSync(join(tmpdir(), 'dist-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  for (const [path, text] of synthesize(model, '0.0.0')) {
    mkdirSync(join(dir, dirname(path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  const kubectl = join(toolsCache, 'cluster', 'bin', 'kubectl');
  const { status, stdout, stderr } = spawnSync(kubectl, ['kustomize', join(dir, folder)], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout === '' ? [] : loadAll(stdout);
}

const byName = (objects: readonly unknown[]) => objects.map((object) => JSON.stringify(object, sortedKeys)).sort();

function sortedKeys(_: string, value: unknown): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value;
}

describe.each(everyModel())('%s', (_, model) => {
  test.each(['keep', 'jobs'] as const)('kustomize builds %s alone and changes no object', (folder) => {
    const written = objectsIn(model).filter(({ file }) => file.startsWith(`${folder}/`));
    expect(byName(built(model, folder))).toEqual(byName(written.map(({ object }) => object)));
  });

  test('every object that must be kept is in keep, with annotations for Argo CD, Flux and Helm', () => {
    const kept = objectsIn(model).filter(({ object }) => object.metadata.annotations?.['kustomize.toolkit.fluxcd.io/prune'] === 'disabled');
    expect(kept.filter(({ file }) => !file.startsWith('keep/'))).toEqual([]);
    expect(new Set(objectsIn(model).filter(({ file }) => file.startsWith('keep/')))).toHaveProperty('size', kept.length);
    for (const { object } of kept) {
      expect(object.metadata.annotations).toMatchObject({
        'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
        'helm.sh/resource-policy': 'keep',
      });
      expect(['Namespace', 'PersistentVolumeClaim', 'ConfigMap']).toContain(object.kind);
    }
  });
});

test.each(['keep', 'jobs'] as const)('%s of an environment without sources builds and is empty', (folder) => {
  expect(built(aModel([]), folder)).toEqual([]);
});
