import { describe, expect, test } from 'vitest';
import { layout } from '../../lib/charts/layout.ts';
import { verifyJob } from '../../lib/charts/manual.ts';
import { objectsOf } from '../../lib/charts/objects.ts';
import { type Container, type CronJob, type Job, type KubernetesObject, type Pod, podOf } from '../support/objects.ts';
import { loadRestores, RESTORABLE } from '../support/restores.ts';
import { governs } from '../support/selected.ts';

const { model } = loadRestores({});
const objects = (source: string, from = model) =>
  [...layout(from)].flatMap(({ path, build }) => (path === `jobs/${source}.yaml` ? objectsOf(build) : [])) as unknown as readonly KubernetesObject[];
const named = (source: string, kind: string, name: string, from = model) => {
  const found = objects(source, from).find((object) => object.kind === kind && object.metadata.name === name);
  if (!found) throw new Error(`no ${kind} ${name}`);
  return found;
};
const cronJob = (source: string, from = model) => named(source, 'CronJob', `verify-${source}`, from) as CronJob;
const stepsOf = ({ initContainers = [], containers }: Pod) => [...initContainers, ...containers];
const secretsOf = ({ env }: Container) => env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []);

describe('the CronJob that verifies', () => {
  test('never runs two at once, always has a deadline, and has an explicit time zone', () => {
    const { spec, metadata } = cronJob('orders');
    expect(metadata).toMatchObject({ name: 'verify-orders', namespace: 'backup', labels: { 'app.kubernetes.io/component': 'verify' } });
    expect(spec).toMatchObject({ concurrencyPolicy: 'Forbid', startingDeadlineSeconds: 3600, timeZone: 'Etc/UTC', suspend: false });
    expect(spec.schedule).toBe(model.sources.find(({ name }) => name === 'orders')?.verify?.schedule);
    expect(podOf(cronJob('orders')).activeDeadlineSeconds).toBe(7200);
  });

  test('is suspended with its source', () => {
    expect(cronJob('orders', loadRestores({}, { defaults: { suspend: true } }).model).spec).toMatchObject({ suspend: true });
  });

  test('fetches, verifies each part, and records last, so that a failure is never recorded', () => {
    expect(podOf(cronJob('orders')).initContainers?.map(({ name }) => name)).toEqual(['fetch', 'verify-orders', 'verify-orders-archive']);
    expect(podOf(cronJob('wiki')).initContainers?.map(({ name }) => name)).toEqual(['fetch', 'verify-postgres', 'verify-volume']);
    expect(podOf(cronJob('orders')).containers.map(({ name }) => name)).toEqual(['record']);
  });
});

describe('a verification cannot leak secrets', () => {
  const pods = ['orders', 'uploads', 'wiki'].map((source) => podOf(cronJob(source)));

  test('because steps that open a backup have no Secret, no claim and no token', () => {
    for (const pod of pods) {
      const trying = stepsOf(pod).filter(({ name }) => name.startsWith('verify-'));
      expect(trying.length).toBeGreaterThan(0);
      for (const step of trying) {
        expect(secretsOf(step)).toEqual([]);
        expect(step.volumeMounts.map(({ mountPath }) => mountPath).sort()).toEqual(['/scripts', '/tmp', '/work']);
      }
      expect(pod).toMatchObject({ automountServiceAccountToken: false });
    }
  });

  test('because the other steps have keys of storages only, and none of a database', () => {
    for (const pod of pods) {
      const { initContainers: [fetch] = [], containers } = pod;
      for (const step of [fetch, ...containers]) expect(new Set(step && secretsOf(step))).toEqual(new Set(['backup-s3']));
      expect(stepsOf(pod).flatMap(({ env }) => env.filter(({ name }) => name.startsWith('PG')))).toEqual([]);
    }
  });

  test('runs as the user of the server image, even if another user reads the volume', () => {
    const root = loadRestores({}, { defaults: { pod: { runAsUser: 0, capabilities: ['DAC_READ_SEARCH'] } } }).model;
    const pod = podOf(cronJob('uploads', root));
    expect(pod.securityContext).toMatchObject({ runAsUser: 999, runAsNonRoot: true });
    for (const { securityContext } of stepsOf(pod)) expect(securityContext.capabilities).toEqual({ drop: ['ALL'] });
  });

  test('does not follow the application to its node, but does follow the claims of its storages', () => {
    expect(JSON.stringify(podOf(cronJob('uploads')))).not.toContain('"app":"web"');
    expect(cronJob('uploads').spec.jobTemplate.spec.template.metadata.labels).toHaveProperty(['claim.backstay.dev/backup-local'], '');
  });
});

describe('the NetworkPolicy of a verification', () => {
  const policyOf = (source: string, name: string) => named(source, 'NetworkPolicy', name) as KubernetesObject & { spec: { egress: object } };

  test('allows the storages and no database', () => {
    const text = JSON.stringify(policyOf('orders', 'verify-orders').spec);
    expect(text).not.toContain('5432');
    expect(text).toContain('9000');
    expect(JSON.stringify(policyOf('orders', 'backup-orders').spec)).toContain('5432');
  });

  test('is the only one that selects its pods: policies add up, and that of the backup allows the server', () => {
    expect(governs(policyOf('orders', 'verify-orders'), cronJob('orders'))).toBe(true);
    expect(governs(policyOf('orders', 'backup-orders'), cronJob('orders'))).toBe(false);
    expect(governs(policyOf('orders', 'verify-orders'), named('orders', 'CronJob', 'backup-orders-daily'))).toBe(false);
  });

  test('does not exist if the source has none', () => {
    const without = loadRestores({}, { defaults: { networkPolicy: { enabled: false } } }).model;
    expect(objects('orders', without).filter(({ kind }) => kind === 'NetworkPolicy')).toEqual([]);
  });
});

test('a source with disabled verification has neither CronJob nor policy', () => {
  const sources = { orders: { ...RESTORABLE.sources.orders, verify: { enabled: false } } };
  expect(objects('orders', loadRestores({}, { sources }).model).filter(({ metadata }) => metadata.name?.startsWith('verify-'))).toEqual([]);
});

test('a manual verification is the Job of the CronJob, with a name that the API server completes', () => {
  const job = verifyJob(model, 'orders') as unknown as Job;
  const { jobTemplate } = cronJob('orders').spec;
  expect(job.metadata).toEqual({ generateName: 'verify-orders-', namespace: 'backup', labels: jobTemplate.metadata.labels });
  expect(JSON.parse(JSON.stringify(job.spec))).toEqual(JSON.parse(JSON.stringify(jobTemplate.spec)));
});
