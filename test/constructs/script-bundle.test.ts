import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { objectsOf } from '../../lib/charts/objects.ts';
import { catalogueBundle, methodBundle, ScriptBundle } from '../../lib/constructs/script-bundle.ts';
import { volumeParts } from '../support/model.ts';
import { SAMPLES } from '../support/samples.ts';

const context = { environment: 'prod', source: 'shop', namespace: 'backup', throttle: { perServer: 3, wait: 3600 } };
const samples = SAMPLES.flatMap(({ kind, method }) => method.parts(kind.schema.parse(method.sample.settings), context).slice(0, 1));
const parts = [...samples, ...volumeParts({ tar: 'busybox', compression: 'gzip' })];
const bundles = [...parts.map((part) => [part.method, methodBundle(part)] as const), ['catalogue', catalogueBundle()] as const];

describe.each(bundles)('the bundle of %s', (method, { name, files }) => {
  test('is named by its method and its content', () => {
    expect(name).toMatch(new RegExp(`^backstay-${method}-[0-9a-f]{8}$`));
  });

  test('holds the files of scripts/ unchanged', () => {
    for (const [file, text] of Object.entries(files)) expect(text).toBe(readFileSync(`scripts/${file}`, 'utf8'));
  });

  test('holds whatever its scripts read', () => {
    const read = Object.values(files).flatMap((text) => [...text.matchAll(/^\. "\$\(dirname "\$0"\)\/([a-z-]+\.sh)"$/gm)].map(([, file]) => file));
    expect(read.length).toBeGreaterThan(0);
    for (const file of read) expect(Object.keys(files), `read by a script of ${method}`).toContain(file);
  });

  test('fits into a ConfigMap', () => {
    expect(Buffer.byteLength(JSON.stringify(files))).toBeLessThan(512 * 1024);
  });
});

test('other scripts are another bundle', () => {
  const [part] = parts;
  if (!part) throw new Error('a part is expected');
  expect(methodBundle({ ...part, script: 'volume-tar.sh' }).name).not.toBe(methodBundle(part).name);
});

test('the ConfigMap cannot be changed, is not pruned, and an old one in the cluster is no difference', () => {
  const bundle = { name: 'backstay-dump-01234567', files: { 'a.sh': '#!/bin/sh\n' } };
  expect(objectsOf((scope) => void new ScriptBundle(scope, 'scripts', { namespace: 'backup', bundle }))).toEqual([
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'backstay-dump-01234567',
        namespace: 'backup',
        labels: { 'app.kubernetes.io/name': 'backstay', 'app.kubernetes.io/component': 'scripts', 'app.kubernetes.io/managed-by': 'backstay' },
        annotations: {
          'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
          'argocd.argoproj.io/compare-options': 'IgnoreExtraneous',
          'kustomize.toolkit.fluxcd.io/prune': 'disabled',
          'helm.sh/resource-policy': 'keep',
        },
      },
      immutable: true,
      data: { 'a.sh': '#!/bin/sh\n' },
    },
  ]);
});
