import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { backstay } from '../support/fake-world.ts';
import type { Pod } from '../support/objects.ts';
import { projectFolder, VALUES } from '../support/project-folder.ts';

const ADMIN = 'sources: { shop: { postgres: { admin: { credentials: { secret: shop-admin } } } } }\n';
const COPY = 'restores: { copy: { source: shop } }\n';
const TWO = 'restores: { copy: { source: shop }, back: { source: shop, inPlace: { confirm: prod/shop } } }\n';

const project = (restores: string, more: Readonly<Record<string, string>> = {}) =>
  projectFolder({ 'config/base.yaml': VALUES, 'config/prod.yaml': `${ADMIN}${restores}`, ...more });
const synth = async (of: ReturnType<typeof projectFolder>, ...argv: string[]) => {
  const { status, stdout, stderr } = await backstay(['synth', ...argv, ...of.folders]);
  return { status, stdout: of.plain(stdout), stderr: of.plain(stderr) };
};

describe('synth and restores', () => {
  test('each restore is a separate file, in no kustomization, and changes no other file', async () => {
    const of = project(TWO);
    const { status, stdout } = await synth(of);
    expect(status).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "dist/prod: 1 source, 2 CronJobs, 1 claim, 8 files: new
        kubectl apply -k dist/prod/keep && kubectl apply -k dist/prod/jobs
      dist/restores/prod: 2 restores: new
        kubectl apply -f dist/restores/prod/copy.yaml   # runs it, once
        kubectl apply -f dist/restores/prod/back.yaml   # runs it, once"
    `);
    const dist = of.read('dist');
    expect(Object.keys(dist).filter((path) => path.startsWith('dist/restores/'))).toEqual([
      'dist/restores/prod/back.yaml',
      'dist/restores/prod/copy.yaml',
    ]);
    expect(loadAll(dist['dist/restores/prod/back.yaml'] ?? '').at(-1)).toMatchObject({ kind: 'Job' });
    for (const [path, text] of Object.entries(dist))
      if (path.endsWith('/kustomization.yaml')) expect(text).not.toMatch(/restores|back\.yaml|copy\.yaml/);
    const without = project('');
    await synth(without);
    expect(Object.entries(dist).filter(([path]) => path.startsWith('dist/prod/'))).toEqual(Object.entries(without.read('dist')));
  });

  test('accepts a restore of the backups of another environment', async () => {
    const of = project('', { 'config/staging.yaml': `${ADMIN}restores: { copy: { source: shop, backupsOf: prod/shop, from: offsite } }\n` });
    expect(await synth(of)).toMatchObject({ status: 0, stderr: '' });
    const job = loadAll(of.read('dist')['dist/restores/staging/copy.yaml'] ?? '').at(-1);
    expect(JSON.stringify(job)).toContain('"value":"S1:acme-backups/prod"');
  });

  /** The steps of the restore `copy` of staging, which reads production's backups. */
  const stepsOf = (of: ReturnType<typeof project>) => {
    const job = loadAll(of.read('dist')['dist/restores/staging/copy.yaml'] ?? '').at(-1) as { spec: { template: { spec: Pod } } };
    const { initContainers = [], containers } = job.spec.template.spec;
    return [...initContainers, ...containers].filter(({ name }) => ['fetch', 'record'].includes(name));
  };

  test("writes the marker to its own storage if the other environment's has the same bucket behind another endpoint", async () => {
    const copy = 'restores: { copy: { source: shop, backupsOf: prod/shop, from: offsite } }\n';
    const staging = `storages: { offsite: { s3: { endpoint: https://s3.staging.acme.dev, prefix: prod } } }\n`;
    const of = project('', { 'config/staging.yaml': `${ADMIN}${staging}${copy}` });
    const { stderr } = await synth(of, 'staging');
    // The same prefix on purpose: synth compares endpoints too, and lets it pass.
    expect(stderr).toBe('');
    for (const { env } of stepsOf(of)) {
      const told = Object.fromEntries(env.map(({ name, value }) => [name, value]));
      const marked = String(told.MARKER_STORAGES).split(' ');
      expect(marked.map((number) => told[`RCLONE_CONFIG_S${number}_ENDPOINT`])).toContain('https://s3.staging.acme.dev');
    }
  });

  test('mounts a claim that both environments use once', async () => {
    const copy = 'restores: { copy: { source: shop, backupsOf: prod/shop, from: local } }\n';
    const of = project('', { 'config/staging.yaml': `${ADMIN}${copy}` });
    await synth(of);
    const steps = stepsOf(of);
    expect(steps).toHaveLength(2);
    for (const { volumeMounts } of steps) expect(volumeMounts.filter(({ mountPath }) => mountPath === '/storage/local')).toHaveLength(1);
  });

  test('rejects two claims at one path', async () => {
    const copy = 'restores: { copy: { source: shop, backupsOf: prod/shop, from: local } }\n';
    const of = project('', { 'config/staging.yaml': `${ADMIN}storages: { local: { pvc: { claim: other } } }\n${copy}` });
    expect((await synth(of)).stderr).toContain("storage 'local' is another claim there than in 'staging', and a pod cannot mount both");
  });

  test('reports errors of the other environment as its own, with their place', async () => {
    const copy = 'restores: { copy: { source: shop, backupsOf: prod/shop, from: offsite } }\n';
    const of = project('', { 'config/prod.yaml': 'bogus: 1\n', 'config/staging.yaml': `${ADMIN}${copy}` });
    const { stderr } = await synth(of, 'staging');
    expect(stderr).toContain("environment 'prod' has errors: bogus: unknown key at config/prod.yaml:1");
  });

  test('without restores there is no folder and no output', async () => {
    const of = project('');
    expect((await synth(of)).stdout).not.toContain('restore');
    expect(existsSync(join(of.dir, 'dist/restores'))).toBe(false);
  });

  test('a second run changes nothing and says so, and --check agrees', async () => {
    const of = project(COPY);
    await synth(of);
    const before = of.read('dist');
    const { stdout } = await synth(of);
    expect(stdout).toContain('dist/restores/prod: 1 restore: unchanged');
    expect(stdout).not.toContain('kubectl apply -f dist/restores');
    expect(of.read('dist')).toEqual(before);
    expect(await synth(of, '--check')).toMatchObject({ status: 0, stdout: 'up to date' });
  });

  test('a restore that is removed from the values is removed from dist/, even the last one', async () => {
    const of = project(TWO);
    await synth(of);
    of.write({ 'config/prod.yaml': `${ADMIN}${COPY}` });
    await synth(of);
    expect(Object.keys(of.read('dist/restores'))).toEqual(['dist/restores/prod/copy.yaml']);
    of.write({ 'config/prod.yaml': ADMIN });
    expect((await synth(of)).stdout).toContain('dist/restores/prod: removed: no restores are left');
    expect(Object.keys(of.read('dist')).filter((path) => path.startsWith('dist/restores/'))).toEqual([]);
    expect((await synth(of)).stdout).not.toContain('restore');
  });

  test('--check reports stale, missing and extra files, and writes nothing', async () => {
    const of = project(TWO);
    await synth(of);
    const text = of.read('dist')['dist/restores/prod/copy.yaml'] ?? '';
    of.remove('dist/restores/prod/back.yaml');
    of.write({ 'dist/restores/prod/copy.yaml': `${text}# by hand\n`, 'dist/restores/prod/gone.yaml': text });
    const before = of.read('dist');
    const { status, stdout } = await synth(of, '--check');
    expect(stdout.split('\n').slice(0, -1).sort()).toEqual([
      'extra dist/restores/prod/gone.yaml',
      'missing dist/restores/prod/back.yaml',
      'stale dist/restores/prod/copy.yaml',
    ]);
    expect(status).toBe(1);
    expect(of.read('dist')).toEqual(before);
  });

  test('a foreign file among them is not overwritten, and nothing else is written', async () => {
    const of = project(COPY, { 'dist/restores/prod/notes.yaml': 'mine: true\n' });
    const { status, stderr } = await synth(of);
    expect(stderr).toContain('error: dist/restores/prod contains files that backstay did not write: notes.yaml');
    expect(status).toBe(64);
    expect(Object.keys(of.read('dist'))).toEqual(['dist/restores/prod/notes.yaml']);
  });

  test('restores of another environment stay', async () => {
    const of = project(COPY, { 'config/staging.yaml': `${ADMIN}restores: { other: { source: shop } }\n` });
    await synth(of);
    const before = of.read('dist/restores');
    expect(Object.keys(before)).toEqual(['dist/restores/prod/copy.yaml', 'dist/restores/staging/other.yaml']);
    of.write({ 'config/prod.yaml': `${ADMIN}${TWO}` });
    await synth(of, 'prod');
    expect(of.read('dist/restores')['dist/restores/staging/other.yaml']).toBe(before['dist/restores/staging/other.yaml']);
  });

  test('restores of an environment that is gone from config/ are left and reported, by --check too', async () => {
    const of = project(COPY, { 'config/old.yaml': `${ADMIN}${TWO.replaceAll('prod/', 'old/')}`, 'dist/restores/notes/mine.yaml': 'mine: true\n' });
    await synth(of);
    of.remove('config/old.yaml');
    of.remove('dist/old');
    const before = of.read('dist');
    const { status, stdout } = await synth(of);
    const said =
      'dist/restores/old: unchanged, but config no longer has this environment. Make sure that neither Argo CD nor Flux uses it, then remove the folder';
    expect(stdout.split('\n').slice(-1)).toEqual([said]);
    expect(status).toBe(0);
    expect(of.read('dist')).toEqual(before);
    expect(await synth(of, '--check')).toMatchObject({ status: 0, stdout: `up to date\n${said}` });
  });

  test('an error in a restore leaves all of dist/ unchanged', async () => {
    const of = project(COPY);
    await synth(of);
    const before = of.read('dist');
    of.write({ 'config/prod.yaml': `${ADMIN}restores: { copy: { source: shop, from: nowhere } }\n` });
    const { status, stderr } = await synth(of);
    expect(stderr).toContain("restores.copy.from: no tier of source 'shop' uses storage 'nowhere'");
    expect(status).toBe(64);
    expect(of.read('dist')).toEqual(before);
  });

  test('refuses an environment called restores, whose folder is taken', async () => {
    const { status, stderr } = await synth(projectFolder({ 'config/base.yaml': VALUES, 'config/restores.yaml': '' }));
    expect(stderr).toContain('cannot be an environment: dist/restores/ is reserved for restores');
    expect(stderr).toContain('HINT: ');
    expect(status).toBe(64);
  });
});
