import { expect, test } from 'vitest';
import { publishStep, takeStep } from '../../../lib/model/steps/backup.ts';
import { sharedEnv, stepEnv } from '../../../lib/model/steps/variables.ts';
import { aRun, postgresParts, storagesOf, volumeParts } from '../../support/model.ts';

test('every step gets the identity of the pod for the run id, from fields that Kubernetes 1.28 has', () => {
  expect(sharedEnv(aRun())).toMatchObject({
    POD_UID: { field: 'metadata.uid' },
    POD_NAME: { field: 'metadata.name' },
    JOB_NAME: { field: "metadata.labels['batch.kubernetes.io/job-name']" },
  });
});

test('a template that uses the name of the database is told it, if the run has a single one', () => {
  const filenameTemplate = '{{ .DatabaseName }}-{{ .Timestamp }}-{{ .RunID }}';
  const one = aRun({ filenameTemplate, parts: [...volumeParts(), ...postgresParts({ database: 'Shop' })] });
  expect(sharedEnv(one)).toMatchObject({ TEMPLATE_DATABASE: 'Shop', SCRATCH_BYTES: '10737418240' });
  const two = aRun({ filenameTemplate, parts: postgresParts({ database: undefined, databases: ['a', 'b'] }) });
  expect(sharedEnv(two)).toMatchObject({ TEMPLATE_DATABASE: '' });
  expect(sharedEnv(aRun())).not.toHaveProperty('TEMPLATE_DATABASE');
});

test('each step gets its part and the number of parts', () => {
  const parts = postgresParts({ database: undefined, databases: ['a', 'b'] });
  const run = aRun({ parts });
  expect(parts.map((part) => takeStep(run, part).env)).toMatchObject([
    { PART: 'a', PART_COUNT: '2', DATABASE: 'a' },
    { PART: 'b', PART_COUNT: '2', DATABASE: 'b' },
  ]);
});

test('publish gets each storage by its number, and every rule of keep', () => {
  const keep = { last: 1, for: 60, daily: 2, weekly: 3, monthly: 4, yearly: 5, atLeast: 6, atMostDeleted: 70 };
  const [local, offsite] = storagesOf({ local: { pvc: { claim: 'c' } }, offsite: { s3: { readBack: true } } });
  if (!local || !offsite) throw new Error('two storages are expected');
  const { env } = publishStep(
    aRun({
      storages: [
        { ...local, keep },
        { ...offsite, keep: undefined },
      ],
    }),
    { LABEL: 'before $(HOME)' },
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

test('publish gets no KEEP variables without a rule, so nothing is ever deleted', () => {
  const storages = storagesOf({ local: { pvc: { claim: 'c' } } }).map((storage) => ({ ...storage, keep: undefined }));
  expect(Object.keys(publishStep(aRun({ storages })).env).filter((name) => name.includes('KEEP'))).toEqual([]);
});

test('only a run with a label has the variable LABEL', () => {
  expect(publishStep(aRun()).env).not.toHaveProperty('LABEL');
});

test('a step gets only the shared variables that its scripts read, and its own', () => {
  const shared = { ...sharedEnv(aRun()), NEVER_READ: 'x' };
  const told = (step: Parameters<typeof stepEnv>[0]) => Object.fromEntries(stepEnv(step, shared));
  expect(told({ run: ['install-shell.sh'], env: { SHELL_DIR: '/shell' } })).toMatchObject({ HOME: '/tmp', SHELL_DIR: '/shell' });
  expect(told({ run: ['publish.sh'], env: {} })).toMatchObject({ FILENAME_TEMPLATE: '{{ .Timestamp }}-{{ .RunID }}' });
  expect(told({ run: ['publish.sh'], env: {} })).not.toHaveProperty('NEVER_READ');
});
