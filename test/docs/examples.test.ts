import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { synthesize } from '../../lib/charts/synthesize.ts';
import { listEnvironments } from '../../lib/config/read.ts';
import { loadEnvironment } from '../../lib/model/load.ts';
import { SOURCE_KINDS } from '../../lib/sources/index.ts';
import { runIn, sourceIn } from '../support/load.ts';

const folders = ['config', ...readdirSync('examples').map((name) => `examples/${name}/config`)];
const environments = folders.flatMap((folder) => listEnvironments(folder).map((environment) => [folder, environment] as const));

test('every example has an environment', () => {
  expect(folders.length).toBeGreaterThan(3);
  expect([...new Set(environments.map(([folder]) => folder))]).toEqual(folders);
});

test.each(environments)('synthesizes %s, environment %s, with equal bytes in each run', (folder, environment) => {
  const files = () => [...synthesize(loadEnvironment(folder, environment).model, '0.0.0')];
  expect(files().map(([path]) => path)).toContain('jobs/kustomization.yaml');
  expect(files()).toEqual(files());
});

test.each(environments.filter(([folder]) => folder !== 'examples/carpaintr/config'))(
  'synthesizes %s, environment %s, without a warning',
  (folder, environment) => {
    expect(loadEnvironment(folder, environment).model.warnings).toEqual([]);
  },
);

test.each(SOURCE_KINDS.map(({ name }) => name))('the kind %s has an example', (name) => {
  const models = environments.filter(([folder]) => folder.startsWith('examples/')).map((example) => loadEnvironment(...example).model);
  const parts = models.flatMap(({ sources }) => sources.flatMap(({ runs }) => runs.flatMap((run) => run.parts)));
  expect(parts.map(({ kind }) => kind)).toContain(name);
});

describe('the example carpaintr', () => {
  const loaded = loadEnvironment('examples/carpaintr/config', 'prod');
  const run = runIn(loaded);

  test('replaces the CronJob of the chart', () => {
    expect(run).toMatchObject({ name: 'backup-autolab-api-daily', namespace: 'default', schedule: '0 0 * * *', suspend: false });
    expect(run.parts).toMatchObject([
      {
        script: 'volume-tar.sh',
        mounts: [{ claim: 'autolab-api-storage-autolab-api-0', readOnly: true }],
        placement: { type: 'nextTo', labels: { app: 'autolab-api' } },
      },
    ]);
    expect(run.storages.map(({ kind, keep }) => [kind, keep?.last])).toEqual([['pvc', 10]]);
    expect(loaded.model.claims).toMatchObject([{ name: 'backup-backups', namespace: 'default', size: '5Gi' }]);
    expect(run.job).toMatchObject({ successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 3 });
    expect(run.pod.resources).toEqual({ requests: { cpu: '50m', memory: '128Mi' }, limits: { cpu: '200m', memory: '256Mi' } });
    expect(run.pod.runAsUser).toBe(1000);
  });

  test('warns that it has a single storage', () => {
    expect(loaded.model.warnings).toMatchObject([expect.stringContaining('production has a single storage')]);
  });
});

describe('the example application', () => {
  const { model } = loadEnvironment('examples/application/config', 'prod');

  test('verifies both of its sources', () => {
    expect(model.sources.map(({ name, verify }) => [name, verify?.schedule, verify?.parts.map(({ script }) => script)])).toEqual([
      ['files', '0 6 * * 0', ['volume-verify.sh']],
      ['shop', '0 6 * * 0', ['postgres-verify.sh']],
    ]);
  });

  test('uses the names of its runbook', () => {
    const runbook = readFileSync('docs/restore.md', 'utf8');
    const names = model.sources.flatMap(({ name }) => [`prod/${name}`, `--confirm prod/${name}`]);
    for (const name of [...names, 'deployment/shop', 'shop-files', 'shop-db-0']) expect(runbook).toContain(name);
    expect(new Set(model.sources.map(({ namespace }) => namespace))).toEqual(new Set(['shop']));
  });

  test('gives the role that restores to no pod that backs up or verifies', () => {
    const secrets = model.sources.flatMap(({ runs, verify }) => [
      ...runs.flatMap(({ parts }) => parts.flatMap((part) => part.secrets)),
      ...(verify?.secrets ?? []),
    ]);
    expect(secrets.map(({ secret }) => secret)).toContain('shop-db-backup');
    expect(secrets.map(({ secret }) => secret)).not.toContain('shop-db-restore');
  });
});

test('the example first-database stores backups in two storages in production and in one in development', () => {
  const storages = (environment: string) =>
    runIn(loadEnvironment('examples/first-database/config', environment)).storages.map(({ name, role }) => `${name} ${role}`);
  expect([storages('prod'), storages('dev')]).toEqual([['local primary', 'offsite copy'], ['local primary']]);
});

test('config/ of the project has environments with different tiers and sources', () => {
  const tiers = (environment: string) =>
    loadEnvironment('config', environment).model.sources.map(({ name, runs }) => [name, runs.map(({ tier }) => tier)]);
  expect(tiers('dev')).toEqual([['shop', ['daily']]]);
  expect(tiers('prod')).toEqual([
    ['shop', ['daily', 'hourly']],
    ['uploads', ['daily']],
  ]);
  expect(sourceIn(loadEnvironment('config', 'prod'), 'uploads').namespace).toBe('shop');
});
