import { expect, test } from 'vitest';
import { defineValues, readingOf, type SourceValues, type StorageValues, type Values } from '../../lib/config/define.ts';
import { readValues } from '../../lib/config/read.ts';
import { loadEnvironment, loadValues } from '../../lib/model/load.ts';
import { configFolder, inWords } from '../support/config-folder.ts';

const local: StorageValues = { pvc: { size: '10Gi' } };
const shop: SourceValues = { postgres: { host: 'shop-db.shop', database: 'shop', credentials: { secret: 'shop-db' } } };
const first = defineValues({
  namespace: 'backup',
  storages: { local },
  defaults: { postgres: { version: 17, tls: undefined } },
  plans: { default: { storages: ['local'], tiers: { daily: { schedule: '@daily', keep: { daily: 7, for: '7d' } } } } },
  sources: { shop },
});

test('values of a program give the same model as the same values in a file', () => {
  const dir = configFolder({ 'base.yaml': JSON.stringify(first), 'prod.yaml': '' });
  const { values, errors } = readingOf('prod', first);
  const bare = (model: object) => JSON.stringify({ ...model, warnings: [] }); // a warning names the file
  expect(bare(loadValues(values, errors).model)).toBe(bare(loadEnvironment(dir, 'prod').model));
});

test('values that were read are returned unchanged', () => {
  const read = readValues(configFolder({ 'base.yaml': JSON.stringify(first), 'prod.yaml': '' }), 'prod');
  expect(readingOf('prod', read).values).toBe(read);
});

test('a key that is undefined counts as not written', () => {
  const { values } = readingOf('prod', { ...first, sources: { shop: { volume: undefined } } });
  expect(values.tree.sources).toEqual({ shop: {} });
});

test('rejects environment names that are not valid folder names', () => {
  expect(inWords('', () => readingOf('../prod', first))).toMatchInlineSnapshot(`
    "environment: '../prod' is not a valid environment name
      HINT: use lowercase letters, digits and dashes, at most 63"
  `);
});

test('defineValues reports errors that types cannot express, with their paths', () => {
  const values: Values = { namespace: 'My Backup', storages: { local: { pvc: { size: '10G' } } }, sources: {} };
  expect(inWords('', () => defineValues(values))).toMatchInlineSnapshot(`
    "namespace: expected lowercase letters, digits and dashes, starting and ending with a letter or digit, at most 63, got "My Backup"
      HINT: Namespace that pods run in.
    storages.local.pvc.size: expected a size such as 512Mi or 20Gi, got "10G"
      HINT: write 10Gi"
  `);
});

test('the types reject what the schema rejects', () => {
  const rest = { namespace: 'backup', storages: {}, sources: {} };
  // @ts-expect-error - no such version
  expect(() => defineValues({ ...rest, sources: { shop: { postgres: { version: 13 } } } })).toThrow('expected a major version');
  // @ts-expect-error - a typing mistake
  expect(() => defineValues({ ...rest, sourcse: {} })).toThrow("did you mean 'sources'?");
  // @ts-expect-error - not built yet
  expect(() => defineValues({ ...rest, encryption: {} })).toThrow('not built yet');
  // @ts-expect-error - not built yet
  expect(() => defineValues({ ...rest, storages: { cold: { azure: {} } } })).toThrow('not built yet');
  // @ts-expect-error - without sources there is nothing to back up
  expect(defineValues({ namespace: 'backup', storages: {} })).toEqual({ namespace: 'backup', storages: {} });
});
