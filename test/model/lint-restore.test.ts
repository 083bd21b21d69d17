import { describe, expect, test } from 'vitest';
import { errors, warnings } from '../support/load.ts';

const BASE = `namespace: backup
storages: { near: { pvc: { size: 10Gi } }, far: { s3: { bucket: bbb, credentials: { secret: s3 } } } }
plans:
  default:
    storages: [near, far]
    keep: { last: 3 }
    tiers: { daily: { schedule: '@daily' }, monthly: { schedule: '@monthly', storages: [far] } }
sources:
  shop: { postgres: { host: db.data, database: shop, version: 17, credentials: { secret: db }, admin: { credentials: { secret: admin } } } }
  crm: { postgres: { host: db.data, database: crm, version: 17, credentials: { secret: db } } }
  wiki: { postgres: { host: db.data, databases: [wiki, old], version: 17, credentials: { secret: db }, admin: { credentials: { secret: admin } } }, volume: { claim: wiki, node: a } }
  large: { volume: { claim: large, node: a }, pod: { scratch: { size: 1Ti, storageClassName: fast } } }
`;

const files = (entry: string) => ({ 'base.yaml': BASE, 'prod.yaml': `restores: { back: { ${entry} } }\n`, 'staging.yaml': 'namespace: staging\n' });
const said = (entry: string) => errors(files(entry));
const warned = (entry: string) => warnings(files(entry)).filter((text) => text.startsWith('restores'));

/** The first message about an entry and its hint, without the place. */
const first = (entry: string) =>
  said(entry)
    .replace(/\n {2}at \S+/g, '')
    .split('\n')
    .slice(0, 2);

describe('rejects a restore that would fail or do damage, with a hint', () => {
  test.each([
    ['source: shp', 'source', "unknown source 'shp'", "did you mean 'shop'?"],
    ['source: other', 'source', "unknown source 'other'", 'known sources: shop, crm, wiki, large'],
    ['source: shop, at: before 2026-11-21', 'at', 'expected a time with a time zone, got "before 2026-11-21"', 'use before:'],
    ['source: shop, at: a b', 'at', 'not a backup id, got "a b"', 'use latest, latest-verified'],
    ['source: shop, backupsOf: stagin/shop', 'backupsOf', "unknown environment 'stagin' in", "did you mean 'staging'?"],
    ['source: shop, from: far, backupsOf: staging/shp', 'backupsOf', "unknown source 'shp' in staging", "did you mean 'shop'?"],
    ['source: shop, from: far, backupsOf: staging/other', 'backupsOf', "unknown source 'other' in staging", 'known sources: '],
    ['source: shop, from: fra', 'from', "no tier of source 'shop' uses storage 'fra'", "did you mean 'far'?"],
    ['source: shop, from: near, tier: monthly', 'from', "no tier of source 'shop' uses storage 'near'", "did you mean 'far'?"],
    ['source: shop, tier: dayly', 'tier', "source 'shop' has no tier 'dayly'", "did you mean 'daily'?"],
    ['source: shop, tier: yearly', 'tier', "source 'shop' has no tier 'yearly'", 'its tiers: daily, monthly, pre-restore'],
    ['source: shop, volume: {}', 'volume', "source 'shop' has no kind 'volume'", 'its kinds: postgres'],
    ['source: crm', 'postgres', 'a restore needs a role that may create databases', 'set its Secret in the source'],
    ['source: wiki, postgres: { database: x }', 'postgres.database', 'one name for several databases is ambiguous', 'select one with part:'],
    ['source: wiki, part: wki', 'part', "source 'wiki' has no part 'wki'", 'its parts: wiki, old, volume'],
    ['source: wiki, from: far, backupsOf: staging/shop', 'backupsOf', "source 'shop' has no part 'wiki'", 'select one that both have with part:'],
    ['source: crm, part: volume', 'part', "source 'crm' has no part 'volume'", 'its parts: postgres'],
    ['source: shop, inPlace: { confirm: shop }', 'inPlace.confirm', "confirm must be 'prod/shop', got 'shop'", 'set confirm: prod/shop'],
    ['source: shop, scaleDown: [deployment/a]', 'scaleDown', 'live data does not change, so nothing needs to be scaled down', 'add inPlace:'],
    ['source: large', 'scratch.storageClassName', 'restoring a volume needs scratch on the disk of the node', 'remove storageClassName from scratch'],
    [
      'source: wiki, scratch: { storageClassName: fast }',
      'scratch.storageClassName',
      'restoring a volume needs scratch on the disk of the node',
      'remove storageClassName from scratch',
    ],
    [
      'source: shop, backupsOf: staging/shop',
      'backupsOf',
      "the claim of storage 'near' is in namespace 'staging', but the pods of 'shop' run in 'backup'",
      'select another storage with from:',
    ],
  ])('%s', (entry, path, message, hint) => {
    const [what = '', how = ''] = first(entry);
    expect(what).toContain(`restores.back.${path}: ${message}`);
    expect(how).toContain('HINT: ');
    expect(how).toContain(hint);
  });

  test('reports all errors of an entry at once', () => {
    expect(
      said('source: shop, at: a b, from: fra, volume: {}, inPlace: { confirm: x }, postgres: { tables: [a.b] }').match(/^restores\S+(?=: )/gm),
    ).toEqual(['at', 'from', 'volume', 'postgres.tables', 'inPlace.confirm'].map((path) => `restores.back.${path}`));
  });

  test('reports an unknown source once', () => {
    expect(said('source: shp, part: x, at: a b').match(/^restores\S+(?=: )/gm)).toEqual(['restores.back.source']);
  });
});

describe('accepts a restore', () => {
  test.each([
    'source: shop',
    'source: shop, tier: monthly',
    'source: shop, tier: pre-restore',
    'source: shop, from: far, backupsOf: staging/shop',
    'source: shop, from: far, backupsOf: staging/crm',
    'source: shop, backupsOf: prod/crm',
    'source: shop, inPlace: { confirm: prod/shop }, scaleDown: [deployment/a]',
    'source: wiki, part: old, postgres: { database: old_copy }',
    'source: wiki, part: wiki, scratch: { storageClassName: fast }',
    'source: wiki, part: volume, volume: { paths: [a] }',
  ])('%s', (entry) => {
    expect(said(entry)).toBe('');
  });
});

describe('warns only of', () => {
  test('live data that is replaced without a safety backup', () => {
    expect(warned('source: shop, inPlace: { confirm: prod/shop, safetyBackup: false }').join()).toContain(
      'restores.back.inPlace.safetyBackup: live data is replaced without a safety backup',
    );
  });

  test('applications by label selector, each at its own path', () => {
    const entry = 'source: shop, inPlace: { confirm: prod/shop }, scaleDown: [deployment/a, deployment/app=a]';
    expect(warned(entry)).toHaveLength(1);
    expect(warned(entry)[0]).toContain('restores.back.scaleDown[1]: with a label selector, the Role lets the restore scale every application');
  });

  test('nothing else', () => {
    expect(warned('source: shop, inPlace: { confirm: prod/shop }, scaleDown: [deployment/a]')).toEqual([]);
  });
});
