import { load, loadAll } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { cataloguePod, manualJob } from '../../lib/charts/manual.ts';
import { synthesize } from '../../lib/charts/synthesize.ts';
import { toYaml } from '../../lib/charts/writer.ts';
import { aModel, aRun, aSource, storagesOf, volumeParts } from '../support/model.ts';
import { type CronJob, type Job, podOf } from '../support/objects.ts';

const model = aModel([aSource([aRun(), aRun({ tier: 'weekly', storages: storagesOf({ offsite: { s3: {} } }) })])]);

describe('a manual run', () => {
  const job = manualJob(model, 'shop', 'daily') as unknown as Job;
  const cronJob = loadAll(synthesize(model, '0.0.0').get('jobs/shop.yaml') ?? '').find((object) => (object as CronJob).kind === 'CronJob') as CronJob;

  test('is the Job of the CronJob, as from `kubectl create job --from`', () => {
    expect(load(toYaml([job.spec as never], 'x'))).toEqual(cronJob.spec.jobTemplate.spec);
  });

  test('gets its name from the API server, so that each one is new', () => {
    expect(job.metadata).toEqual({ generateName: 'backup-shop-daily-', namespace: 'backup', labels: cronJob.spec.jobTemplate.metadata.labels });
  });

  test('passes its label to the manifest, and has it as an annotation', () => {
    const labelled = manualJob(model, 'shop', 'daily', { label: 'before 2.0' }) as unknown as Job;
    expect(labelled.metadata.annotations).toEqual({ 'backstay.dev/label': 'before 2.0' });
    expect(podOf(labelled).containers[0]?.env).toContainEqual({ name: 'LABEL', value: 'before 2.0' });
  });
});

describe('the pod of list, get and prune', () => {
  const pod = cataloguePod(model, 'shop', undefined, { ACTION: 'list' });

  test('has a container for each tier with its storages, and one for safety backups with those of the first tier', () => {
    const containers = podOf(pod).containers.map(({ name, env }) => [name, env.find(({ name: variable }) => variable === 'STORAGE_COUNT')?.value]);
    expect(containers).toEqual([
      ['daily', '2'],
      ['weekly', '1'],
      ['pre-restore', '2'],
    ]);
  });

  test('has a single container for the requested tier', () => {
    expect(podOf(cataloguePod(model, 'shop', 'weekly', { ACTION: 'list' })).containers.map(({ name }) => name)).toEqual(['weekly']);
  });

  test('gets the action as variables', () => {
    const prune = podOf(cataloguePod(model, 'shop', 'daily', { ACTION: 'prune', CONFIRM: 'prod/shop' }));
    expect(prune.containers[0]?.env).toContainEqual({ name: 'ACTION', value: 'prune' });
    expect(prune.containers[0]?.env).toContainEqual({ name: 'CONFIRM', value: 'prod/shop' });
  });

  test('gets no password of the source', () => {
    expect(JSON.stringify(pod)).not.toContain('PGPASSWORD');
  });

  test('has the service account and labels of the source, so that its NetworkPolicy and identity apply', () => {
    expect(podOf(pod).serviceAccountName).toBe('backup-shop');
    expect(pod.metadata).toMatchObject({ labels: { 'backstay.dev/source': 'shop', 'app.kubernetes.io/component': 'catalogue' } });
  });

  test('runs beside the pods of the storage claim, not beside those that use the data, which it does not read', () => {
    const files = aModel([aSource([aRun({ source: 'files', parts: volumeParts({ nextTo: { app: 'web' } }) })])]);
    const beside = JSON.stringify(cataloguePod(files, 'files', undefined, { ACTION: 'list' }));
    expect(beside).toContain(
      '"affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{"matchLabels":{"claim.backstay.dev/backup-local"',
    );
    expect(beside).not.toContain('"app":"web"');
    expect(pod.metadata).toMatchObject({ labels: { 'claim.backstay.dev/backup-local': '' } });
  });

  test('has a deadline', () => {
    expect(podOf(pod)).toMatchObject({ activeDeadlineSeconds: 1800, restartPolicy: 'Never' });
  });
});
