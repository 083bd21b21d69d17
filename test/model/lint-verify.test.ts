import { describe, expect, test } from 'vitest';
import { errors, load, sourceIn, warnings } from '../support/load.ts';

const DATABASE = 'postgres: { host: db.data, database: shop, version: 17, credentials: { secret: db } }';
const TWO = 'postgres: { host: db.data, databases: [shop, crm], version: 17, credentials: { secret: db } }';

const values = (verify: string, kind = DATABASE, head = '') => `namespace: backup
storages: { near: { pvc: { size: 10Gi } }, far: { pvc: { size: 1Gi } } }
${head}plans: { default: { storages: [near], tiers: { daily: { schedule: '@daily', keep: { last: 3 } } } } }
sources: { shop: { verify: ${verify}, ${kind} } }
`;

describe('what a proof cannot do is refused', () => {
  test('to fetch from a storage that no tier has', () => {
    expect(errors(values('{ storage: far }'))).toMatchInlineSnapshot(`
      "sources.shop.verify.storage: no tier of source 'shop' uses storage 'far'
        at config/base.yaml:4
        HINT: its storages: near"
    `);
    expect(errors(values('{ storage: naer }'))).toContain("HINT: did you mean 'near'?");
  });

  test('to ask a kind that the source does not have, where the source itself says so', () => {
    expect(errors(values('{ volume: { entriesAtLeast: 1 } }'))).toMatchInlineSnapshot(`
      "sources.shop.verify.volume: source 'shop' has no kind 'volume'
        at config/base.yaml:4
        HINT: its kinds: postgres"
    `);
    expect(errors(values('{}', DATABASE, 'verify: { volume: { entriesAtLeast: 1 } }\n'))).toBe('');
    expect(errors(values('{}', DATABASE, 'defaults: { verify: { volume: { entriesAtLeast: 1 } } }\n'))).toBe('');
  });

  test('to ask a database that the source does not have', () => {
    expect(errors(values('{ postgres: { databases: { smrc: {} } } }', TWO))).toContain(
      "sources.shop.verify.postgres.databases.smrc: the source has no database 'smrc'",
    );
  });

  test('to guess which of several databases is meant', () => {
    expect(errors(values('{ postgres: { tables: [a.b] } }', TWO))).toMatchInlineSnapshot(`
      "sources.shop.verify.postgres.tables: ambiguous, because the source has several databases
        at config/base.yaml:4
        HINT: write databases: { shop: { tables: … } }"
    `);
  });
});

test('a finding stands where it was written: in the defaults, when it is theirs', () => {
  expect(errors(values('{}', TWO, 'defaults: { verify: { postgres: { tables: [a.b] } } }\n'))).toContain(
    'defaults.verify.postgres.tables: ambiguous, because the source has several databases',
  );
});

test('nothing is asked of a proof that is switched off', () => {
  expect(errors(values('{ enabled: false, storage: far }'))).toBe('');
});

test('both kinds of today can be proved: nothing is warned of', () => {
  const both = `${DATABASE}, volume: { claim: data, node: worker-1 }`;
  expect(warnings(values('{}', both)).join()).not.toContain('cannot be verified');
  expect(sourceIn(load(values('{}', both))).verify?.parts.map(({ name }) => name)).toEqual(['postgres', 'volume']);
});
