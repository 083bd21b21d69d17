import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { objectsOf } from '../../lib/charts/objects.ts';
import { bundlesOf, folderBundle, ScriptBundle, scriptsVolume } from '../../lib/constructs/script-bundle.ts';
import { folderOf, scriptFiles } from '../../lib/scripts.ts';

const folders = [...new Set(scriptFiles().map(folderOf))];

describe.each(folders)('the bundle of scripts/%s', (folder) => {
  const { name, files } = folderBundle(folder);

  test('is named after its folder and its content', () => {
    expect(name).toMatch(new RegExp(`^backstay-${folder}-[0-9a-f]{8}$`));
  });

  test('holds the files of the folder unchanged', () => {
    expect(Object.keys(files).length).toBeGreaterThan(0);
    for (const [file, text] of Object.entries(files)) expect(text).toBe(readFileSync(`scripts/${folder}/${file}`, 'utf8'));
  });
});

test('file names are unique across folders, because a pod has all files in one', () => {
  const names = folders.flatMap((folder) => Object.keys(folderBundle(folder).files));
  expect(names.length).toBeGreaterThan(50);
  expect(new Set(names).size).toBe(names.length);
});

test.each(scriptFiles())('the bundles of %s hold every file that it reads, directly or through another', (script) => {
  const files: Readonly<Record<string, string>> = Object.assign({}, ...bundlesOf([script]).map((bundle) => bundle.files));
  const looked = new Set<string>();
  const look = (file: string) => {
    expect(Object.keys(files)).toContain(file);
    looked.add(file);
    for (const [, read = ''] of (files[file] ?? '').matchAll(/\. "\$\(dirname "\$0"\)\/([a-z0-9-]+\.sh)"/g)) if (!looked.has(read)) look(read);
  };
  look(script);
});

test('a dump mounts no scripts of another kind or of restores', () => {
  expect(bundlesOf(['postgres-dump.sh', 'publish.sh']).map(({ folder }) => folder)).toEqual(['lib', 'postgres', 'storage']);
});

test('mounts all bundles of a pod into one folder', () => {
  const [lib, restore] = ['lib', 'restore'].map(folderBundle);
  expect(scriptsVolume(bundlesOf(['turn.sh']))).toEqual({
    path: '/scripts',
    readOnly: true,
    volume: { projected: { sources: [{ configMap: { name: lib?.name } }, { configMap: { name: restore?.name } }] } },
  });
});

test('the ConfigMap is immutable and never pruned, and Argo CD ignores old ones', () => {
  const bundle = { folder: 'lib', name: 'backstay-lib-01234567', files: { 'a.sh': '#!/bin/sh\n' } };
  expect(objectsOf((scope) => void new ScriptBundle(scope, 'scripts', { namespace: 'backup', bundle }))).toEqual([
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'backstay-lib-01234567',
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
