import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { anS3, DAY, NOW, nameAt, publish, stage, withSettings } from '../support/publish.ts';
import { type LocalS3, startLocalS3 } from '../support/s3.ts';

let s3: LocalS3;

beforeAll(async () => {
  s3 = await startLocalS3();
});

afterAll(() => s3.end());

/** Backups of the days before today, as committed ones lie in a bucket. */
async function filled(bucket: string, days: number): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bucket-'));
  const names = Array.from({ length: days }, (_, index) => nameAt(NOW - (index + 1) * DAY));
  mkdirSync(join(folder, 'prod/shop/daily'), { recursive: true });
  for (const name of names) {
    for (const ending of ['.dump', '+globals.sql', '.manifest.json']) writeFileSync(join(folder, 'prod/shop/daily', `${name}${ending}`), '{}');
  }
  await s3.rclone('copy', folder, `S:${bucket}`, '--transfers', '32', '--no-traverse');
  return names;
}

const manifestsIn = (bucket: string) => s3.keys(bucket, 'prod/shop/daily/').filter((key) => key.endsWith('.manifest.json'));

// Pitfall P63
test('deletes on every page of a listing of 1,500 objects', async () => {
  await s3.rclone('mkdir', 'S:many');
  const [yesterday] = await filled('many', 500);
  const storage = withSettings(anS3(s3, { bucket: 'many' }), { KEEP_LAST: '2', KEEP_AT_LEAST: '2', KEEP_AT_MOST_DELETED: '100' });
  const staged = stage();
  const { status, lastWords } = await publish(staged, [storage]);
  expect({ status, pruned: lastWords?.pruned, retained: lastWords?.retained }).toEqual({ status: 0, pruned: 499, retained: 0 });
  expect(manifestsIn('many')).toEqual([yesterday, staged.name].map((name) => `prod/shop/daily/${name}.manifest.json`));
  expect(s3.keys('many', 'prod/shop/daily/')).toHaveLength(6);
});

// Pitfall P65
test('keeps whole what the store forbids to delete, counts it, and succeeds', async () => {
  await s3.rclone('mkdir', 'S:forbidden');
  await filled('forbidden', 4);
  const user = await s3.limitedUser('forbidden', 'no-delete');
  const storage = withSettings(anS3(s3, { bucket: 'forbidden', user }), { KEEP_LAST: '1', KEEP_AT_LEAST: '1', KEEP_AT_MOST_DELETED: '100' });
  const before = s3.keys('forbidden');
  const { status, lastWords, stderr } = await publish(stage(), [storage]);
  expect({ status, pruned: lastWords?.pruned, retained: lastWords?.retained }).toEqual({ status: 0, pruned: 0, retained: 4 });
  expect(stderr).toContain('not deleted: ');
  expect(s3.keys('forbidden')).toEqual(expect.arrayContaining([...before]));
});

// Pitfall P66
test('counts as hidden what a versioned bucket only hides', async () => {
  await s3.rclone('mkdir', 'S:versioned');
  await s3.rclone('backend', 'versioning', 'S:versioned', 'Enabled');
  await filled('versioned', 4);
  const storage = withSettings(anS3(s3, { bucket: 'versioned' }), { KEEP_LAST: '2', KEEP_AT_LEAST: '2', KEEP_AT_MOST_DELETED: '100' });
  const { status, lastWords } = await publish(stage(), [storage]);
  expect({ status, pruned: lastWords?.pruned, hidden: lastWords?.hidden }).toEqual({ status: 0, pruned: 3, hidden: 3 });
  const visible = await s3.rclone('lsf', 'S:versioned/prod/shop/daily', '--include', '*.manifest.json');
  const all = await s3.rclone('lsf', 'S:versioned/prod/shop/daily', '--include', '*.manifest*.json', '--s3-versions');
  expect([visible, all].map((text) => text.trim().split('\n').length)).toEqual([2, 5]);
});
