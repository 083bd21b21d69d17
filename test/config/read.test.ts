import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listEnvironments, readEnvironment, readValues } from '../../lib/config/read.ts';
import { configFolder, inWords, treeOf } from '../support/config-folder.ts';

const environmentsOf = (files: Readonly<Record<string, string>>) => {
  const dir = configFolder(files);
  return inWords(dir, () => listEnvironments(dir).join(' '));
};

test('every file beside the base is an environment, even an empty one', () => {
  expect(listEnvironments(configFolder({ 'base.yaml': '', 'prod.yaml': '', 'dev.yaml': 'namespace: x', 'eu-1.yaml': '' }))).toEqual([
    'dev',
    'eu-1',
    'prod',
  ]);
});

test('hidden files, other files and folders are not environments', () => {
  const dir = configFolder({ 'base.yaml': '', 'prod.yaml': '', '.#prod.yaml': '', '.prod.yaml.swp': '', 'README.md': '', 'prod.yaml~': '' });
  mkdirSync(join(dir, 'old.yaml'));
  expect(listEnvironments(dir)).toEqual(['prod']);
});

test('a file may be a link, as in a mounted ConfigMap', () => {
  const dir = configFolder({ 'base.yaml': 'namespace: backup' });
  symlinkSync(join(dir, 'base.yaml'), join(dir, 'prod.yaml'));
  expect(listEnvironments(dir)).toEqual(['prod']);
});

test('rejects a folder with a base only', () => {
  expect(environmentsOf({ 'base.yaml': '' })).toMatchInlineSnapshot(`
    "no environments in config: base.yaml is not one
      HINT: create one: config/prod.yaml, which may be empty"
  `);
});

test('rejects a folder without a base', () => {
  expect(environmentsOf({ 'prod.yaml': '' })).toMatchInlineSnapshot(`
    "base.yaml is missing in config
      HINT: create config/base.yaml with what all environments share, or run backstay init"
  `);
});

test('rejects a folder that does not exist', () => {
  const dir = join(configFolder({}), 'none');
  expect(inWords(dir, () => listEnvironments(dir))).toMatchInlineSnapshot(`
    "folder config does not exist
      HINT: run backstay init to create one, or set --config to another folder"
  `);
});

test('rejects .yml files, which would be ignored', () => {
  expect(environmentsOf({ 'base.yml': '', 'prod.yaml': '' })).toMatchInlineSnapshot(`
    "config/base.yml would be ignored: values files must end in .yaml
      HINT: rename it to base.yaml"
  `);
  expect(environmentsOf({ 'base.yaml': '', 'prod.yaml': '', 'dev.yml': '', 'prod.yml': '' })).toMatchInlineSnapshot(`
    "config/dev.yml would be ignored: values files must end in .yaml
      HINT: rename it to dev.yaml
    config/prod.yml would be ignored: values files must end in .yaml
      HINT: remove it, or prod.yaml"
  `);
});

test('rejects a file whose name is not a valid environment name', () => {
  expect(environmentsOf({ 'base.yaml': '', 'Prod.yaml': '', 'my env.yaml': '' })).toMatchInlineSnapshot(`
    "the name of config/Prod.yaml is not valid for an environment
      HINT: use lowercase letters, digits and dashes, at most 63
    the name of config/my env.yaml is not valid for an environment
      HINT: use lowercase letters, digits and dashes, at most 63"
  `);
});

test('rejects an unknown environment and lists the known ones', () => {
  const dir = configFolder({ 'base.yaml': '', 'prod.yaml': '', 'dev.yaml': '' });
  expect(inWords(dir, () => readValues(dir, 'qa'))).toMatchInlineSnapshot(`
    "unknown environment 'qa' in config
      HINT: known environments: dev, prod"
  `);
  expect(inWords(dir, () => readValues(dir, 'prd'))).toMatchInlineSnapshot(`
    "unknown environment 'prd' in config
      HINT: did you mean 'prod'?"
  `);
});

test('an environment is looked up by name and never used as a path', () => {
  const dir = configFolder({ 'base.yaml': '', 'prod.yaml': '' });
  for (const name of ['../prod', './prod', 'base', 'prod.yaml', '', '__proto__']) {
    expect(inWords(dir, () => readValues(dir, name))).toContain(`unknown environment '${name}'`);
  }
});

test('an empty environment has the values of the base', () => {
  expect(treeOf('namespace: backup', '')).toEqual({ namespace: 'backup' });
  expect(treeOf('namespace: backup', '# nothing changes here\n')).toEqual({ namespace: 'backup' });
  expect(treeOf('namespace: backup', '---\n')).toEqual({ namespace: 'backup' });
});

test('an environment is merged over the base', () => {
  expect(treeOf('namespace: backup\nstorages: { a: { pvc: { size: 1Gi } } }', 'storages: { a: null, b: { pvc: { claim: x } } }')).toEqual({
    namespace: 'backup',
    storages: { b: { pvc: { claim: 'x' } } },
  });
});

test('accepts every kind of line ending, and a byte order mark', () => {
  const dir = configFolder({ 'base.yaml': '\uFEFFnamespace: backup\r\nproduction: true\r\n', 'prod.yaml': '' });
  const { tree, place } = readValues(dir, 'prod');
  expect(tree).toEqual({ namespace: 'backup', production: true });
  expect(place(['production'])?.line).toBe(2);
});

test('rejects a file that is not UTF-8', () => {
  const dir = configFolder({ 'base.yaml': new Uint8Array([0x6e, 0x3a, 0x20, 0xff, 0xfe]), 'prod.yaml': '' });
  expect(inWords(dir, () => readValues(dir, 'prod'))).toMatchInlineSnapshot(`
    "the file is not UTF-8 text
      at config/base.yaml:1
      HINT: save it as UTF-8"
  `);
});

test('reports the errors of both files at once, each with its file and line', () => {
  const dir = configFolder({ 'base.yaml': 'namespace: backup\nproduction: maybe\n', 'prod.yaml': '# prod\n\ncreateNamespace: 5\n' });
  expect(inWords(dir, () => readValues(dir, 'prod'))).toMatchInlineSnapshot(`
    "production: expected true or false, got "maybe"
      at config/base.yaml:2
      HINT: Whether this is a production environment, for which some checks are stricter.
    createNamespace: expected true or false, got 5
      at config/prod.yaml:3
      HINT: Creates the namespaces, with labels that enforce Pod Security "restricted"."
  `);
});

test('reports both files if neither is YAML', () => {
  const dir = configFolder({ 'base.yaml': 'a: [1, 2\nb: 3\n', 'prod.yaml': 'a:\n\t- 1\n' });
  expect(inWords(dir, () => readValues(dir, 'prod'))).toMatchInlineSnapshot(`
    "invalid YAML: deficient indentation
      at config/base.yaml:2
      HINT: close the quote, bracket or brace that is opened before this
    invalid YAML: tab characters must not be used in indentation
      at config/prod.yaml:2
      HINT: indent with spaces"
  `);
});

test('five thousand sources with five thousand errors are checked in linear time', () => {
  const names = Array.from({ length: 5000 }, (_, index) => `s${index}`);
  const base = `namespace: backup\nsources:\n${names.map((name) => `  ${name}: { postgres: { host: db, database: ${name}, tls: { mode: prefer } } }`).join('\n')}\n`;
  const right = names.map((name) => `  ${name}: { postgres: { port: 5433 } }`).join('\n');
  const dir = configFolder({ 'base.yaml': base, 'prod.yaml': `sources:\n${right}\n`, 'bad.yaml': `sources:\n${right.replaceAll('port', 'prt')}\n` });
  const started = performance.now();
  const { place } = readValues(dir, 'prod');
  expect(names.map((name) => place(['sources', name, 'postgres', 'port'])?.line)).toEqual(names.map((_, index) => index + 2));
  expect(readEnvironment(dir, 'bad').errors).toHaveLength(5000);
  expect(performance.now() - started).toBeLessThan(15_000); // 1 s alone on two cores; with a look at every error for every error it was 50 s
}, 30_000);
