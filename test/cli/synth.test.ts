import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { disk } from '../../lib/cli/disk.ts';
import type { Disk } from '../../lib/cli/world.ts';
import { packageVersion } from '../../lib/version.ts';
import { backstay } from '../support/fake-world.ts';
import { projectFolder, VALUES } from '../support/project-folder.ts';

const FILES = ['jobs/kustomization.yaml', 'jobs/shop.yaml', 'keep/claims.yaml', 'keep/kustomization.yaml', 'keep/scripts.yaml'];
const ORDERS = `  orders:
    postgres: { host: shop-db.shop, database: orders, version: 17, credentials: { secret: shop-db } }
`;

describe('synth', () => {
  test('writes a folder for each environment, and says how to apply a new one', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/dev.yaml': '', 'config/prod.yaml': '' });
    const { status, stdout } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stdout)).toMatchInlineSnapshot(`
      "dist/dev: 1 source, 2 CronJobs, 1 claim, 5 files: new
        kubectl apply -k dist/dev/keep && kubectl apply -k dist/dev/jobs
      dist/prod: 1 source, 2 CronJobs, 1 claim, 5 files: new
        kubectl apply -k dist/prod/keep && kubectl apply -k dist/prod/jobs"
    `);
    expect(status).toBe(0);
    expect(Object.keys(project.read('dist'))).toEqual(['dev', 'prod'].flatMap((name) => FILES.map((file) => `dist/${name}/${file}`)));
  });

  test('writes only the environments that are named', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/dev.yaml': '', 'config/prod.yaml': '' });
    await backstay(['synth', 'dev', ...project.folders]);
    expect(Object.keys(project.read('dist'))).toEqual(FILES.map((file) => `dist/dev/${file}`));
  });

  test('the same values give the same bytes, and touch nothing the second time', async () => {
    const project = projectFolder();
    await backstay(['synth', ...project.folders]);
    const before = project.read();
    const { ino } = statSync(join(project.dir, 'dist/prod'));
    const { stdout } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stdout)).toBe('dist/prod: 1 source, 2 CronJobs, 1 claim, 5 files: unchanged');
    expect(project.read()).toEqual(before);
    expect(statSync(join(project.dir, 'dist/prod')).ino).toBe(ino);
  });

  test('each warning is said once, with the environments that it is about', async () => {
    const values = VALUES.replace('region: eu-west-1', 'endpoint: http://minio.minio:9000');
    const project = projectFolder({ 'config/base.yaml': values, 'config/dev.yaml': '', 'config/prod.yaml': '' });
    const { stderr } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stderr)).toMatchInlineSnapshot(`
      "warning: dev, prod: storages.offsite.s3.endpoint: backups cross the network unencrypted
        at config/base.yaml:4
        HINT: use https"
    `);
  });

  test("cdk8s' own command line finds a copy where it looks for one", async () => {
    const project = projectFolder();
    await backstay(['synth', ...project.folders], { changes: { cdk8sOutdir: join(project.dir, 'build/synth') } });
    const strip = (below: string) => Object.fromEntries(Object.entries(project.read(below)).map(([path, text]) => [path.slice(below.length), text]));
    expect(strip('build/synth')).toEqual(strip('dist'));
  });
});

describe('a mistake leaves dist/ as it was', () => {
  test('in any environment, and every mistake of all is said once', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/dev.yaml': '', 'config/prod.yaml': '' });
    await backstay(['synth', ...project.folders]);
    const before = project.read('dist');
    project.write({
      'config/base.yaml': VALUES.replace('size: 10Gi', 'size: 20G'),
      'config/dev.yaml': 'namespce: dev\n',
      'config/prod.yaml': 'sources: { shop: { plan: defualt } }\n',
    });
    const { status, stdout, stderr } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stderr)).toMatchInlineSnapshot(`
      "error: storages.local.pvc.size: expected a size such as 512Mi or 20Gi, got "20G"
        at config/base.yaml:3
        HINT: Size of the claim to create. Leave it out to use an existing \`claim\`.
      error: namespce: unknown key
        at config/dev.yaml:1
        HINT: did you mean 'namespace'?
      error: sources.shop.plan: there is no plan 'defualt'
        at config/prod.yaml:1
        HINT: did you mean 'default'?"
    `);
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
    expect(project.read('dist')).toEqual(before);
  });

  test('in another environment: the one that is named is written all the same', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/dev.yaml': 'namespce: dev\n', 'config/prod.yaml': '' });
    const { status } = await backstay(['synth', 'prod', ...project.folders]);
    expect(status).toBe(0);
  });

  test('staging that points at the prefix of production is refused, also when only one of them is asked for', async () => {
    const project = projectFolder({
      'config/base.yaml': VALUES,
      'config/prod.yaml': '',
      'config/staging.yaml': '# a copy from prod\nstorages:\n  offsite: { s3: { prefix: prod } }\n',
    });
    for (const environment of [[], ['prod'], ['staging']]) {
      const { status, stderr } = await backstay(['synth', ...environment, ...project.folders]);
      expect(project.plain(stderr)).toContain('both keep the source');
      expect(status).toBe(64);
    }
    const { stderr } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stderr)).toMatchInlineSnapshot(`
      "error: storages.offsite.s3.prefix: the environments 'prod' and 'staging' would both keep the source 'shop' in one folder
        at config/staging.yaml:3
        HINT: leave the prefix out: it is the environment's name by default"
    `);
    expect(existsSync(join(project.dir, 'dist'))).toBe(false);
  });

  test('a disk that is full in the middle of the second environment: the first one is not touched either', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/dev.yaml': '', 'config/prod.yaml': '' });
    const full: Disk = {
      ...disk,
      stage: (folder) => {
        const stage = disk.stage(folder);
        const write = (path: string, text: string) => {
          if (folder.endsWith('prod') && path.startsWith('jobs/'))
            throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', syscall: 'write' });
          stage.write(path, text);
        };
        return { ...stage, write };
      },
    };
    const { status, stderr } = await backstay(['synth', ...project.folders], { changes: { disk: full } });
    expect(stderr).toBe('error: ENOSPC: no space left\n  HINT: nothing was changed; look at the rights and at the room on the disk');
    expect(status).toBe(70);
    expect(readdirSync(join(project.dir, 'dist'))).toEqual([]);
  });

  test('a fault of the disk in the middle of the second environment takes back the first one', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/dev.yaml': '', 'config/prod.yaml': '' });
    await backstay(['synth', ...project.folders]);
    const before = project.read();
    project.write({ 'config/base.yaml': VALUES + ORDERS });
    const changed = project.read();
    const broken: Disk = {
      ...disk,
      swapIn: (stages) => {
        rmSync(stages[1]?.fresh ?? '', { recursive: true });
        disk.swapIn(stages);
      },
    };
    const { status, stderr } = await backstay(['synth', ...project.folders], { changes: { disk: broken } });
    expect(stderr).toContain('ENOENT');
    expect(status).toBe(70);
    expect(project.read()).toEqual({ ...before, ...changed });
    expect(readdirSync(join(project.dir, 'dist'))).toEqual(['dev', 'prod']);
  });

  test('a crash between the two renames of a swap is mended by the next run, which also sweeps what was left', async () => {
    const project = projectFolder();
    await backstay(['synth', ...project.folders]);
    const before = project.read('dist');
    renameSync(join(project.dir, 'dist/prod'), join(project.dir, 'dist/.prod.old'));
    mkdirSync(join(project.dir, 'dist/.prod.new-abc123/prod'), { recursive: true });
    const check = await backstay(['synth', '--check', ...project.folders]);
    expect(project.plain(check.stdout)).toBe('up to date');
    project.write({ 'config/base.yaml': VALUES + ORDERS });
    await backstay(['synth', ...project.folders]);
    expect(Object.keys(project.read('dist'))).toEqual([...Object.keys(before), 'dist/prod/jobs/orders.yaml'].sort());
  });
});

describe('what is in the way is not overwritten', () => {
  test.each([
    ['a file of somebody else', 'dist/prod/notes.txt', 'remember the milk\n'],
    ['a file of somebody else, deep down', 'dist/prod/jobs/more/x.yaml', 'kind: Secret\n'],
  ])('%s', async (_, path, text) => {
    const project = projectFolder();
    project.write({ [path]: text });
    const before = project.read();
    const { status, stderr } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stderr)).toBe(
      `error: dist/prod holds what backstay did not write: ${path.slice(10)}\n  HINT: move it away, or name another folder with --out`,
    );
    expect(status).toBe(64);
    expect(project.read()).toEqual(before);
  });

  test('what a file manager left there is no reason to stop', async () => {
    const project = projectFolder();
    project.write({ 'dist/prod/.DS_Store': '\0' });
    expect((await backstay(['synth', ...project.folders])).status).toBe(0);
  });

  test('a link in place of the folder', async () => {
    const project = projectFolder();
    mkdirSync(join(project.dir, 'dist'));
    mkdirSync(join(project.dir, 'precious'));
    symlinkSync('../precious', join(project.dir, 'dist/prod'));
    const { status, stderr } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stderr)).toContain('error: dist/prod is not a folder');
    expect(status).toBe(64);
  });

  test.each([
    ['.', 'error: --out . holds the values themselves'],
    ['config', 'error: --out config holds the values themselves'],
    ['config/dist', 'error: --out config/dist lies among the values'],
  ])('--out %s', async (out, message) => {
    const project = projectFolder();
    const before = project.read();
    const { status, stderr } = await backstay(['synth', ...project.config, '--out', join(project.dir, out)]);
    expect(project.plain(stderr)).toBe(`${message}\n  HINT: name a folder of its own, such as --out dist`);
    expect(status).toBe(64);
    expect(project.read()).toEqual(before);
  });

  test.each([
    ['99.0.0', 64],
    [`${packageVersion()}-rc.1`, 0],
    ['0.0.9', 0],
  ])('output of version %s ends with status %i', async (version, expected) => {
    const project = projectFolder();
    await backstay(['synth', ...project.folders]);
    for (const folder of ['jobs', 'keep']) {
      const path = join(project.dir, `dist/prod/${folder}/kustomization.yaml`);
      writeFileSync(path, (project.read()[`dist/prod/${folder}/kustomization.yaml`] ?? '').replace(packageVersion(), version));
    }
    const { status, stderr } = await backstay(['synth', ...project.folders]);
    expect(status).toBe(expected);
    if (expected === 64)
      expect(project.plain(stderr)).toMatchInlineSnapshot(`
      "error: dist/prod was written by backstay 99.0.0, and this is 0.1.0
        HINT: npm install --save-dev --save-exact backstay@99.0.0"
    `);
  });
});

test('a conflict that Git left in dist/ is ours, and written over', async () => {
  const project = projectFolder();
  await backstay(['synth', ...project.folders]);
  const dist = project.read('dist');
  const path = 'dist/prod/jobs/kustomization.yaml';
  const text = dist[path] ?? '';
  project.write({ [path]: `<<<<<<< HEAD\n${text}=======\n${text.replace(packageVersion(), '0.0.1')}>>>>>>> other\n` });
  const { status } = await backstay(['synth', ...project.folders]);
  expect(status).toBe(0);
  expect(project.read('dist')).toEqual(dist);
});

describe('what vanished', () => {
  test('a source that is switched off: commands for its objects, none for what holds backups', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES + ORDERS, 'config/prod.yaml': '' });
    await backstay(['synth', ...project.folders]);
    project.write({ 'config/prod.yaml': 'sources: { orders: { enabled: false } }\n' });
    const { stdout } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stdout)).toMatchInlineSnapshot(`
      "dist/prod: 1 source, 2 CronJobs, 1 claim, 5 files: changed
        no longer there; Argo CD and Flux remove it, with kubectl it is:
          kubectl delete --namespace backup serviceaccount/backup-orders networkpolicy/backup-orders cronjob/backup-orders-daily networkpolicy/verify-orders cronjob/verify-orders"
    `);
  });

  test('a claim that is no longer made is named, and no command deletes it', async () => {
    const project = projectFolder();
    await backstay(['synth', ...project.folders]);
    project.write({ 'config/prod.yaml': 'plans: { default: { storages: [offsite] } }\n' });
    const { stdout } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stdout)).toMatchInlineSnapshot(`
      "dist/prod: 1 source, 2 CronJobs, 0 claims, 4 files: changed
        no longer there: the PersistentVolumeClaim backup/backup-local. It stays in the cluster with all that is in it; to give that up for good, delete it by hand"
    `);
    expect(stdout).not.toMatch(/kubectl delete.*persistentvolumeclaim/i);
  });

  test('an object that has moved to another file has not vanished', async () => {
    const project = projectFolder();
    await backstay(['synth', ...project.folders]);
    renameSync(join(project.dir, 'dist/prod/jobs/shop.yaml'), join(project.dir, 'dist/prod/jobs/before.yaml'));
    const { stdout } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stdout)).toBe('dist/prod: 1 source, 2 CronJobs, 1 claim, 5 files: changed');
  });

  test('a file too many goes, also when nothing else has changed', async () => {
    const project = projectFolder();
    await backstay(['synth', ...project.folders]);
    const before = project.read('dist');
    project.write({ 'dist/prod/jobs/more.yaml': '# generated by backstay: change config/ and run synth\n' });
    await backstay(['synth', ...project.folders]);
    expect(project.read('dist')).toEqual(before);
  });

  test('scripts of before: a command that spares those of all environments', async () => {
    const files = 'sources:\n  files: { volume: { claim: app-data, nextTo: { app: web } } }\n';
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/dev.yaml': files, 'config/prod.yaml': '' });
    await backstay(['synth', ...project.folders]);
    const scripts = project.read()['dist/prod/keep/scripts.yaml'] ?? '';
    project.write({ 'dist/prod/keep/scripts.yaml': scripts.replaceAll(/backstay-dump-[0-9a-f]{8}/g, 'backstay-dump-00000000') });
    const { stdout } = await backstay(['synth', 'prod', ...project.folders]);
    expect(project.plain(stdout).replaceAll(/-[0-9a-f]{8}\b/g, '-HASH')).toMatchInlineSnapshot(`
      "dist/prod: 1 source, 2 CronJobs, 1 claim, 5 files: changed
        scripts of before stay in the cluster for Jobs that still run; when none does, remove them:
          kubectl delete configmap --namespace backup --selector app.kubernetes.io/name=backstay,app.kubernetes.io/component=scripts --field-selector metadata.name!=backstay-catalogue-HASH,metadata.name!=backstay-dump-HASH,metadata.name!=backstay-tar-HASH,metadata.name!=backstay-verify-dump-HASH,metadata.name!=backstay-verify-tar-HASH"
    `);
  });

  test('an environment that is gone from config/ is left, and said', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/old.yaml': '', 'config/prod.yaml': '' });
    await backstay(['synth', ...project.folders]);
    project.remove('config/old.yaml');
    project.write({ 'dist/restores/notes/shop.yaml': 'not ours to judge\n' });
    const before = project.read('dist');
    const { stdout } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stdout)).toMatchInlineSnapshot(`
      "dist/prod: 1 source, 2 CronJobs, 1 claim, 5 files: unchanged
      dist/old: left as it is, since config has no such environment any more. kubectl delete -k dist/old/jobs stops its backups; then remove the folder"
    `);
    expect(project.read('dist')).toEqual(before);
  });
});

describe('synth --check', () => {
  test('says what is stale, missing and too much, and writes nothing', async () => {
    const project = projectFolder();
    await backstay(['synth', ...project.folders]);
    const dist = project.read();
    project.remove('dist/prod/keep/claims.yaml');
    project.write({
      'dist/prod/jobs/shop.yaml': `${dist['dist/prod/jobs/shop.yaml']}# by hand\n`,
      'dist/prod/jobs/gone.yaml': '# generated by backstay: change config/ and run synth\n',
    });
    const before = project.read();
    const { status, stdout } = await backstay(['synth', '--check', ...project.folders]);
    expect(project.plain(stdout)).toMatchInlineSnapshot(`
      "extra dist/prod/jobs/gone.yaml
      stale dist/prod/jobs/shop.yaml
      missing dist/prod/keep/claims.yaml
      HINT: run backstay synth, look at what it changed, and commit it"
    `);
    expect(status).toBe(1);
    expect(project.read()).toEqual(before);
  });

  test('ends well when dist/ is what config/ says', async () => {
    const project = projectFolder();
    await backstay(['synth', ...project.folders]);
    const { status, stdout } = await backstay(['synth', '--check', ...project.folders]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'up to date' });
  });
});
