import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresSource, testValues, writeDist } from '../support/cluster/backups.ts';
import { commandLine } from '../support/cluster/command-line.ts';
import { type Json, kubectl, tryKubectl } from '../support/cluster/kubectl.ts';
import { freshNamespace, type Namespace } from '../support/cluster/namespace.ts';

let ns: Namespace;
let shop: Namespace;
let job: string;

/** Everything of a printed restore except for its Job: checking an account's rights needs no pod. */
beforeAll(async () => {
  [ns, shop] = await Promise.all([freshNamespace('rights'), freshNamespace('rights-app')]);
  const values = testValues(
    { namespace: ns.name, s3: { url: 'https://s3.invalid' }, bucket: 'backups' },
    { sources: { shop: postgresSource('db', 'shop', { admin: { credentials: { secret: 'db' } } }) } },
  );
  const dist = writeDist(values);
  const stopped = ['--scale-down', 'deployment/api', '--scale-down', `${shop.name}/statefulset/queue`];
  const { stdout } = await commandLine(dist)(['restore', 'test/shop', '--in-place', '--confirm', 'test/shop', ...stopped]);
  const objects = loadAll(stdout) as readonly Json[];
  job = objects.find(({ kind }) => kind === 'Job')?.metadata.name;
  const file = join(dist, 'rights.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects.filter(({ kind }) => kind !== 'Job') }));
  await kubectl(['apply', '-f', file]);
});

afterAll(() => Promise.all([ns?.end(), shop?.end()]));

async function may(verb: string, what: string, namespace: string): Promise<boolean> {
  const account = `system:serviceaccount:${ns.name}:restore-shop`;
  const { stdout } = await tryKubectl(['auth', 'can-i', verb, what, '--namespace', namespace, '--as', account]);
  return stdout.trim() === 'yes';
}

describe('the account of a restore that stops two applications', () => {
  test('may get them, stop and start them, and label its Job with the phase', async () => {
    expect(await may('get', 'deployments.apps/api', ns.name)).toBe(true);
    expect(await may('patch', 'deployments.apps/api', ns.name)).toBe(true);
    expect(await may('patch', 'statefulsets.apps/queue', shop.name)).toBe(true);
    expect(await may('list', 'pods', ns.name)).toBe(true);
    expect(await may('list', 'horizontalpodautoscalers.autoscaling', shop.name)).toBe(true);
    expect(await may('patch', `jobs.batch/${job}`, ns.name)).toBe(true);
  });

  test.each([
    ['another application', 'patch', 'deployments.apps/web'],
    ['one of another kind', 'patch', 'statefulsets.apps/api'],
    ['all of them', 'list', 'deployments.apps'],
    ['deleting an application', 'delete', 'deployments.apps/api'],
    ['another Job', 'patch', 'jobs.batch/backup-shop-daily'],
    ['a Secret', 'get', 'secrets/db'],
    ['any Secret', 'list', 'secrets'],
    ['a ConfigMap', 'get', 'configmaps/private-ca'],
    ['deleting a pod', 'delete', 'pods/db-0'],
    ['a shell in a pod', 'create', 'pods/exec'],
    ['a pod of its own', 'create', 'pods'],
    ['its own rights', 'patch', 'roles.rbac.authorization.k8s.io'],
  ])('may not touch %s', async (_, verb, what) => {
    expect(await may(verb, what, ns.name)).toBe(false);
    expect(await may(verb, what, shop.name)).toBe(false);
  });

  test('has the rights of one namespace in no other namespace', async () => {
    expect(await may('patch', 'deployments.apps/api', shop.name)).toBe(false);
    expect(await may('patch', 'statefulsets.apps/queue', ns.name)).toBe(false);
    for (const what of ['pods', 'deployments.apps/api', 'secrets']) {
      expect(await may('list', what, 'default')).toBe(false);
      expect(await may('get', what, 'kube-system')).toBe(false);
    }
  });
});
