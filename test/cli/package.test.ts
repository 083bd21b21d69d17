import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageVersion } from '../../lib/version.ts';
import { backstay } from '../support/fake-world.ts';
import { installPackage, packPackage } from '../support/packed.ts';
import { projectFolder } from '../support/project-folder.ts';

const execute = promisify(execFile);
const IN_MINUTES = { timeout: 120_000 };

describe('the packed package', IN_MINUTES, () => {
  let packed = '';
  beforeAll(async () => {
    packed = await packPackage();
  }, 120_000);
  afterAll(() => rmSync(dirname(packed), { recursive: true, force: true }));

  /** A folder of a user's who has installed it. */
  const installed = () => {
    const project = projectFolder();
    installPackage(packed, project.dir);
    const bin = join(project.dir, 'node_modules/backstay/build/main.js');
    return { ...project, run: (...argv: string[]) => execute(process.execPath, [bin, ...argv], { cwd: project.dir }) };
  };

  test('holds what runs, the scripts, the schemas and the reference, and nothing of ours', () => {
    expect(
      readdirSync(packed)
        .sort()
        .filter((name) => !['LICENSE', 'README.md', 'CHANGELOG.md'].includes(name)),
    ).toEqual(['build', 'docs', 'package.json', 'schema', 'scripts']);
    expect(readdirSync(join(packed, 'build')).sort()).toEqual(['imports', 'lib', 'main.d.ts', 'main.js']);
    expect(statSync(join(packed, 'build/main.js')).mode & 0o111).toBe(0o111);
  });

  test('synth in a folder that has only config/ gives the bytes that the source gives', async () => {
    const project = installed();
    const { stdout } = await project.run('synth');
    expect(stdout).toContain('dist/prod: 1 source, 2 CronJobs, 1 claim, 8 files: new');
    const ofSource = projectFolder();
    await backstay(['synth', ...ofSource.folders]);
    expect(project.read('dist')).toEqual(ofSource.read('dist'));
  });

  test('its other commands work there too', async () => {
    const project = installed();
    expect((await project.run('--version')).stdout).toBe(`${packageVersion()}\n`);
    expect((await project.run('secrets', 'prod')).stdout).toContain('kubectl create secret generic shop-db');
    expect((await project.run('backup', 'prod/shop')).stdout).toContain('kind: Job');
    await expect(project.run('list', 'prod/shp')).rejects.toMatchObject({ code: 64, stderr: expect.stringContaining("did you mean 'shop'?") });
  });

  test('init in an empty folder, then synth', async () => {
    const project = installed();
    rmSync(join(project.dir, 'config'), { recursive: true });
    await project.run('init');
    const { stdout, stderr } = await project.run('synth');
    expect(stdout).toContain('dist/prod: 1 source');
    expect(stderr).toBe('');
  });

  test('--help answers without loading what synthesizes', async () => {
    const project = installed();
    rmSync(join(project.dir, 'node_modules/cdk8s'));
    rmSync(join(project.dir, 'node_modules/zod'));
    const { stdout } = await project.run('--help');
    expect(stdout).toContain('Usage: backstay');
  });

  test('the library: its face, its types, and nothing else', async () => {
    const project = installed();
    for (const name of ['typescript', '@types']) symlinkSync(resolve('node_modules', name), join(project.dir, 'node_modules', name));
    project.write({ 'package.json': '{ "type": "module" }\n', 'use.ts': USE, 'misuse.ts': MISUSE });
    const flags = ['--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node'];
    const compiled = execute(resolve('node_modules/.bin/tsc'), [...flags, 'use.ts', 'misuse.ts'], { cwd: project.dir });
    await expect(compiled).rejects.toMatchObject({ stdout: expect.stringMatching(/^misuse\.ts.*'hots' does not exist.*\n$/) });
    const { stdout } = await execute(process.execPath, ['use.js'], { cwd: project.dir });
    expect(stdout).toMatchInlineSnapshot(`
      "Backups ConfigError defineValues parseManifest readValues synthesize
      [] PersistentVolumeClaim ConfigMap ConfigMap ConfigMap ConfigMap ServiceAccount NetworkPolicy CronJob NetworkPolicy CronJob
      jobs/kustomization.yaml jobs/shop.yaml keep/claims.yaml keep/kustomization.yaml keep/scripts/lib.yaml keep/scripts/postgres-restore.yaml keep/scripts/postgres.yaml keep/scripts/storage.yaml
      jobs/kustomization.yaml jobs/shop.yaml keep/claims.yaml keep/kustomization.yaml keep/scripts/lib.yaml keep/scripts/postgres-restore.yaml keep/scripts/postgres.yaml keep/scripts/storage.yaml
      sources.shop.folder: expected lowercase letters, digits and dashes, starting and ending with a letter or digit, at most 63, got "Shop"
        HINT: Folder in the storages. Set it to the old name to keep the history of a renamed source.
      the manifest: not JSON, or only half of it
        HINT: the files beside it may still be good: compare them with another copy
      "
    `);
  });
});

const USE = `
import { App, Chart } from 'cdk8s';
import * as face from 'backstay';
const values = face.defineValues({
  namespace: 'backup',
  storages: { local: { pvc: { size: '10Gi' } } },
  plans: { default: { storages: ['local'], tiers: { daily: { schedule: '@daily', keep: { daily: 7 } } } } },
  sources: { shop: { postgres: { host: 'shop-db.shop', database: 'shop', version: 17, credentials: { secret: 'shop-db' } } } },
});
console.log(Object.keys(face).sort().join(' '));
const chart = new Chart(new App(), 'mine');
const { warnings } = new face.Backups(chart, 'backups', { environment: 'dev', values });
console.log(warnings, chart.toJson().map((object: { kind: string }) => object.kind).join(' '));
console.log([...face.synthesize({ environment: 'dev', values }).keys()].join(' '));
console.log([...face.synthesize({ environment: 'prod', values: face.readValues('config', 'prod') }).keys()].join(' '));
const mistaken = { ...values, sources: { shop: { ...values.sources.shop, folder: 'Shop' } } } satisfies face.Values;
for (const wrong of [() => face.synthesize({ environment: 'dev', values: mistaken }), () => face.parseManifest('{')]) {
  try {
    wrong();
  } catch (error) {
    console.log(error instanceof face.ConfigError && error.message);
  }
}
`;
const MISUSE = `
import { defineValues } from 'backstay';
defineValues({ namespace: 'backup', storages: {}, sources: { shop: { postgres: { hots: 'x' } } } });
`;

test('the lock file knows the version that init pins', () => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { version: string };
  expect(lock.version).toBe(packageVersion());
});
