import { expect, test } from 'vitest';
import { mergeTrees, overlay } from '../../lib/config/merge.ts';
import { parseYaml } from '../../lib/config/yaml.ts';

const s3 = { s3: { bucket: 'acme', credentials: { secret: 'key' } } };

test.each([
  ['a key that is only in the base stays', { a: 1 }, {}, { a: 1 }],
  ['a key that is only in the overlay is added', { a: 1 }, { b: { c: 2 } }, { a: 1, b: { c: 2 } }],
  ['a single value is replaced', { a: 1 }, { a: 2 }, { a: 2 }],
  ['false and empty text replace like any other value', { a: true, b: 'x' }, { a: false, b: '' }, { a: false, b: '' }],
  ['objects merge', { a: { b: 1, c: 1 } }, { a: { c: 2 } }, { a: { b: 1, c: 2 } }],
  ['an empty object changes nothing', { a: { b: 1 } }, { a: {} }, { a: { b: 1 } }],
  ['a list is replaced, not joined', { a: [1, 2] }, { a: [3] }, { a: [3] }],
  ['an object replaces a single value', { network: 'external' }, { network: { port: 1 } }, { network: { port: 1 } }],
  ['null removes', { a: { b: 1, c: 2 } }, { a: { b: null } }, { a: { c: 2 } }],
  ['null for a missing key is not an error', { a: 1 }, { b: null }, { a: 1 }],
  ['null in something new leaves nothing behind', {}, { a: { b: null, c: 1 } }, { a: { c: 1 } }],
  ['null in an object of a new list leaves nothing behind', {}, { a: [{ b: null, c: 1 }] }, { a: [{ c: 1 }] }],
  ['a keep is replaced whole', { keep: { daily: 7, weekly: 4 } }, { keep: { last: 2 } }, { keep: { last: 2 } }],
  [
    'a keep deep inside is replaced whole',
    { t: { d: { keep: { daily: 7 } } } },
    { t: { d: { keep: { last: 2 } } } },
    { t: { d: { keep: { last: 2 } } } },
  ],
  [
    'another kind of storage replaces it whole',
    { storages: { a: { pvc: { size: '1Gi' }, namespace: 'x' } } },
    { storages: { a: s3 } },
    { storages: { a: s3 } },
  ],
  [
    'the same kind of storage merges',
    { storages: { a: { pvc: { size: '1Gi', claim: 'x' } } } },
    { storages: { a: { pvc: { size: '2Gi' } } } },
    { storages: { a: { pvc: { size: '2Gi', claim: 'x' } } } },
  ],
  [
    'a kind that is removed by name makes room for another one',
    { storages: { a: { pvc: { size: '1Gi' } } } },
    { storages: { a: { pvc: null, ...s3 } } },
    { storages: { a: s3 } },
  ],
  [
    'null for a kind that is not there leaves the other one as it is',
    { storages: { a: { pvc: { size: '1Gi', claim: 'x' } } } },
    { storages: { a: { s3: null, pvc: { size: '2Gi' } } } },
    { storages: { a: { pvc: { size: '2Gi', claim: 'x' } } } },
  ],
  [
    'workload identity over a secret replaces the credentials whole',
    { credentials: { secret: 'key', keys: { accessKeyId: 'id' } } },
    { credentials: { workloadIdentity: { roleArn: 'arn' } } },
    { credentials: { workloadIdentity: { roleArn: 'arn' } } },
  ],
  [
    'a secret over workload identity replaces the credentials whole',
    { credentials: { workloadIdentity: { roleArn: 'arn' } } },
    { credentials: { secret: 'key' } },
    { credentials: { secret: 'key' } },
  ],
  [
    'another secret merges with what is said of its keys',
    { credentials: { secret: 'key', keys: { password: 'pw' } } },
    { credentials: { secret: 'other' } },
    { credentials: { secret: 'other', keys: { password: 'pw' } } },
  ],
  ['a ca in a Secret replaces one in a ConfigMap', { ca: { configMap: 'a', key: 'k' } }, { ca: { secret: 'b' } }, { ca: { secret: 'b' } }],
  [
    'databases take the place of database',
    { postgres: { database: 'a', port: 1 } },
    { postgres: { databases: ['b'] } },
    { postgres: { databases: ['b'], port: 1 } },
  ],
  ['database takes the place of databases', { postgres: { databases: ['b'] } }, { postgres: { database: 'a' } }, { postgres: { database: 'a' } }],
  [
    'both at once stay, to be refused',
    { postgres: { database: 'a' } },
    { postgres: { database: 'c', databases: ['b'] } },
    { postgres: { database: 'c', databases: ['b'] } },
  ],
  ['a node takes the place of nextTo', { volume: { nextTo: { app: 'x' } } }, { volume: { node: 'n1' } }, { volume: { node: 'n1' } }],
  [
    'a kind beside another one in a source is a second part',
    { sources: { a: { postgres: {} } } },
    { sources: { a: { volume: {} } } },
    { sources: { a: { postgres: {}, volume: {} } } },
  ],
  [
    'names of things that every object has are names',
    { constructor: { a: 1 } },
    { constructor: { b: 2 }, toString: { c: 3 } },
    { constructor: { a: 1, b: 2 }, toString: { c: 3 } },
  ],
])('%s', (_, base, over, merged) => {
  expect(mergeTrees(base, over)).toEqual(merged);
});

test('keys keep the order of the base, and new ones come last: the output changes only where the values do', () => {
  expect(Object.keys(mergeTrees({ b: 1, a: 2, c: 3 }, { d: 4, a: 5 }))).toEqual(['b', 'a', 'c', 'd']);
});

test('neither file is changed by the merge', () => {
  const base = Object.freeze({ a: Object.freeze({ b: 1 }), keep: Object.freeze({ last: 1 }) });
  const over = Object.freeze({ a: Object.freeze({ b: null, c: Object.freeze({ d: null }) }) });
  expect(mergeTrees(base, over)).toEqual({ a: { c: {} }, keep: { last: 1 } });
});

test('a key named __proto__ gives no object a new prototype', () => {
  const merged = mergeTrees({ a: {} }, JSON.parse('{ "__proto__": { "polluted": true }, "a": { "__proto__": { "polluted": true } } }'));
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
  expect(Object.getPrototypeOf(merged.a)).toBe(Object.prototype);
});

const BASE = `namespace: backup
storages:
  local:
    pvc: { size: 10Gi }
  offsite:
    s3:
      bucket: acme
      credentials: { secret: key }
sources:
  shop:
    postgres:
      host: db
      databases: [a, b]
    pod:
      labels:
        app.kubernetes.io/name: shop
`;

const OVER = `sources:
  shop:
    postgres:
      port: 5433
      databases:
        - c
        - d
  wiki: { volume: { claim: data } }
storages:
  local: null
  offsite: { pvc: { size: 5Gi } }
`;

test.each<[string, (string | number)[], string]>([
  ['the root is where the base begins', [], 'base:1'],
  ['a value of the base', ['namespace'], 'base:1'],
  ['a value deep in the base', ['sources', 'shop', 'postgres', 'host'], 'base:12'],
  ['a key with dots and a slash', ['sources', 'shop', 'pod', 'labels', 'app.kubernetes.io/name'], 'base:16'],
  ['an object that both write is where the base writes it', ['sources', 'shop', 'postgres'], 'base:11'],
  ['a value that the overlay adds', ['sources', 'shop', 'postgres', 'port'], 'over:4'],
  ['a list that the overlay replaces', ['sources', 'shop', 'postgres', 'databases'], 'over:5'],
  ['an item of it', ['sources', 'shop', 'postgres', 'databases', 1], 'over:7'],
  ['something that only the overlay has', ['sources', 'wiki', 'volume', 'claim'], 'over:8'],
  ['a storage of another kind is where the overlay writes it', ['storages', 'offsite'], 'over:11'],
  ['and nothing of the old kind is left', ['storages', 'offsite', 's3', 'bucket'], 'over:11'],
  ['what is missing is where the nearest thing around it is', ['sources', 'shop', 'postgres', 'tls', 'mode'], 'base:11'],
  ['what was removed is the line that removed it', ['storages', 'local', 'pvc'], 'over:10'],
])('place: %s', (_, path, where) => {
  const { place } = overlay(parseYaml(BASE, 'base').written!, parseYaml(OVER, 'over').written!);
  const found = place(path);
  expect(`${found?.file}:${found?.line}`).toBe(where);
});

test('place: a key that was dropped for another one has the place of the value around it', () => {
  const base = parseYaml('postgres:\n  host: db\n  database: a\n', 'base').written!;
  const { place } = overlay(base, parseYaml('postgres: { databases: [b] }', 'over').written!);
  expect(place(['postgres', 'database'])).toEqual({ file: 'base', line: 1 });
});

test('values that come from no file have no place', () => {
  expect(overlay({ tree: { a: 1 } }, { tree: { b: 2 } }).place(['a'])).toBeUndefined();
});
