import { describe, expect, test } from 'vitest';
import { objectsOf } from '../../lib/charts/objects.ts';
import { BackupCronJob, type BackupCronJobProps } from '../../lib/constructs/backup-cron-job.ts';
import { IMAGES } from '../../lib/sources/images.ts';
import { aRun, postgresParts, type RunChanges, storagesOf, volumeParts } from '../support/model.ts';
import { type Container, type CronJob, podOf } from '../support/objects.ts';

function cronJob(run: RunChanges = {}, props: Partial<BackupCronJobProps> = {}): CronJob {
  const given = { run: aRun(run), images: IMAGES, serviceAccount: 'backup-shop', schedule: '17 2 * * *', labels: {}, annotations: {}, ...props };
  const [object] = objectsOf((scope) => void new BackupCronJob(scope, 'job', given));
  return object as unknown as CronJob;
}

const envOf = ({ env }: Container) => env.map(({ name }) => name);

describe('the CronJob', () => {
  const { metadata, spec } = cronJob();

  test('never runs two at once, is never skipped silently, and always has a deadline', () => {
    expect(spec).toMatchObject({ concurrencyPolicy: 'Forbid', startingDeadlineSeconds: 3600, suspend: false });
    expect(spec.jobTemplate.spec.activeDeadlineSeconds).toBeGreaterThan(0);
  });

  test('always has an explicit time zone', () => {
    expect(spec).toMatchObject({ schedule: '17 2 * * *', timeZone: 'Etc/UTC' });
    expect(cronJob({ timeZone: 'Europe/Berlin', suspend: true }).spec).toMatchObject({ timeZone: 'Europe/Berlin', suspend: true });
  });

  test('keeps failed Jobs, so that failures stay visible', () => {
    expect(spec).toMatchObject({ successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 3 });
  });

  test('labels itself, its Jobs and its pods with environment, source and tier', () => {
    const labels = {
      'app.kubernetes.io/name': 'backstay',
      'app.kubernetes.io/instance': 'prod',
      'app.kubernetes.io/component': 'backup',
      'app.kubernetes.io/managed-by': 'backstay',
      'backstay.dev/source': 'shop',
      'backstay.dev/tier': 'daily',
    };
    expect(metadata).toEqual({ name: 'backup-shop-daily', namespace: 'backup', labels });
    expect(spec.jobTemplate.metadata).toEqual({ labels });
    expect(spec.jobTemplate.spec.template.metadata).toEqual({ labels: { ...labels, 'claim.backstay.dev/backup-local': '' } });
  });

  test("adds the user's labels and annotations to all of them, without overriding ours", () => {
    const pod = { labels: { 'app.kubernetes.io/name': 'mine', team: 'shop' }, annotations: { 'sidecar.istio.io/inject': 'false' } };
    const marked = cronJob({ pod }, { labels: { cost: 'backup', team: 'all' }, annotations: { note: 'x' } });
    const { jobTemplate } = marked.spec;
    for (const { labels, annotations } of [marked.metadata, jobTemplate.metadata, jobTemplate.spec.template.metadata]) {
      expect(labels).toMatchObject({ 'app.kubernetes.io/name': 'backstay', team: 'shop', cost: 'backup' });
      expect(annotations).toEqual({ note: 'x', 'sidecar.istio.io/inject': 'false' });
    }
  });
});

describe('the Job', () => {
  test('limits each run by the deadline of the pod, which keeps the log, and all attempts by that of the Job', () => {
    const { spec } = cronJob({ job: { deadline: '1h', backoffLimit: 1 } }).spec.jobTemplate;
    expect(spec.template.spec.activeDeadlineSeconds).toBe(3600);
    expect(spec.activeDeadlineSeconds).toBe(2 * 3600 + 900);
    expect(spec.backoffLimit).toBe(1);
  });

  test('a status that a retry cannot change is final in any container, and a lost node does not count as an attempt', () => {
    expect(cronJob().spec.jobTemplate.spec.podFailurePolicy).toEqual({
      rules: [
        { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        { action: 'FailJob', onExitCodes: { operator: 'In', values: [10, 64, 65, 73, 77] } },
      ],
    });
  });

  test('deletes a finished pod with an ephemeral volume after ten minutes', () => {
    const own = { pod: { scratch: { size: '1Ti', storageClassName: 'fast' } } };
    expect(cronJob().spec.jobTemplate.spec).not.toHaveProperty('ttlSecondsAfterFinished', expect.anything());
    expect(cronJob(own).spec.jobTemplate.spec.ttlSecondsAfterFinished).toBe(600);
    expect(cronJob({ ...own, job: { ttlSecondsAfterFinished: 60 } }).spec.jobTemplate.spec.ttlSecondsAfterFinished).toBe(60);
  });
});

describe('the pod', () => {
  const both = { parts: [...postgresParts({ database: undefined, databases: ['one', 'two'] }), ...volumeParts()] };
  const pod = podOf(cronJob(both));

  test('runs one step after another for each part, and publishes only after all of them succeeded', () => {
    expect(pod.initContainers?.map(({ name, command }) => [name, command.join(' ')])).toEqual([
      ['take-one', '/bin/sh /scripts/postgres-dump.sh'],
      ['take-two', '/bin/sh /scripts/postgres-dump.sh'],
      ['take-volume', '/bin/sh /scripts/volume-tar.sh'],
    ]);
    expect(pod.containers.map(({ name, command }) => [name, command.join(' ')])).toEqual([['publish', '/bin/sh /scripts/publish.sh']]);
    expect(pod.restartPolicy).toBe('Never');
  });

  test('the image of a step has the major version of the server, and can come from another registry', () => {
    const images = { ...IMAGES, postgres17: 'registry.acme.dev/postgres:17.6', rclone: 'registry.acme.dev/rclone:1' };
    const { initContainers, containers } = podOf(cronJob({}, { images }));
    expect([...(initContainers ?? []), ...containers].map(({ image }) => image)).toEqual([images.postgres17, images.rclone]);
  });

  test('only the step that dumps gets the password of the database, and only publish the keys of the store', () => {
    const [take] = pod.initContainers ?? [];
    const [publish] = pod.containers;
    if (!take || !publish) throw new Error('two steps are expected');
    expect(envOf(take)).toContain('PGPASSWORD');
    expect(envOf(publish).filter((name) => name.startsWith('PG'))).toEqual([]);
    expect(envOf(publish)).toContain('RCLONE_CONFIG_S2_SECRET_ACCESS_KEY');
    expect(pod.initContainers?.flatMap(envOf).filter((name) => /^(RCLONE|STORAGE)_/.test(name))).toEqual([]);
  });

  test('only publish mounts the claim of a storage, and only its step that of the source', () => {
    const paths = (container: Container) => container.volumeMounts.map(({ mountPath }) => mountPath);
    expect(pod.initContainers?.map(paths)).toEqual([
      ['/scripts', '/work', '/tmp'],
      ['/scripts', '/work', '/tmp'],
      ['/scripts', '/work', '/tmp', '/data'],
    ]);
    expect(pod.containers.map(paths)).toEqual([['/scripts', '/work', '/tmp', '/storage/local']]);
  });

  test('the home folder is writable', () => {
    for (const { env } of [...(pod.initContainers ?? []), ...pod.containers]) expect(env).toContainEqual({ name: 'HOME', value: '/tmp' });
  });

  test('has no token of the Kubernetes API, no variables of Services, and time to clean up', () => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 60,
      serviceAccountName: 'backup-shop',
    });
  });

  test('only the step that reads a volume gets the capability', () => {
    const root = podOf(cronJob({ parts: both.parts, pod: { runAsUser: 0, capabilities: ['DAC_READ_SEARCH'] } }));
    expect([...(root.initContainers ?? []), ...root.containers].map(({ securityContext }) => securityContext.capabilities.add)).toEqual([
      undefined,
      undefined,
      ['DAC_READ_SEARCH'],
      undefined,
    ]);
  });

  test("passes on the user's settings for nodes and priorities", () => {
    const written = {
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ key: 'backup', operator: 'Exists', comingSoon: 1 }],
      priorityClassName: 'low',
      imagePullSecrets: ['registry'],
      terminationGracePeriod: '2m',
    };
    expect(podOf(cronJob({ pod: written }))).toMatchObject({
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ key: 'backup', operator: 'Exists', comingSoon: 1 }],
      priorityClassName: 'low',
      imagePullSecrets: [{ name: 'registry' }],
      terminationGracePeriodSeconds: 120,
    });
  });

  test('has no affinity without a claim that only one node can mount', () => {
    const shared = podOf(cronJob({ storages: storagesOf({ offsite: { s3: {} }, shared: { pvc: { claim: 'c', accessMode: 'ReadWriteMany' } } }) }));
    expect(shared).not.toHaveProperty('affinity');
  });
});
