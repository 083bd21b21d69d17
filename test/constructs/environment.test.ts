import fc from 'fast-check';
import { expect, test } from 'vitest';
import { commonEnv, literal, publishEnv, takeEnv, variables } from '../../lib/constructs/environment.ts';
import { expand } from '../support/kubelet.ts';
import { aRun, postgresParts, storagesOf, volumeParts } from '../support/model.ts';

const known = { PW: 'secret', HOME: '/tmp', '': 'nothing' };

test('the kubelet hands on every text as it was written', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('$', '(', ')', 'P', 'W', '/', '*'), maxLength: 20 }));
  fc.assert(
    fc.property(text, (written) => void expect(expand(literal(written), known)).toBe(written)),
    { numRuns: 1000 },
  );
});

test.each([
  ['a pattern that names a variable', 'exclude/$(PW)/*'],
  ['a password with two dollars', 'pa$$word'],
  ['a dollar at the end', 'end$'],
  ['a reference that never ends', '$(PW'],
])('%s is not what the kubelet would make of it', (_, written) => {
  expect(expand(literal(written), known)).toBe(written);
});

test('the kubelet does change an unprotected text', () => {
  expect(expand('exclude/$(PW)/*', known)).toBe('exclude/secret/*');
  expect(expand('pa$$word', known)).toBe('pa$word');
});

test('the run id can be made before anything else: the pod says who it is, with fields that Kubernetes 1.28 has', () => {
  expect(variables({}).map(({ name, valueFrom }) => [name, valueFrom?.fieldRef?.fieldPath])).toEqual([
    ['POD_UID', 'metadata.uid'],
    ['POD_NAME', 'metadata.name'],
    ['JOB_NAME', "metadata.labels['batch.kubernetes.io/job-name']"],
  ]);
});

test('a Secret is named, and its value is nowhere', () => {
  expect(variables({ PGPASSWORD: { secret: 'shop-db', key: 'password' } })).toContainEqual({
    name: 'PGPASSWORD',
    valueFrom: { secretKeyRef: { name: 'shop-db', key: 'password' } },
  });
});

test('a template may use the name of the one database, which the steps of all parts are told alike', () => {
  const one = aRun({ parts: [...volumeParts(), ...postgresParts({ database: 'Shop' })] });
  expect(commonEnv(one)).toMatchObject({ TEMPLATE_DATABASE: 'Shop', SCRATCH_BYTES: '10737418240' });
  const two = aRun({ parts: postgresParts({ database: undefined, databases: ['a', 'b'] }) });
  expect(commonEnv(two)).toMatchObject({ TEMPLATE_DATABASE: '' });
});

test('each step is told its part and how many there are', () => {
  const parts = postgresParts({ database: undefined, databases: ['a', 'b'] });
  const run = aRun({ parts });
  expect(parts.map((part) => takeEnv(run, part))).toMatchObject([
    { PART: 'a', PART_COUNT: '2', DATABASE: 'a' },
    { PART: 'b', PART_COUNT: '2', DATABASE: 'b' },
  ]);
});

test('publish is told each storage by its number, and every rule of what to keep', () => {
  const keep = { last: 1, for: 60, daily: 2, weekly: 3, monthly: 4, yearly: 5, atLeast: 6, atMostDeleted: 70 };
  const [local, offsite] = storagesOf({ local: { pvc: { claim: 'c' } }, offsite: { s3: { readBack: true } } });
  if (!local || !offsite) throw new Error('two storages are expected');
  const env = publishEnv(
    aRun({
      storages: [
        { ...local, keep },
        { ...offsite, keep: undefined },
      ],
    }),
    'before $(HOME)',
  );
  expect(env).toMatchObject({
    NAMESPACE: 'backup',
    FOLDER: 'shop/daily',
    LABEL: 'before $(HOME)',
    ABANDONED_AFTER_SECONDS: '172800',
    STORAGE_COUNT: '2',
    STORAGE_1_NAME: 'local',
    STORAGE_1_KIND: 'pvc',
    STORAGE_1_ROLE: 'primary',
    STORAGE_1_REMOTE: '/storage/local/prod',
    STORAGE_1_COMPARE: 'checksum',
    STORAGE_1_READ_BACK: 'false',
    STORAGE_1_KEEP_LAST: '1',
    STORAGE_1_KEEP_FOR_SECONDS: '60',
    STORAGE_1_KEEP_DAILY: '2',
    STORAGE_1_KEEP_WEEKLY: '3',
    STORAGE_1_KEEP_MONTHLY: '4',
    STORAGE_1_KEEP_YEARLY: '5',
    STORAGE_1_KEEP_AT_LEAST: '6',
    STORAGE_1_KEEP_AT_MOST_DELETED: '70',
    STORAGE_2_ROLE: 'copy',
    STORAGE_2_REMOTE: 'S2:acme-backups/prod',
    STORAGE_2_READ_BACK: 'true',
    RCLONE_CONFIG_S2_ACCESS_KEY_ID: { secret: 'backup-s3', key: 'AWS_ACCESS_KEY_ID' },
  });
});

test('without a rule nothing is said of keeping, so nothing is ever deleted', () => {
  const storages = storagesOf({ local: { pvc: { claim: 'c' } } }).map((storage) => ({ ...storage, keep: undefined }));
  expect(Object.keys(publishEnv(aRun({ storages }))).filter((name) => name.includes('KEEP'))).toEqual([]);
});

test('a label is only there for a run that has one', () => {
  expect(publishEnv(aRun())).not.toHaveProperty('LABEL');
});
