import { expect, test } from 'vitest';
import { load, mistakes, sourceIn } from '../support/load.ts';

const BASE = `namespace: backup
storages: { a: { pvc: { size: 1Gi } } }
plans: { default: { storages: [a], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' } } } }
sources:
`;
const source = (name: string, rest = '') => `  ${name}: { volume: { claim: c, node: n }${rest} }\n`;

test('things are named by source and tier, and nothing is hashed', () => {
  const { objectName, runs } = sourceIn(load(BASE + source('shop', ", tiers: { weekly: { schedule: '@weekly' } }")));
  expect([objectName, ...runs.map(({ name }) => name)]).toEqual(['backup-shop', 'backup-shop-daily', 'backup-shop-weekly']);
});

test('a CronJob of 52 characters is taken, and one of 53 refused', () => {
  const fits = 'x'.repeat(52 - 'backup--daily'.length);
  expect(mistakes(BASE + source(fits))).toBe('');
  expect(mistakes(BASE + source(`${fits}x`)).replaceAll('x'.repeat(40), '…')).toMatchInlineSnapshot(`
    "sources.…: the CronJob 'backup-…-daily' would have 53 characters, and at most 52 fit
      at config/base.yaml:5
      HINT: shorten the source's name by 1; folder: keeps its history"
  `);
});

test('two sources whose names run together are refused', () => {
  const text = BASE + source('a', ", tiers: { b-daily: { schedule: '@daily' } }") + source('a-b');
  expect(mistakes(text)).toMatchInlineSnapshot(`
    "sources.a-b: the CronJob 'backup-a-b-daily' would stand for a tier of 'a' too
      at config/base.yaml:6
      HINT: rename the source; folder: keeps its history"
  `);
});

test('the same names in two namespaces are two CronJobs', () => {
  const far = `namespace: backup
storages: { a: { s3: { bucket: bbb, credentials: { secret: s } } } }
plans: { default: { storages: [a], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' } } } }
sources:
`;
  expect(mistakes(far + source('a', ", namespace: one, tiers: { b-daily: { schedule: '@daily' } }") + source('a-b', ', namespace: two'))).toBe('');
});

test('a source may not take the name of what another one needs', () => {
  // `backup-a-daily` is the CronJob of `a`, and the service account of `a-daily`: different kinds of object, so no harm.
  expect(mistakes(BASE + source('a') + source('a-daily'))).toBe('');
});
