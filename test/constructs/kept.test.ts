import { expect, test } from 'vitest';
import { objectsOf } from '../../lib/charts/objects.ts';
import { Claim } from '../../lib/constructs/claim.ts';
import { KEEP_ANNOTATIONS } from '../../lib/constructs/labels.ts';
import { Namespace } from '../../lib/constructs/namespace.ts';
import { ServiceAccount } from '../../lib/constructs/service-account.ts';

const spec = { name: 'backup-local', namespace: 'backup', size: '10Gi', accessMode: 'ReadWriteOnce' };

test('a claim has the name of the values, and GitOps tools never delete it', () => {
  const [claim] = objectsOf((scope) => void new Claim(scope, 'claim', { environment: 'prod', ...spec, storageClassName: 'standard' }));
  expect(claim).toMatchObject({
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'backup-local', namespace: 'backup', annotations: KEEP_ANNOTATIONS, labels: { 'app.kubernetes.io/instance': 'prod' } },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'standard', resources: { requests: { storage: '10Gi' } } },
  });
});

test('a claim without a class uses the default class, which an empty class would disable', () => {
  const [claim] = objectsOf((scope) => void new Claim(scope, 'claim', { environment: 'prod', ...spec }));
  expect(JSON.stringify(claim)).not.toContain('storageClassName');
});

test('a namespace enforces "restricted", and GitOps tools never delete it', () => {
  expect(objectsOf((scope) => void new Namespace(scope, 'namespace', { name: 'backup' }))).toMatchObject([
    {
      kind: 'Namespace',
      metadata: {
        name: 'backup',
        labels: {
          'pod-security.kubernetes.io/enforce': 'restricted',
          'pod-security.kubernetes.io/audit': 'restricted',
          'pod-security.kubernetes.io/warn': 'restricted',
        },
        annotations: KEEP_ANNOTATIONS,
      },
    },
  ]);
});

test('a service account mounts no token', () => {
  const account = { name: 'backup-shop', namespace: 'backup', labels: {}, annotations: {} };
  expect(objectsOf((scope) => void new ServiceAccount(scope, 'account', account))).toMatchObject([
    { kind: 'ServiceAccount', automountServiceAccountToken: false },
  ]);
});
