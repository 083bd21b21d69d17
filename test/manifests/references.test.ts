import { describe, expect, test } from 'vitest';
import type { Model } from '../../lib/model/model.ts';
import { bundlesIn, type Pod, podOf } from '../support/objects.ts';
import { governs, podLabels } from '../support/selected.ts';
import { everyModel, objectsByHand, objectsIn } from '../support/synthesized.ts';

const PODS = ['CronJob', 'Job', 'Pod'];

describe.each(everyModel())('%s', (_, model) => {
  const written = objectsIn(model);
  const all = [...written, ...objectsByHand(model)];
  const withPods = all.filter(({ object }) => PODS.includes(object.kind)).map(({ object }) => ({ object, pod: podOf(object) }));
  const names = (kind: string) => new Set(written.filter(({ object }) => object.kind === kind).map(({ object }) => key(object.metadata)));

  test('has pods', () => {
    expect(withPods.length).toBeGreaterThan(0);
  });

  test('no object exists twice', () => {
    const identities = written.map(({ object }) => `${object.kind} ${key(object.metadata)}`);
    expect(identities.filter((identity, index) => identities.indexOf(identity) !== index)).toEqual([]);
  });

  test('every volume is mounted, and every mount has a volume', () => {
    for (const { object, pod } of withPods) {
      const mounted = containersOf(pod).flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name));
      expect(new Set(mounted), `${object.kind} ${object.metadata.name}`).toEqual(new Set(pod.volumes.map(({ name }) => name)));
    }
  });

  test('no container mounts a path twice', () => {
    for (const { pod } of withPods) {
      for (const { volumeMounts } of containersOf(pod)) {
        const paths = volumeMounts.map(({ mountPath }) => mountPath);
        expect(new Set(paths).size).toBe(paths.length);
      }
    }
  });

  test('names of containers are unique in a pod, and each mounts the bundle of its script', () => {
    const bundles = new Map(written.flatMap(({ object }) => (object.kind === 'ConfigMap' ? [[key(object.metadata), object as never]] : [])));
    for (const { object, pod } of withPods) {
      const containers = containersOf(pod);
      expect(new Set(containers.map(({ name }) => name)).size).toBe(containers.length);
      for (const { command, volumeMounts } of containers) {
        const volume = pod.volumes.find(({ name }) => name === volumeMounts.find(({ mountPath }) => mountPath === '/scripts')?.name);
        const mounted = volume
          ? bundlesIn(volume).map((name) => bundles.get(`${object.metadata.namespace}/${name}`) as { data: object } | undefined)
          : [];
        expect(mounted.flatMap((bundle) => Object.keys(bundle?.data ?? {}))).toContain(command[1]?.replace('/scripts/', ''));
      }
    }
  });

  test('no container sets a variable twice', () => {
    for (const { env } of withPods.flatMap(({ pod }) => containersOf(pod))) {
      const variables = env.map(({ name }) => name);
      expect(variables.filter((name, index) => variables.indexOf(name) !== index)).toEqual([]);
    }
  });

  test('every ConfigMap is used', () => {
    const used = withPods.flatMap(({ object, pod }) => configMapsOf(pod).map((name) => `${object.metadata.namespace}/${name}`));
    expect([...names('ConfigMap')].filter((name) => !used.includes(name))).toEqual([]);
  });

  test('the service account of every pod exists', () => {
    const accounts = names('ServiceAccount');
    for (const { object, pod } of withPods) expect(accounts).toContain(`${object.metadata.namespace}/${pod.serviceAccountName}`);
  });

  test('every claim is created here or named in the values', () => {
    const existing = claimsNamedIn(model);
    for (const { object, pod } of withPods) {
      for (const { persistentVolumeClaim } of pod.volumes) {
        if (!persistentVolumeClaim) continue;
        const claim = `${object.metadata.namespace}/${persistentVolumeClaim.claimName}`;
        expect([...names('PersistentVolumeClaim'), ...existing]).toContain(claim);
      }
    }
  });

  test('`secrets` lists every Secret with its key, and no value of one is written', () => {
    for (const { object, pod } of withPods) {
      const { secrets = [] } = model.sources.find(({ name }) => name === object.metadata.labels?.['backstay.dev/source']) ?? {};
      for (const { secretKeyRef } of containersOf(pod).flatMap(({ env }) => env.flatMap(({ valueFrom }) => valueFrom ?? []))) {
        if (!secretKeyRef) continue;
        expect(secrets.find(({ secret }) => secret === secretKeyRef.name)?.keys ?? []).toContain(secretKeyRef.key);
      }
    }
    expect(written.map(({ object }) => object.kind)).not.toContain('Secret');
  });

  test('the values can override every image', () => {
    const known = Object.values(model.images);
    for (const { pod } of withPods) for (const { image } of containersOf(pod)) expect(known).toContain(image);
  });

  test('exactly one NetworkPolicy selects each pod of a source with policies, and none selects pods of another source', () => {
    const policies = all.flatMap(({ object }) => (object.kind === 'NetworkPolicy' ? [object] : []));
    for (const pod of all.filter((placed) => PODS.includes(placed.object.kind))) {
      const labels = podLabels(pod.object);
      const source = model.sources.find(({ name }) => name === labels['backstay.dev/source']);
      const governing = policies.filter((policy) => governs(policy, pod.object));
      expect(governing, `${pod.object.kind} ${pod.object.metadata.name}`).toHaveLength(source?.networkPolicy.enabled ? 1 : 0);
      for (const policy of governing) expect(policy.metadata.labels?.['backstay.dev/source']).toBe(source?.name);
    }
  });

  test('the policy that allows backups to reach a server does not select pods that verify', () => {
    for (const { verify, objectName, networkPolicy } of model.sources) {
      if (!verify || !networkPolicy.enabled) continue;
      const policy = written.find(({ object }) => object.kind === 'NetworkPolicy' && object.metadata.name === objectName);
      const pods = all.filter(({ object }) => object.kind === 'CronJob' && object.metadata.name === verify.name);
      expect([policy?.object.kind, pods.length]).toEqual(['NetworkPolicy', 1]);
      for (const { object } of pods) expect(policy && governs(policy.object, object)).toBe(false);
    }
  });

  test('every name is one that Kubernetes accepts', () => {
    for (const { object } of written) {
      const { name = '', labels = {} } = object.metadata;
      expect(name.length).toBeLessThanOrEqual(object.kind === 'CronJob' ? 52 : 63);
      expect(name).toMatch(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/);
      for (const value of Object.values(labels)) expect(value).toMatch(/^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/);
    }
    for (const { pod } of withPods) {
      for (const { name } of [...containersOf(pod), ...pod.volumes]) expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    }
  });
});

const key = ({ namespace = '', name = '' }: { readonly namespace?: string; readonly name?: string }) => `${namespace}/${name}`;
const containersOf = ({ initContainers = [], containers }: Pod) => [...initContainers, ...containers];
const configMapsOf = ({ volumes }: Pod) => volumes.flatMap(bundlesIn);

/** Existing claims: those of sources, and those of storages that do not create one. */
function claimsNamedIn({ sources }: Model): readonly string[] {
  return sources.flatMap(({ namespace, runs }) =>
    runs.flatMap(({ parts, storages }) =>
      [...parts, ...storages.flatMap(({ access }) => (access.claim ? [] : access))].flatMap(({ mounts }) =>
        mounts.flatMap((mount) => (mount.type === 'claim' ? [`${namespace}/${mount.claim}`] : [])),
      ),
    ),
  );
}
