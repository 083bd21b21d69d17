import { describe, expect, test } from 'vitest';
import { objectsOf } from '../../lib/charts/objects.ts';
import { restoreJobName } from '../../lib/constructs/restore-job.ts';
import { guardedNamespaces, RestoreRole } from '../../lib/constructs/restore-role.ts';
import type { PlannedRestore } from '../../lib/model/model.ts';
import { IMAGES } from '../../lib/sources/images.ts';
import { aRestore } from '../support/restores.ts';

const PODS = { apiGroups: [''], resources: ['pods'], verbs: ['list'] };
const AUTOSCALERS = { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: ['list'] };

const guardOf = (restore: PlannedRestore) => {
  if (!restore.guard) throw new Error('no guard');
  return restore.guard;
};

function rolesOf(restore: PlannedRestore, namespace: string): readonly object[] {
  return objectsOf((scope) => void new RestoreRole(scope, 'role', { restore, guard: guardOf(restore), namespace, images: IMAGES }));
}

const rulesOf = (restore: PlannedRestore, namespace: string) => (rolesOf(restore, namespace)[0] as { rules: readonly object[] }).rules;

const inPlace = { confirm: 'prod/orders' };
const orders = (...scaleDown: string[]) => aRestore({ source: 'orders', inPlace, scaleDown });
const ownJob = (restore: PlannedRestore) => ({
  ...{ apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'patch'] },
  resourceNames: [restoreJobName({ restore, images: IMAGES })],
});

describe('in its own namespace, the Role lets the guard', () => {
  test('read and scale its applications by name, and list pods and autoscalers', () => {
    const restore = orders('deployment/web', 'statefulset/queue', 'deployment/api', 'deployment/api');
    expect(rulesOf(restore, 'backup')).toEqual([
      { apiGroups: ['apps'], resources: ['deployments'], resourceNames: ['api', 'web'], verbs: ['get', 'patch'] },
      { apiGroups: ['apps'], resources: ['statefulsets'], resourceNames: ['queue'], verbs: ['get', 'patch'] },
      PODS,
      AUTOSCALERS,
      ownJob(restore),
    ]);
  });

  test('scale all objects of a kind that is selected by labels, because RBAC has nothing narrower', () => {
    const restore = orders('deployment/app=web', 'deployment/api', 'statefulset/queue');
    expect(rulesOf(restore, 'backup')).toEqual([
      { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list', 'patch'] },
      { apiGroups: ['apps'], resources: ['statefulsets'], resourceNames: ['queue'], verbs: ['get', 'patch'] },
      PODS,
      AUTOSCALERS,
      ownJob(restore),
    ]);
  });

  test('list the pods that use a claim, if it stops nothing', () => {
    const restore = aRestore({ source: 'uploads', inPlace: { confirm: 'prod/uploads' } });
    expect(rulesOf(restore, 'backup')).toEqual([PODS, ownJob(restore)]);
  });

  test('label its own Job and nothing else, if all applications are in other namespaces', () => {
    const restore = orders('shop/deployment/api');
    expect(rulesOf(restore, 'backup')).toEqual([ownJob(restore)]);
  });
});

test('in another namespace, the Role covers the applications there, and no Job', () => {
  const restore = orders('shop/deployment/api', 'statefulset/queue');
  expect(guardedNamespaces(restore, guardOf(restore))).toEqual(['backup', 'shop']);
  expect(rulesOf(restore, 'shop')).toEqual([
    { apiGroups: ['apps'], resources: ['deployments'], resourceNames: ['api'], verbs: ['get', 'patch'] },
    PODS,
    AUTOSCALERS,
  ]);
});

test('is bound in each namespace to the account of the pod, under the name of the restore', () => {
  const restore = orders('shop/deployment/api');
  expect(rolesOf(restore, 'shop')).toMatchObject([
    { kind: 'Role', metadata: { name: restore.name, namespace: 'shop', labels: { 'backstay.dev/restore': restore.name } } },
    {
      kind: 'RoleBinding',
      metadata: { name: restore.name, namespace: 'shop', labels: { 'backstay.dev/restore': restore.name } },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: restore.name },
      subjects: [{ kind: 'ServiceAccount', name: 'restore-orders', namespace: 'backup' }],
    },
  ]);
});

test('never allows Secrets, create or delete', () => {
  const restore = orders('deployment/app=web', 'shop/deployment/api', 'shop/statefulset/app=db');
  const rules = ['backup', 'shop'].flatMap((namespace) => rulesOf(restore, namespace)) as readonly { resources: string[]; verbs: string[] }[];
  expect(new Set(rules.flatMap(({ verbs }) => verbs))).toEqual(new Set(['get', 'list', 'patch']));
  expect(rules.flatMap(({ resources }) => resources).filter((name) => /secret|\*|exec/.test(name))).toEqual([]);
});
