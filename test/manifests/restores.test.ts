import { describe, expect, test } from 'vitest';
import type { Model } from '../../lib/model/model.ts';
import { KUBERNETES, schemaErrors } from '../support/kubeconform.ts';
import { aFullModel } from '../support/model.ts';
import { bundlesIn, type KubernetesObject, type Pod, podOf } from '../support/objects.ts';
import { violations } from '../support/pod-security.ts';
import { restoreFiles } from '../support/restore-files.ts';
import { governs } from '../support/selected.ts';
import { objectsIn, objectsOfRestores, type Placed } from '../support/synthesized.ts';

const model = aFullModel();
const applied = objectsIn(model);
const files = new Map(model.restores.map(({ entry }) => [entry, objectsOf(`${entry}.yaml`)]));

function objectsOf(file: string): readonly KubernetesObject[] {
  return objectsOfRestores(model).flatMap((placed) => (placed.file === file ? [placed.object] : []));
}

describe.each(KUBERNETES)('Kubernetes %s', (version) => {
  test('accepts every object of a restore and knows every field', () => {
    expect(schemaErrors(version, restoreFiles(model))).toEqual([]);
  });
});

test('the restores under test have Secrets, claims and Roles', () => {
  const all = [...files.values()].flat();
  expect(files.size).toBeGreaterThan(3);
  expect(all.map(({ kind }) => kind)).toContain('RoleBinding');
  for (const part of ['secretKeyRef', 'persistentVolumeClaim']) expect(JSON.stringify(all)).toContain(part);
});

describe.each([...files])('%s', (entry, objects) => {
  const job = objects.at(-1) as KubernetesObject;
  const pod = podOf(job);
  const names = (kind: string) => objects.filter((object) => object.kind === kind).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  const namespace = job.metadata.namespace;

  test('the Job is the last object, and the only one that creates a pod', () => {
    expect(job.kind).toBe('Job');
    expect(objects.filter(({ kind }) => ['Job', 'CronJob', 'Pod'].includes(kind))).toHaveLength(1);
  });

  test('no object exists twice or in the regular output, so that deleting a restore takes nothing else', () => {
    const identity = ({ kind, metadata }: KubernetesObject) => `${kind} ${metadata.namespace}/${metadata.name}`;
    const identities = objects.map(identity);
    expect(new Set(identities).size).toBe(identities.length);
    const daily = new Set(applied.map(({ object }) => identity(object)));
    expect(identities.filter((each) => daily.has(each))).toEqual([]);
  });

  test('its pod meets Pod Security "restricted"', () => {
    expect(violations(pod)).toEqual([]);
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    for (const { securityContext } of containersOf(pod)) expect(securityContext).toMatchObject({ readOnlyRootFilesystem: true });
  });

  test('contains its service account and its scripts, with every file that they read', () => {
    expect(names('ServiceAccount')).toEqual([`${namespace}/${pod.serviceAccountName}`]);
    const bundles = objects.filter(({ kind }) => kind === 'ConfigMap') as never as readonly { metadata: { name: string }; data: object }[];
    const files: Readonly<Record<string, string>> = Object.assign({}, ...bundles.map(({ data }) => data));
    for (const { command, volumeMounts } of containersOf(pod)) {
      const volume = pod.volumes.find(({ name }) => name === volumeMounts.find(({ mountPath }) => mountPath === '/scripts')?.name);
      expect(volume && bundlesIn(volume)).toEqual(bundles.map(({ metadata }) => metadata.name));
      const scripts = command.flatMap((word) => (word.startsWith('/scripts/') ? [word.replace('/scripts/', '')] : []));
      expect(scripts.length).toBeGreaterThan(0);
      expect(Object.keys(files)).toEqual(expect.arrayContaining(scripts));
    }
    const read = Object.values(files).flatMap((text) => [...text.matchAll(/\. "\$\(dirname "\$0"\)\/([a-z0-9-]+\.sh)"/g)]);
    expect(read.length).toBeGreaterThan(0);
    expect(Object.keys(files)).toEqual(expect.arrayContaining(read.map(([, file]) => file)));
  });

  test('no container without a token writes what a container with one runs, except the one that installs the shell', () => {
    const [guard] = containersOf(pod).filter(({ name }) => name === 'guard');
    if (!guard) return;
    const program = guard.volumeMounts.find(({ mountPath }) => guard.command[0]?.startsWith(`${mountPath}/`));
    expect(program).toMatchObject({ readOnly: true });
    expect(containersOf(pod).flatMap(({ name, volumeMounts }) => (volumeMounts.some((mount) => mount.name === program?.name) ? [name] : []))).toEqual(
      [...['shell', 'guard']],
    );
  });

  test('every claim is in the file or in the values', () => {
    const known = [...names('PersistentVolumeClaim'), ...claimsIn(applied), ...claimsOfSources(model)];
    for (const { persistentVolumeClaim } of pod.volumes)
      if (persistentVolumeClaim) expect(known).toContain(`${namespace}/${persistentVolumeClaim.claimName}`);
  });

  test('`secrets` lists every Secret with its key, and no value of one is written', () => {
    const { secrets = [] } = model.restores.find((restore) => restore.entry === entry) ?? {};
    const read = containersOf(pod).flatMap(({ env }) => env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []));
    for (const { name, key } of read) expect(secrets.find(({ secret }) => secret === name)?.keys ?? []).toContain(key);
    expect(objects.map(({ kind }) => kind)).not.toContain('Secret');
  });

  test('every volume is mounted, no path is mounted twice, and no variable is set twice', () => {
    const containers = containersOf(pod);
    expect(new Set(containers.flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name)))).toEqual(
      new Set(pod.volumes.map(({ name }) => name)),
    );
    for (const { volumeMounts, env } of containers) {
      expect(new Set(volumeMounts.map(({ mountPath }) => mountPath)).size).toBe(volumeMounts.length);
      expect(new Set(env.map(({ name }) => name)).size).toBe(env.length);
    }
    expect(new Set(containers.map(({ name }) => name)).size).toBe(containers.length);
  });

  test('its NetworkPolicy is the only one that selects its pod, and selects no backup or verification', () => {
    const own = objects.filter(({ kind }) => kind === 'NetworkPolicy');
    expect(own).toHaveLength(1);
    expect(own.filter((policy) => governs(policy, job))).toEqual(own);
    const others = [...applied.map(({ object }) => object), ...[...files].flatMap(([name, each]) => (name === entry ? [] : each))];
    expect(others.filter((object) => object.kind === 'NetworkPolicy' && governs(object, job))).toEqual([]);
    const pods = others.filter(({ kind }) => ['CronJob', 'Job'].includes(kind));
    expect(pods.filter((object) => own.some((policy) => governs(policy, object)))).toEqual([]);
  });

  test('each Role is bound to the service account in its namespace, and only a guard has one', () => {
    expect(names('RoleBinding')).toEqual(names('Role'));
    expect(names('Role').length > 0).toBe(containersOf(pod).some(({ name }) => name === 'guard'));
    for (const object of objects.filter(({ kind }) => kind === 'RoleBinding')) {
      expect(object).toMatchObject({
        roleRef: { kind: 'Role', name: object.metadata.name },
        subjects: [{ kind: 'ServiceAccount', name: pod.serviceAccountName, namespace }],
      });
    }
  });

  test('every name and label is valid in Kubernetes', () => {
    for (const { metadata } of objects) {
      expect(metadata.name).toMatch(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/);
      for (const value of Object.values(metadata.labels ?? {})) expect(value).toMatch(/^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/);
    }
    for (const { name } of [...containersOf(pod), ...pod.volumes]) expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
  });
});

const containersOf = ({ initContainers = [], containers }: Pod) => [...initContainers, ...containers];

const claimsIn = (placed: readonly Placed[]) =>
  placed.flatMap(({ object: { kind, metadata } }) => (kind === 'PersistentVolumeClaim' ? [`${metadata.namespace}/${metadata.name}`] : []));

function claimsOfSources({ sources }: Model): readonly string[] {
  return sources.flatMap(({ namespace, runs }) =>
    runs.flatMap(({ parts }) =>
      parts.flatMap(({ mounts }) => mounts.flatMap((mount) => (mount.type === 'claim' ? [`${namespace}/${mount.claim}`] : []))),
    ),
  );
}
