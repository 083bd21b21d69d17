import fc from 'fast-check';
import { load as parse } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../lib/errors.ts';
import { loadEnvironment, loadValues } from '../../lib/model/load.ts';
import { errors, load, runIn, sourceIn, warnings } from '../support/load.ts';

const FIRST = `namespace: backup
storages:
  local: { pvc: { size: 10Gi } }
  offsite: { s3: { bucket: acme-backups, region: eu-west-1, credentials: { secret: backup-s3 } } }
plans:
  default:
    storages: [local, offsite]
    tiers:
      daily: { schedule: '0 2 * * *', keep: { daily: 7, weekly: 4, monthly: 6 } }
sources:
  shop:
    postgres: { host: shop-db.shop, database: shop, version: 17, credentials: { secret: shop-db } }
`;

describe('a first configuration', () => {
  test('is accepted without a warning', () => {
    expect(warnings(FIRST)).toEqual([]);
    const run = runIn(load(FIRST));
    expect(run).toMatchObject({ name: 'backup-shop-daily', namespace: 'backup', folder: 'shop/daily', schedule: '0 2 * * *', timeZone: 'Etc/UTC' });
    expect(run.storages.map(({ name, role, keep, access }) => [name, role, keep, access.remote])).toEqual([
      ['local', 'primary', { daily: 7, weekly: 4, monthly: 6, atMostDeleted: 50 }, '/storage/local/prod'],
      ['offsite', 'copy', { daily: 7, weekly: 4, monthly: 6, atMostDeleted: 50 }, 'S2:acme-backups/prod'],
    ]);
  });

  test('gives the same model each time', () => {
    expect(JSON.stringify(load(FIRST).model)).toBe(JSON.stringify(load(FIRST).model));
  });
});

describe('reports all errors at once', () => {
  test('of both passes and both files, sorted by line, each once', () => {
    const base = `namespace: backup
storages:
  local: { pvc: { sise: 10Gi } }
  offsite: { s3: { region: eu-west-1, credentials: { secret: backup-s3 } } }
plans:
  default:
    storages: [local, offsit]
    tiers:
      daily: { schedule: '30 2 * * *', timeZone: Europe/Berlin, keep: { daly: 7, last: 3 } }
sources:
  shop:
    postgres: { databse: shop, host: db, version: 13, credentials: { secret: shop-db } }
  files:
    plan: defualt
    volume: { claim: files }
`;
    const prod = 'sources:\n  shop: { postgres: { tls: { mode: verify } } }\n';
    expect(errors({ 'base.yaml': base, 'prod.yaml': prod })).toMatchInlineSnapshot(`
      "storages.local.pvc.sise: unknown key
        at config/base.yaml:3
        HINT: did you mean 'size'?
      storages.offsite.s3.bucket: required, but missing
        at config/base.yaml:4
        HINT: set bucket: … (an existing bucket)
      plans.default.storages[1]: unknown storage 'offsit'
        at config/base.yaml:7
        HINT: did you mean 'offsite'?
      plans.default.tiers.daily.keep.daly: unknown key
        at config/base.yaml:9
        HINT: did you mean 'daily'?
      plans.default.tiers.daily.schedule: Europe/Berlin skips 2025-03-30 02:30 when clocks go forward, so that day's run is lost, got "30 2 * * *"
        at config/base.yaml:9
        HINT: use an hour that exists every day, or set timeZone: Etc/UTC
      sources.shop.postgres.version: expected a major version: 14, 15, 16, 17, 18, got 13
        at config/base.yaml:12
        HINT: use 14, 15, 16, 17 or 18
      sources.shop.postgres.databse: unknown key
        at config/base.yaml:12
        HINT: did you mean 'database'?
      sources.files.plan: unknown plan 'defualt'
        at config/base.yaml:14
        HINT: did you mean 'default'?
      sources.shop.postgres.tls.mode: expected 'disable', 'prefer', 'require', 'verify-ca' or 'verify-full', got "verify"
        at config/prod.yaml:2
        HINT: use 'disable', 'prefer', 'require', 'verify-ca' or 'verify-full'"
    `);
  });

  test('an invalid storage is not also reported as unknown', () => {
    expect(errors(FIRST.replace('bucket: acme-backups, ', ''))).toMatchInlineSnapshot(`
      "storages.offsite.s3.bucket: required, but missing
        at config/base.yaml:4
        HINT: set bucket: … (an existing bucket)"
    `);
  });

  test('an error in a shared plan is reported once', () => {
    const many = FIRST + Array.from({ length: 10 }, (_, index) => `  s${index}: { volume: { claim: c, node: n } }\n`).join('');
    expect(errors(many.replace('0 2 * * *', '0 25 * * *')).split('\n')).toHaveLength(3);
  });

  test('an invalid default is not also reported as missing in every source', () => {
    const values = FIRST.replace('sources:', `defaults: { postgres: { host: 'a b' } }\nsources:`).replace('host: shop-db.shop, ', '');
    expect(errors(values)).toMatchInlineSnapshot(`
      "defaults.postgres.host: expected a host name or address, got "a b"
        at config/base.yaml:10
        HINT: Host name of the server, or its Service: \`shop-db.shop\`."
    `);
  });

  test('an empty file', () => {
    expect(errors('')).toMatchInlineSnapshot(`
      "namespace: required, but missing
        at config/base.yaml:1
        HINT: set namespace: … (namespace that pods run in)
      storages: no storages are defined
        at config/base.yaml:1
        HINT: add one: storages: { local: { pvc: { size: 10Gi } } }
      sources: no sources are defined
        at config/base.yaml:1
        HINT: add one: sources: { shop: { postgres: { … } } }"
    `);
  });

  test('a misspelled top-level key is not also reported as missing', () => {
    expect(errors(FIRST.replace('storages:\n  local', 'storage:\n  local').replace('[local, offsite]', '[]'))).not.toContain(
      'no storages are defined',
    );
  });

  const anything = fc.oneof(
    fc.constantFrom(null, true, 0, -1, '', 'x', '@daily', [], {}, [[]], [null], { a: null }, { enabled: false }),
    fc.jsonValue(),
  );

  test('any value in any place gives a model or errors, never a crash', () => {
    const values = parse(FIRST) as object;
    fc.assert(
      fc.property(fc.constantFrom(...pathsIn(values)), anything, (path, junk) => {
        const text = JSON.stringify(replaced(values, path, junk));
        expect(() => errors(text)).not.toThrow();
      }),
      { numRuns: 300 },
    );
  });
});

describe('values of a program', () => {
  test('are planned like those of a file, without places', () => {
    const values = { environment: 'prod', tree: parse(FIRST.replace('offsite]', 'offsit]')) as Record<string, unknown>, place: () => undefined };
    expect(() => loadValues(values)).toThrow(ConfigError);
    expect(() => loadValues(values)).toThrow(/^plans.default.storages\[1\]: unknown storage 'offsit'\n {2}HINT: did you mean 'offsite'\?$/);
  });
});

test('a fleet has one entry for each service and differs between environments only where it says so', () => {
  const [prod, staging, dev] = ['prod', 'staging', 'dev'].map((name) => loadEnvironment('test/fixtures/values/fleet', name));
  expect([prod, staging, dev].map((loaded) => loaded?.model.sources.length)).toEqual([11, 11, 9]);
  const orders = runIn(prod!, 'orders', 'daily');
  expect(orders.parts[0]?.env).toMatchObject({ PGHOST: 'orders-rw.orders', DATABASE: 'orders', PGUSER: { secret: 'orders-backup' } });
  expect(orders.timeZone).toBe('Europe/Berlin');
  expect(orders.storages.map(({ name, keep }) => [name, keep])).toEqual([
    ['local', { daily: 30, atMostDeleted: 50 }],
    ['offsite', { yearly: 7, monthly: 12, atMostDeleted: 50 }],
  ]);
  expect(runIn(prod!, 'search').parts.map(({ name }) => name)).toEqual(['search', 'suggest']);
  expect(runIn(prod!, 'payments').parts[0]?.env).toMatchObject({ PGHOST: 'payments.abc.eu-central-1.rds.amazonaws.com' });
  expect(runIn(staging!, 'payments').parts[0]?.env).toMatchObject({ PGHOST: 'payments-rw.payments', PGSSLMODE: 'prefer' });
  expect(sourceIn(dev!, 'orders').runs.map(({ tier, storages }) => [tier, storages.map(({ name }) => name)])).toEqual([['daily', ['local']]]);
});

function pathsIn(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsIn(inner, [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: readonly string[], junk: unknown): unknown {
  if (key === undefined) return junk;
  const inner = (value as Record<string, unknown>)[key];
  if (Array.isArray(value)) return value.map((item, index) => (String(index) === key ? replaced(inner, rest, junk) : item));
  return { ...(value as object), [key]: replaced(inner, rest, junk) };
}
