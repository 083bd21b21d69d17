import { describe, expect, test } from 'vitest';
import type { PlannedVerify } from '../../lib/model/model.ts';
import { load, sourceIn } from '../support/load.ts';

const DAY = 86_400;
const DATABASE = 'postgres: { host: db.data, database: shop, version: 17, credentials: { secret: db } }';
const HEAD = `namespace: backup
storages:
  near: { pvc: { size: 10Gi } }
  far: { s3: { bucket: bbb, credentials: { secret: far } } }
  cold: { s3: { bucket: ccc, credentials: { secret: cold } } }
`;
const PLAN = `plans:
  default:
    storages: [near, far]
    keep: { last: 3 }
    tiers: { hourly: { schedule: '0 8-18 * * *', storages: [near] }, daily: { schedule: '0 2 * * *' }, monthly: { schedule: '@monthly', storages: [far, cold] } }
`;

function verifyIn(source: string, plans = PLAN, environment = 'prod'): PlannedVerify {
  const { verify } = sourceIn(load({ 'base.yaml': `${HEAD}${plans}sources: { shop: { ${source}${DATABASE} } }\n`, 'dev.yaml': '' }, environment));
  if (!verify) throw new Error('nothing is verified');
  return verify;
}

test('verification is named after its source, and runs weekly at a different time for each source', () => {
  const { name, run, schedule } = verifyIn('');
  expect([name, run.name, run.tier, run.schedule]).toEqual(['verify-shop', 'verify-shop', 'verify', undefined]);
  expect(schedule).toMatch(/^\d+ [345] \* \* [0-6]$/);
  expect(verifyIn('')).toEqual(verifyIn(''));
  expect(verifyIn('', PLAN, 'dev').schedule).not.toBe(schedule);
});

describe('the verified backup', () => {
  test('is the newest one in the primary, from every tier that uses it, under both names of the source', () => {
    expect(verifyIn('folder: store, ').origin).toMatchObject({
      environment: 'prod',
      sources: ['shop', 'store'],
      folders: ['store/hourly', 'store/daily'],
      wanted: 'latest',
      from: 1,
    });
    expect(verifyIn('').origin.sources).toEqual(['shop']);
  });

  test('is the newest one in the selected storage', () => {
    expect(verifyIn('verify: { storage: far }, ').origin.folders).toEqual(['shop/daily', 'shop/monthly']);
    expect(verifyIn('verify: { storage: cold }, ').origin.folders).toEqual(['shop/monthly']);
  });

  test('is read from the first storage, and recorded in every storage', () => {
    const storages = (source: string) => verifyIn(source).run.storages.map(({ name, role }) => [name, role]);
    expect(storages('')).toEqual([
      ['near', 'primary'],
      ['far', 'copy'],
      ['cold', 'copy'],
    ]);
    expect(storages('verify: { storage: cold }, ')).toEqual([
      ['cold', 'primary'],
      ['near', 'copy'],
      ['far', 'copy'],
    ]);
  });

  test('can be twice as old as the longest gap of the most frequent tier', () => {
    // From 18:00 to 08:00 nothing runs in the tier that runs every hour.
    expect(verifyIn('').origin.newerThan).toBe(2 * 14 * 3600);
    expect(verifyIn('verify: { storage: far }, ').origin.newerThan).toBe(2 * DAY);
    expect(verifyIn('verify: { storage: cold }, ').origin.newerThan).toBe(2 * 31 * DAY);
  });

  test('has a maximum age that can be set, and is two weeks for manual runs only', () => {
    expect(verifyIn('verify: { newerThan: 3d }, ').origin.newerThan).toBe(3 * DAY);
    const byHand = verifyIn('plan: none, storages: [near], verify: {}, ');
    expect(byHand.origin).toMatchObject({ newerThan: 14 * DAY, folders: ['shop/once'] });
  });
});

describe('the pod that verifies', () => {
  test('does not run as the user of the application', () => {
    const { run } = verifyIn('pod: { runAsUser: 0, runAsGroup: 7, supplementalGroups: [8], capabilities: [DAC_READ_SEARCH] }, ');
    expect(run.pod).toMatchObject({ runAsUser: 999, runAsGroup: undefined, supplementalGroups: [], capabilities: [] });
  });

  test('has its own scratch and deadline, or the scratch of the backup and six hours', () => {
    const pod = 'pod: { scratch: { size: 7Gi, storageClassName: fast } }, job: { deadline: 1h }, ';
    expect(verifyIn(pod).run).toMatchObject({ pod: { scratch: { size: '7Gi', storageClassName: 'fast' } }, job: { deadline: 6 * 3600 } });
    const own = verifyIn(`${pod}verify: { scratch: { size: 40Gi }, deadline: 9h }, `).run;
    expect(own).toMatchObject({ pod: { scratch: { size: '40Gi', storageClassName: 'fast' } }, job: { deadline: 9 * 3600 } });
  });

  test('reaches storages and no database, and reads the Secrets of storages only', () => {
    const { peers, secrets } = verifyIn('');
    expect(peers.filter(({ port }) => port === 5432)).toEqual([]);
    expect(secrets.map(({ secret }) => secret)).toEqual(['cold', 'far']);
  });

  test('has no retention, as it deletes nothing', () => {
    expect(verifyIn('').run.storages.map(({ keep }) => keep)).toEqual([undefined, undefined, undefined]);
  });
});

test('plans nothing if verification is disabled', () => {
  const plans = `${HEAD}${PLAN}sources: { shop: { verify: { enabled: false }, ${DATABASE} } }\n`;
  expect(sourceIn(load(plans)).verify).toBeUndefined();
});
