import { mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readListed } from '../../lib/cli/catalogue-output.ts';
import { aClaim, IN_IMAGE, NOW, nameAt, ON_DEBIAN, publish, publishEnv, stage } from '../support/publish.ts';
import { runScript } from '../support/run-script.ts';

test('lists tiers in parallel over one scratch without mixing them', async () => {
  const claim = aClaim();
  await publish(stage({ at: NOW }), [claim.storage], { at: NOW });
  const work = mkdtempSync(join(tmpdir(), 'catalogue-'));
  const list = (tier: string) =>
    runScript('catalogue.sh', {
      ...IN_IMAGE,
      work,
      env: { ...publishEnv([claim.storage]), ACTION: 'list', TIER: tier, FOLDER: `shop/${tier}` },
    });
  const both = await Promise.all([list('daily'), list('pre-restore')]);
  expect(both.map(({ status }) => status)).toEqual([0, 0]);
  expect(both.map(({ stdout }) => readListed(stdout).map(({ name }) => name))).toEqual([[nameAt(NOW)], []]);
  expect(readdirSync(work).filter((name) => ['daily', 'pre-restore'].includes(name))).toEqual(['daily', 'pre-restore']);
});

test('fails if a listing ends early, instead of reporting an empty storage', async () => {
  const claim = aClaim();
  await publish(stage({ at: NOW }), [claim.storage], { at: NOW });
  const work = mkdtempSync(join(tmpdir(), 'catalogue-'));
  // A folder in the place of a file that is to be written: no tool says a word that anybody has thought of.
  mkdirSync(join(work, 'daily/tmp/storage-1/entries'), { recursive: true });
  const { status, stdout, lastWords } = await runScript('catalogue.sh', {
    shell: ['dash'],
    path: ON_DEBIAN,
    work,
    standIns: { rm: '' },
    env: { ...publishEnv([claim.storage]), ACTION: 'list' },
  });
  expect(readListed(stdout)).toEqual([]);
  expect({ status, lastWords }).toMatchObject({ status: 70, lastWords: { reason: 'storage local: ended without a reason' } });
});
