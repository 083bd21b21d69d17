import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadAll } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { diagnoseBase, diagnoseOverlay } from '../../lib/config/written.ts';
import { parseYaml } from '../../lib/config/yaml.ts';
import { type Block, blocksIn, markdownFiles } from '../support/documents.ts';
import { errors } from '../support/load.ts';

const files = markdownFiles();
const blocks = files.flatMap(blocksIn);
const values = blocks.filter(({ text }) => text.startsWith('# config/'));

describe('values in the documents', () => {
  test('are found', () => {
    expect(values.length).toBeGreaterThan(10);
    expect(files.length).toBeGreaterThan(20);
    for (const kind of ['yaml', 'json']) expect(blocks.map(({ language }) => language)).toContain(kind);
  });

  test.each(values.map((block) => [block.where, block] as const))('are valid at %s', (_, block) => {
    expect(diagnosticsIn(block)).toEqual([]);
  });
});

/** `# config/base.yaml` is a complete file, `# config/base.yaml, a part` a part of one, and any other name the file of an environment. */
function diagnosticsIn({ text }: Block): readonly string[] {
  const name = /^# config\/(\S+?)(, a part)?$/m.exec(text);
  if (name?.[1] === 'base.yaml' && !name[2]) return [errors(text)].filter((message) => message !== '');
  const { written, diagnostics } = parseYaml(text, 'block');
  if (!written) return diagnostics.map(({ message }) => message);
  const found = name?.[1] === 'base.yaml' ? diagnoseBase(written) : diagnoseOverlay(written);
  return found.diagnostics.map(({ path, message }) => `${path}: ${message}`);
}

test.each(blocks.filter(({ language }) => language === 'yaml').map(({ where, text }) => [where, text]))('%s is YAML', (_, text) => {
  expect(loadAll(text).length).toBeGreaterThan(0);
});

test.each(blocks.filter(({ language }) => language === 'json').map(({ where, text }) => [where, text]))('%s is JSON', (_, text) => {
  expect(() => JSON.parse(text)).not.toThrow();
});

test.each(files)('%s has no broken links', (file) => {
  const links = [...readFileSync(file, 'utf8').matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)].map(([, link]) => link ?? '');
  const broken = links.filter((link) => !/^[a-z]+:/.test(link) && !existsSync(join(dirname(file), link)));
  expect(broken).toEqual([]);
});

test.each(files)('%s names existing npm scripts', (file) => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly scripts: Readonly<Record<string, string>> };
  const named = [...readFileSync(file, 'utf8').matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name]) => name ?? '');
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

test.each(files)('%s names existing files of the project', (file) => {
  const named = [...readFileSync(file, 'utf8').matchAll(/`((?:lib|scripts|test|docs|examples)\/[\w./-]+\.(?:ts|sh|md|sql|json|yaml))`/g)].map(
    ([, path]) => path ?? '',
  );
  expect(named.filter((path) => !existsSync(path) && !existsSync(join(dirname(file), path)))).toEqual([]);
});
