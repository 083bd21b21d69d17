import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aClaim, anS3, publish, type StorageEnv, stage, withSettings } from '../support/publish.ts';
import { type LocalS3, startLocalS3 } from '../support/s3.ts';
import { toolPath } from '../support/tools.ts';

let s3: LocalS3;
beforeAll(async () => {
  s3 = await startLocalS3();
  for (const bucket of ['by-sum', 'by-size']) await s3.rclone('mkdir', `S:${bucket}`);
});
afterAll(() => s3?.end());

/** What is computed of the files that were taken, before any is stored. */
async function sumsFor(storages: readonly StorageEnv[]): Promise<{ status: number | null; sums: string }> {
  const rclone = toolPath('rclone');
  const { status, calls } = await publish(stage(), storages, {
    shell: ['dash'],
    path: [dirname(rclone)],
    standIns: { rclone: `exec ${rclone} "$@"` },
  });
  const [first = ''] = calls.filter((call) => call.startsWith('rclone lsjson out'));
  return { status, sums: [...first.matchAll(/--hash-type (\w+)/g)].map(([, type]) => type).join(' ') };
}

test('computes no MD5 for a claim, which is compared by SHA-256', async () => {
  expect(await sumsFor([aClaim().storage, aClaim().storage])).toEqual({ status: 0, sums: 'sha256' });
});

test('computes the MD5 for S3 from the bytes that the SHA-256 covers, also if a claim comes first', async () => {
  expect(await sumsFor([aClaim().storage, anS3(s3, { bucket: 'by-sum' })])).toEqual({ status: 0, sums: 'sha256 md5' });
});

test('computes no MD5 for S3 if only sizes are compared', async () => {
  const bySize = withSettings(anS3(s3, { bucket: 'by-size' }), { COMPARE: 'size' });
  expect(await sumsFor([aClaim().storage, bySize])).toEqual({ status: 0, sums: 'sha256' });
});
