import { describe, expect, test } from 'vitest';
import { packageVersion } from '../../lib/version.ts';
import { backstay } from '../support/fake-world.ts';
import { projectFolder } from '../support/project-folder.ts';

const VERSION = packageVersion();

describe('init', () => {
  test('writes a first configuration, and a package.json that pins this version', async () => {
    const project = projectFolder({});
    const { status, stdout } = await backstay(['init', '--dir', project.dir]);
    expect(project.plain(stdout)).toMatchInlineSnapshot(`
      "wrote .gitattributes
      wrote .gitignore
      wrote config/base.yaml
      wrote config/prod.yaml
      wrote package.json

      Next:
        cd .
        npm install                      # this version of backstay, until you upgrade
        $EDITOR config/base.yaml         # set your storage and your database
        npx backstay synth               # writes dist/prod: review and commit it
        npx backstay secrets prod        # lists the Secrets it needs"
    `);
    expect(status).toBe(0);
    const files = project.read();
    expect(Object.keys(files)).toEqual(['.gitattributes', '.gitignore', 'config/base.yaml', 'config/prod.yaml', 'package.json']);
    expect(JSON.parse(files['package.json'] ?? '')).toEqual({
      private: true,
      scripts: { synth: 'backstay synth' },
      devDependencies: { backstay: VERSION },
    });
  });

  test('writes values that synthesize without a warning', async () => {
    const project = projectFolder({});
    await backstay(['init', '--dir', project.dir]);
    const { status, stderr } = await backstay(['synth', ...project.folders]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('writes values that can be restored once the role for it is uncommented', async () => {
    const project = projectFolder({});
    await backstay(['init', '--dir', project.dir]);
    const restore = () => backstay(['restore', 'prod/shop', ...project.config]);
    expect((await restore()).stderr).toContain('a restore needs a role that may create databases');
    project.write({ 'config/base.yaml': (project.read()['config/base.yaml'] ?? '').replace('# admin:', 'admin:') });
    const { status, stderr } = await restore();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('names the schema on the first line of the values, for editors', async () => {
    const project = projectFolder({});
    await backstay(['init', '--dir', project.dir]);
    const files = project.read();
    for (const [path, schema] of [
      ['config/base.yaml', 'base'],
      ['config/prod.yaml', 'overlay'],
    ] as const) {
      expect(files[path]?.split('\n')[0]).toBe(`# yaml-language-server: $schema=../node_modules/backstay/schema/${schema}.schema.json`);
    }
  });

  test('adds itself to an existing package.json, keeps its indentation, and leaves .gitignore alone', async () => {
    const given = '{\n\t"name": "ours",\n\t"devDependencies": {\n\t\t"zod": "4.0.0"\n\t}\n}\n';
    const project = projectFolder({ 'package.json': given, '.gitignore': 'secret\n' });
    const { stdout } = await backstay(['init', '--dir', project.dir]);
    expect(project.plain(stdout)).toContain(`added backstay ${VERSION} to package.json`);
    expect(project.read()['package.json']).toBe(given.replace('"4.0.0"', `"4.0.0",\n\t\t"backstay": "${VERSION}"`));
    expect(project.read()['.gitignore']).toBe('secret\n');
  });

  test('leaves .gitattributes alone, and prints the line that folds scripts away', async () => {
    const project = projectFolder({ '.gitattributes': '*.sql text\n' });
    const { stdout } = await backstay(['init', '--dir', project.dir]);
    expect(project.read()['.gitattributes']).toBe('*.sql text\n');
    expect(stdout).toContain('add: dist/*/keep/scripts/** linguist-generated gitlab-generated\n');
  });

  test('a .gitattributes that folds scripts away already needs no word', async () => {
    const project = projectFolder({ '.gitattributes': 'dist/*/keep/scripts/** linguist-generated gitlab-generated\n' });
    const { stdout } = await backstay(['init', '--dir', project.dir]);
    expect(stdout).not.toContain('.gitattributes');
  });

  test('leaves an already pinned version alone', async () => {
    const given = '{ "devDependencies": { "backstay": "0.0.1" } }\n';
    const project = projectFolder({ 'package.json': given });
    const { stdout } = await backstay(['init', '--dir', project.dir]);
    expect(project.plain(stdout)).toContain('package.json already pins backstay 0.0.1: unchanged');
    expect(project.read()['package.json']).toBe(given);
  });

  test.each([
    ['existing values', { 'config/base.yaml': 'namespace: mine\n' }, 'already exists: config/base.yaml', '; choose another folder with --dir'],
    ['a broken package.json', { 'package.json': '{ "name": ' }, 'package.json is not valid JSON', '; fix it, or choose another folder with --dir'],
    ['a package.json that is a list', { 'package.json': '[]' }, 'package.json is not valid JSON', '; fix it, or choose another folder with --dir'],
  ])('%s: refuses, and writes nothing', async (_, files, message, hint) => {
    const project = projectFolder(files);
    const { status, stdout, stderr } = await backstay(['init', '--dir', project.dir]);
    expect(project.plain(stderr)).toBe(`error: ${message}\n  HINT: nothing was written${hint}`);
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
    expect(project.read()).toEqual(files);
  });
});
