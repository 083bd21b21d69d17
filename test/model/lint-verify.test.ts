import { describe, expect, test } from 'vitest';
import { errors, load, sourceIn, warnings } from '../support/load.ts';

const DATABASE = 'postgres: { host: db.data, database: shop, version: 17, credentials: { secret: db } }';
const TWO = 'postgres: { host: db.data, databases: [shop, crm], version: 17, credentials: { secret: db } }';

const values = (verify: string, kind = DATABASE, head = '') => `namespace: backup
storages: { near: { pvc: { size: 10Gi } }, far: { pvc: { size: 1Gi } } }
${head}plans: { default: { storages: [near], tiers: { daily: { schedule: '@daily', keep: { last: 3 } } } } }
sources: { shop: { verify: ${verify}, ${kind} } }
`;

describe('verification rejects', () => {
  test('a storage that no tier uses', () => {
    expect(errors(values('{ storage: far }'))).toMatchInlineSnapshot(`
      "sources.shop.verify.storage: no tier of source 'shop' uses storage 'far'
        at config/base.yaml:4
        HINT: its storages: near"
    `);
    expect(errors(values('{ storage: naer }'))).toContain("HINT: did you mean 'near'?");
  });

  test('assertions of the source itself for a kind that it does not have', () => {
    expect(errors(values('{ volume: { entriesAtLeast: 1 } }'))).toMatchInlineSnapshot(`
      "sources.shop.verify.volume: source 'shop' has no kind 'volume'
        at config/base.yaml:4
        HINT: its kinds: postgres"
    `);
    expect(errors(values('{}', DATABASE, 'verify: { volume: { entriesAtLeast: 1 } }\n'))).toBe('');
    expect(errors(values('{}', DATABASE, 'defaults: { verify: { volume: { entriesAtLeast: 1 } } }\n'))).toBe('');
  });

  test('assertions for an unknown database', () => {
    expect(errors(values('{ postgres: { databases: { smrc: {} } } }', TWO))).toContain(
      "sources.shop.verify.postgres.databases.smrc: the source has no database 'smrc'",
    );
  });

  test('assertions that could be for any of several databases', () => {
    expect(errors(values('{ postgres: { tables: [a.b] } }', TWO))).toMatchInlineSnapshot(`
      "sources.shop.verify.postgres.tables: ambiguous, because the source has several databases
        at config/base.yaml:4
        HINT: write databases: { shop: { tables: … } }"
    `);
  });
});

test('an assertion of the defaults is reported there', () => {
  expect(errors(values('{}', TWO, 'defaults: { verify: { postgres: { tables: [a.b] } } }\n'))).toContain(
    'defaults.verify.postgres.tables: ambiguous, because the source has several databases',
  );
});

test('disabled verification checks nothing', () => {
  expect(errors(values('{ enabled: false, storage: far }'))).toBe('');
});

test('every kind can be verified, so there is no warning', () => {
  const both = `${DATABASE}, volume: { claim: data, node: worker-1 }`;
  expect(warnings(values('{}', both)).join()).not.toContain('cannot be verified');
  expect(sourceIn(load(values('{}', both))).verify?.parts.map(({ name }) => name)).toEqual(['postgres', 'volume']);
});
