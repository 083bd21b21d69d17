import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { disk } from '../../lib/cli/disk.ts';
import type { Disk } from '../../lib/cli/world.ts';
import { packageVersion } from '../../lib/version.ts';
import { backstay } from '../support/fake-world.ts';
import { projectFolder, VALUES } from '../support/project-folder.ts';

/** What a database needs to be backed up and verified. */
const SCRIPTS = ['lib', 'postgres-restore', 'postgres', 'storage'];
const FILES = [
  'jobs/kustomization.yaml',
  'jobs/shop.yaml',
  'keep/claims.yaml',
  'keep/kustomization.yaml',
  ...SCRIPTS.map((folder) => `keep/scripts/${folder}.yaml`),
];
const ORDERS = `  orders:
    postgres: { host: shop-db.shop, database: orders, version: 17, credentials: { secret: shop-db } }
`;

describe('synth', () => {
  test('writes a folder for each environment, and prints how to apply a new one', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/dev.yaml': '', 'config/prod.yaml': '' });
    const { status, stdout } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stdout)).toMatchInlineSnapshot(`
      "dist/dev: 1 source, 2 CronJobs, 1 claim, 8 files: new
        kubectl apply -k dist/dev/keep && kubectl apply -k dist/dev/jobs
      dist/prod: 1 source, 2 CronJobs, 1 claim, 8 files: new
        kubectl apply -k dist/prod/keep && kubectl apply -k dist/prod/jobs"
    `);
    expect(status).toBe(0);
    expect(Object.keys(project.read('dist'))).toEqual(['dev', 'prod'].flatMap((name) => FILES.map((file) => `dist/${name}/${file}`)));
  });

  test('writes only the named environments', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/dev.yaml': '', 'config/prod.yaml': '' });
    await backstay(['synth', 'dev', ...project.folders]);
    expect(Object.keys(project.read('dist'))).toEqual(FILES.map((file) => `dist/dev/${file}`));
  });

  test('writes the same bytes for the same values, and touches nothing the second time', async () => {
    const project = projectFolder();
    await backstay(['synth', ...project.folders]);
    const before = project.read();
    const { ino } = statSync(join(project.dir, 'dist/prod'));
    const { stdout } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stdout)).toBe('dist/prod: 1 source, 2 CronJobs, 1 claim, 8 files: unchanged');
    expect(project.read()).toEqual(before);
    expect(statSync(join(project.dir, 'dist/prod')).ino).toBe(ino);
  });

  test('prints each warning once, with the environments it applies to', async () => {
    const values = VALUES.replace('region: eu-west-1', 'endpoint: http://minio.minio:9000');
    const project = projectFolder({ 'config/base.yaml': values, 'config/dev.yaml': '', 'config/prod.yaml': '' });
    const { stderr } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stderr)).toMatchInlineSnapshot(`
      "warning: dev, prod: storages.offsite.s3.endpoint: backups and keys are sent unencrypted
        at config/base.yaml:4
        HINT: use https"
    `);
  });

  test('leaves a copy where the cdk8s command line expects it', async () => {
    const project = projectFolder();
    await backstay(['synth', ...project.folders], { changes: { cdk8sOutdir: join(project.dir, 'build/synth') } });
    const strip = (below: string) => Object.fromEntries(Object.entries(project.read(below)).map(([path, text]) => [path.slice(below.length), text]));
    expect(strip('build/synth')).toEqual(strip('dist'));
  });
});

describe('an error leaves dist/ unchanged', () => {
  test('in any environment, and every error of all environments is reported once', async () => {
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
        HINT: write 20Gi
      error: namespce: unknown key
        at config/dev.yaml:1
        HINT: did you mean 'namespace'?
      error: sources.shop.plan: unknown plan 'defualt'
        at config/prod.yaml:1
        HINT: did you mean 'default'?"
    `);
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
    expect(project.read('dist')).toEqual(before);
  });

  test('unless it is in another environment: the named one is still written', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/dev.yaml': 'namespce: dev\n', 'config/prod.yaml': '' });
    const { status } = await backstay(['synth', 'prod', ...project.folders]);
    expect(status).toBe(0);
  });

  test('when staging uses the prefix of production, even if only one of them is synthesized', async () => {
    const project = projectFolder({
      'config/base.yaml': VALUES,
      'config/prod.yaml': '',
      'config/staging.yaml': '# a copy from prod\nstorages:\n  offsite: { s3: { prefix: prod } }\n',
    });
    for (const environment of [[], ['prod'], ['staging']]) {
      const { status, stderr } = await backstay(['synth', ...environment, ...project.folders]);
      expect(project.plain(stderr)).toContain("store source 'shop' in the same folder");
      expect(status).toBe(64);
    }
    const { stderr } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stderr)).toMatchInlineSnapshot(`
      "error: storages.offsite.s3.prefix: environments 'prod' and 'staging' store source 'shop' in the same folder
        at config/staging.yaml:3
        HINT: remove the prefix: it defaults to the name of the environment"
    `);
    expect(existsSync(join(project.dir, 'dist'))).toBe(false);
  });

  test('when the disk is full during the second environment: the first one is unchanged too', async () => {
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
    expect(stderr).toBe('error: ENOSPC: no space left\n  HINT: nothing was changed; check the permissions and the free disk space');
    expect(status).toBe(70);
    expect(readdirSync(join(project.dir, 'dist'))).toEqual([]);
  });

  test('when the swap of the second environment fails: the first one is swapped back', async () => {
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

  test('after a crash between the two renames of a swap: the next run recovers and removes leftovers', async () => {
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

describe('synth refuses', () => {
  test.each([
    ['a foreign file in its folder', 'dist/prod/notes.txt', 'remember the milk\n'],
    ['a foreign file deep in its folder', 'dist/prod/jobs/more/x.yaml', 'kind: Secret\n'],
  ])('%s', async (_, path, text) => {
    const project = projectFolder();
    project.write({ [path]: text });
    const before = project.read();
    const { status, stderr } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stderr)).toBe(
      `error: dist/prod contains files that backstay did not write: ${path.slice(10)}\n  HINT: move it elsewhere, or choose another folder with --out`,
    );
    expect(status).toBe(64);
    expect(project.read()).toEqual(before);
  });

  test('no leftovers of file managers', async () => {
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
    ['.', 'error: --out . contains the values'],
    ['config', 'error: --out config contains the values'],
    ['config/dist', 'error: --out config/dist is inside the folder of the values'],
  ])('an unsuitable --out %s', async (out, message) => {
    const project = projectFolder();
    const before = project.read();
    const { status, stderr } = await backstay(['synth', ...project.config, '--out', join(project.dir, out)]);
    expect(project.plain(stderr)).toBe(`${message}\n  HINT: choose a separate folder, such as --out dist`);
    expect(status).toBe(64);
    expect(project.read()).toEqual(before);
  });

  test.each([
    ['99.0.0', 64],
    [`${packageVersion()}-rc.1`, 0],
    ['0.0.9', 0],
  ])('output of a newer version: %s exits with %i', async (version, expected) => {
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
      "error: dist/prod was written by backstay 99.0.0, which is newer than this one (0.1.0)
        HINT: npm install --save-dev --save-exact backstay@99.0.0"
    `);
  });
});

test('overwrites generated files with merge conflicts', async () => {
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

describe('objects that disappear', () => {
  test('a disabled source: prints commands for its objects, but not for those that hold backups', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES + ORDERS, 'config/prod.yaml': '' });
    await backstay(['synth', ...project.folders]);
    project.write({ 'config/prod.yaml': 'sources: { orders: { enabled: false } }\n' });
    const { stdout } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stdout)).toMatchInlineSnapshot(`
      "dist/prod: 1 source, 2 CronJobs, 1 claim, 8 files: changed
        scripts unchanged
        removed from the output. Argo CD and Flux delete these objects; with kubectl, run:
          kubectl delete --namespace backup serviceaccount/backup-orders networkpolicy/backup-orders cronjob/backup-orders-daily networkpolicy/verify-orders cronjob/verify-orders"
    `);
  });

  test('a claim that is no longer created: names it, without a command that deletes it', async () => {
    const project = projectFolder();
    await backstay(['synth', ...project.folders]);
    project.write({ 'config/prod.yaml': 'plans: { default: { storages: [offsite] } }\n' });
    const { stdout } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stdout)).toMatchInlineSnapshot(`
      "dist/prod: 1 source, 2 CronJobs, 0 claims, 7 files: changed
        scripts unchanged
        removed from the output: the PersistentVolumeClaim backup/backup-local. It stays in the cluster with its contents; to lose them for good, delete it yourself"
    `);
    expect(stdout).not.toMatch(/kubectl delete.*persistentvolumeclaim/i);
  });

  test('an object that moved to another file has not disappeared', async () => {
    const project = projectFolder();
    await backstay(['synth', ...project.folders]);
    renameSync(join(project.dir, 'dist/prod/jobs/shop.yaml'), join(project.dir, 'dist/prod/jobs/before.yaml'));
    const { stdout } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stdout)).toBe('dist/prod: 1 source, 2 CronJobs, 1 claim, 8 files: changed\n  scripts unchanged');
  });

  test('an extra file is removed even if nothing else changed', async () => {
    const project = projectFolder();
    await backstay(['synth', ...project.folders]);
    const before = project.read('dist');
    project.write({ 'dist/prod/jobs/more.yaml': '# generated by backstay: change config/ and run synth\n' });
    await backstay(['synth', ...project.folders]);
    expect(project.read('dist')).toEqual(before);
  });

  test('spares the scripts of an environment whose output is still from before scripts had folders', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/dev.yaml': '', 'config/prod.yaml': '' });
    await backstay(['synth', ...project.folders]);
    const old = (project.read()['dist/dev/keep/scripts/lib.yaml'] ?? '').replaceAll(/backstay-lib-[0-9a-f]{8}/g, 'backstay-dump-01234567');
    for (const folder of SCRIPTS) project.remove(`dist/dev/keep/scripts/${folder}.yaml`);
    const changed = (project.read()['dist/prod/keep/scripts/lib.yaml'] ?? '').replaceAll(/backstay-lib-[0-9a-f]{8}/g, 'backstay-lib-00000000');
    project.write({ 'dist/dev/keep/scripts.yaml': old, 'dist/prod/keep/scripts/lib.yaml': changed });
    const { stdout } = await backstay(['synth', 'prod', ...project.folders]);
    expect(stdout).toContain('metadata.name!=backstay-dump-01234567');
  });

  test('old scripts: prints a command that spares the scripts of all environments', async () => {
    const files = 'sources:\n  files: { volume: { claim: app-data, nextTo: { app: web } } }\n';
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/dev.yaml': files, 'config/prod.yaml': '' });
    await backstay(['synth', ...project.folders]);
    const scripts = project.read()['dist/prod/keep/scripts/postgres.yaml'] ?? '';
    project.write({ 'dist/prod/keep/scripts/postgres.yaml': scripts.replaceAll(/backstay-postgres-[0-9a-f]{8}/g, 'backstay-postgres-00000000') });
    const { stdout } = await backstay(['synth', 'prod', ...project.folders]);
    expect(project.plain(stdout).replaceAll(/-[0-9a-f]{8}\b/g, '-HASH')).toMatchInlineSnapshot(`
      "dist/prod: 1 source, 2 CronJobs, 1 claim, 8 files: changed
        scripts changed: postgres
        old scripts stay in the cluster for Jobs that still run. When none does, remove them:
          kubectl delete configmap --namespace backup --selector app.kubernetes.io/name=backstay,app.kubernetes.io/component=scripts --field-selector metadata.name!=backstay-lib-HASH,metadata.name!=backstay-postgres-HASH,metadata.name!=backstay-postgres-restore-HASH,metadata.name!=backstay-storage-HASH,metadata.name!=backstay-volume-HASH"
    `);
  });

  test('an environment that is gone from config/: leaves its folder, and says so', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/old.yaml': '', 'config/prod.yaml': '' });
    await backstay(['synth', ...project.folders]);
    project.remove('config/old.yaml');
    project.write({ 'dist/restores/notes/shop.yaml': 'not ours to judge\n' });
    const before = project.read('dist');
    const { stdout } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stdout)).toMatchInlineSnapshot(`
      "dist/prod: 1 source, 2 CronJobs, 1 claim, 8 files: unchanged
      dist/old: unchanged, but config no longer has this environment. Stop its backups with kubectl delete -k dist/old/jobs, then remove the folder"
    `);
    expect(project.read('dist')).toEqual(before);
  });
});

describe('synth --check', () => {
  test('reports stale, missing and extra files, and writes nothing', async () => {
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
      HINT: run backstay synth, review its changes, and commit them"
    `);
    expect(status).toBe(1);
    expect(project.read()).toEqual(before);
  });

  test('succeeds if dist/ matches config/', async () => {
    const project = projectFolder();
    await backstay(['synth', ...project.folders]);
    const { status, stdout } = await backstay(['synth', '--check', ...project.folders]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'up to date' });
  });
});
