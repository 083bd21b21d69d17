import { expect, test } from 'vitest';
import { errors, load, sourceIn } from '../support/load.ts';

const BASE = `namespace: backup
storages: { a: { pvc: { size: 1Gi } } }
plans: { default: { storages: [a], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' } } } }
sources:
`;
const source = (name: string, rest = '') => `  ${name}: { volume: { claim: c, node: n }${rest} }\n`;

test('names contain source and tier, without hashes', () => {
  const { objectName, runs } = sourceIn(load(BASE + source('shop', ", tiers: { weekly: { schedule: '@weekly' } }")));
  expect([objectName, ...runs.map(({ name }) => name)]).toEqual(['backup-shop', 'backup-shop-daily', 'backup-shop-weekly']);
});

test('accepts a CronJob name of 52 characters and rejects one of 53', () => {
  const fits = 'x'.repeat(52 - 'backup--daily'.length);
  expect(errors(BASE + source(fits))).toBe('');
  expect(errors(BASE + source(`${fits}x`)).replaceAll('x'.repeat(40), '…')).toMatchInlineSnapshot(`
    "sources.…: the CronJob name 'backup-…-daily' has 53 characters, at most 52 are allowed
      at config/base.yaml:5
      HINT: shorten the name of the source by 1, and set folder: to keep its history"
  `);
});

test('rejects two sources whose CronJob names collide', () => {
  const text = BASE + source('a', ", tiers: { b-daily: { schedule: '@daily' } }") + source('a-b');
  expect(errors(text)).toMatchInlineSnapshot(`
    "sources.a-b: the CronJob name 'backup-a-b-daily' is already taken by a tier of 'a'
      at config/base.yaml:6
      HINT: rename the source, and set folder: to keep its history"
  `);
});

test('accepts equal CronJob names in two namespaces', () => {
  const far = `namespace: backup
storages: { a: { s3: { bucket: bbb, credentials: { secret: s } } } }
plans: { default: { storages: [a], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' } } } }
sources:
`;
  expect(errors(far + source('a', ", namespace: one, tiers: { b-daily: { schedule: '@daily' } }") + source('a-b', ', namespace: two'))).toBe('');
});

test('rejects a source whose name collides with the tier of another one', () => {
  // `backup-a-daily` is the CronJob of `a`, and the service account of `a-daily`: different kinds of object, so no harm.
  expect(errors(BASE + source('a') + source('a-daily'))).toBe('');
});
