import { ApiObject, App, Chart, JsonPatch, Testing } from 'cdk8s';
import { describe, expect, test } from 'vitest';
import { Backups } from '../../lib/charts/backups.ts';
import { objectsOf } from '../../lib/charts/objects.ts';
import type { Values } from '../../lib/config/define.ts';
import { ConfigError } from '../../lib/errors.ts';

const values: Values = {
  namespace: 'backup',
  storages: { local: { pvc: { size: '10Gi' } } },
  plans: { default: { storages: ['local'], tiers: { daily: { schedule: '0 2 * * *', keep: { daily: 7 } } } } },
  sources: { shop: { postgres: { host: 'shop-db.shop', database: 'shop', version: 17, credentials: { secret: 'shop-db' } } } },
};

function chartOf(given: Values = values, props = {}) {
  const chart = new Chart(new App(), 'mine', props);
  return { chart, backups: new Backups(chart, 'backups', { environment: 'prod', values: given }) };
}

const objects = (chart: Chart) => Testing.synth(chart) as readonly ApiObject[];
const cronJob = (backups: Backups) =>
  backups.node
    .findAll()
    .filter(ApiObject.isApiObject)
    .find(({ kind }) => kind === 'CronJob') as ApiObject;

describe("the construct Backups in the user's chart", () => {
  test('adds all objects of the environment', () => {
    const { chart } = chartOf();
    expect(objects(chart).map(({ kind }) => kind)).toEqual([
      'PersistentVolumeClaim',
      'ConfigMap',
      'ConfigMap',
      'ConfigMap',
      'ConfigMap',
      'ServiceAccount',
      'NetworkPolicy',
      'CronJob',
      'NetworkPolicy',
      'CronJob',
    ]);
    expect(objects(chart)).toEqual(objectsOf((scope) => void new Backups(scope, 'backups', { environment: 'prod', values })).map(withoutUndefined));
  });

  test("gets the chart's labels", () => {
    const { chart } = chartOf(values, { labels: { team: 'shop' } });
    expect(objects(chart).length).toBeGreaterThan(3);
    for (const { metadata } of objects(chart)) expect(metadata).toMatchObject({ labels: { team: 'shop', 'app.kubernetes.io/name': 'backstay' } });
  });

  test('can be patched like any construct of cdk8s', () => {
    const { chart, backups } = chartOf();
    cronJob(backups).addJsonPatch(JsonPatch.replace('/spec/suspend', true));
    cronJob(backups).metadata.addAnnotation('note', 'x');
    expect(objects(chart).find(({ metadata }) => metadata.name === 'backup-shop-daily')).toMatchObject({
      kind: 'CronJob',
      metadata: { annotations: { note: 'x' } },
      spec: { suspend: true, schedule: '0 2 * * *' },
    });
  });

  test('reports all errors at once, and adds nothing', () => {
    expect(() => chartOf({ ...values, sources: { shop: { postgres: { host: 'x' } as never } } })).toThrow(ConfigError);
  });
});

function withoutUndefined(object: object): unknown {
  return JSON.parse(JSON.stringify(object));
}
