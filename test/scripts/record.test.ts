import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchBackup, record } from '../support/fetch.ts';
import { aClaim, anS3, DAY, IN_IMAGE, NOW, ON_DEBIAN, publish, type Staged, type StorageEnv, stage, withSettings } from '../support/publish.ts';
import { SHELLS } from '../support/run-script.ts';
import { type LocalS3, startLocalS3 } from '../support/s3.ts';

let s3: LocalS3;
beforeAll(async () => {
  s3 = await startLocalS3();
});
afterAll(() => s3?.end());

let nth = 0;
/** A claim and a bucket that hold one backup. */
async function stored() {
  const bucket = `bucket-${nth++}`;
  await s3.rclone('mkdir', `S:${bucket}`);
  const [claim, staged] = [aClaim(), stage()];
  const storages = [claim.storage, anS3(s3, { bucket })];
  expect((await publish(staged, storages)).status).toBe(0);
  return { claim, bucket, staged, storages, onClaim: (file: string) => join(claim.folder, 'prod/shop/daily', `${staged.name}${file}`) };
}

const VERIFIED = { name: 'shop', kind: 'postgres', method: 'dump', seconds: 12, checks: { tables: 3, rows: 1000 } };

/** A scratch space as it is when the backup was fetched and verified. */
async function verifiedFrom(storages: readonly StorageEnv[], from = '1'): Promise<string> {
  const { work, status } = await fetchBackup(storages, { env: { FROM_STORAGE: from } });
  expect(status).toBe(0);
  mkdirSync(join(work, 'verified'));
  writeFileSync(join(work, 'verified/shop.json'), `${JSON.stringify(VERIFIED)}\n`);
  writeFileSync(join(work, 'verified/files.json'), '{"name":"files","kind":"volume","method":"tar","seconds":1,"checks":{}}\n');
  return work;
}

/** The same when it was restored. */
async function restoredFrom(storages: readonly StorageEnv[]): Promise<string> {
  const { work } = await fetchBackup(storages);
  writeFileSync(join(work, 'run/result-shop.json'), '{"part":"shop","into":"shop","kept":"shop_old_hjkmnpqr","seconds":9}\n');
  return work;
}

const DONE = { RECORD: 'done', TIER: 'pre-restore', RESTORE_ID: 'hjkmnpqr', MARKER_STORAGES: '1 2', MARKER_PATH: 'shop/restores/hjkmnpqr' };
/** Where it lies below a prefix. */
const MARKER = `${DONE.MARKER_PATH}.done`;

describe.each(SHELLS)('record under %s', (shellName, shell) => {
  const tools = shellName === 'busybox ash' ? IN_IMAGE : { shell, path: ON_DEBIAN };

  test('records a verification beside the manifest, in every storage that holds it', async () => {
    const { storages, staged, onClaim, bucket } = await stored();
    const work = await verifiedFrom(storages, '2');
    const { status, stdout, stderr, lastWords } = await record(work, storages, { ...tools, env: { RECORD: 'verified', FROM_STORAGE: '2' } });
    expect({ status, stdout, stderr }).toMatchObject({ status: 0, stdout: '' });
    const written = readFileSync(onClaim('.verified.json'), 'utf8');
    expect(s3.read(bucket, `prod/shop/daily/${staged.name}.verified.json`)).toBe(written);
    expect(JSON.parse(written)).toEqual({
      version: 'backstay/v1',
      name: staged.name,
      runId: 'bcdfghjk',
      verified: expect.stringMatching(/^2026-11-21T09:34:1\dZ$/),
      seconds: expect.any(Number),
      storage: 'offsite',
      job: 'backup-shop-daily-1',
      pod: 'backup-shop-daily-1-x',
      parts: [{ name: 'files', kind: 'volume', method: 'tar', seconds: 1, checks: {} }, VERIFIED],
    });
    // From a minute after NOW until 252 seconds after it.
    expect(JSON.parse(written).seconds).toBeGreaterThanOrEqual(190);
    expect(JSON.parse(written).seconds).toBeLessThan(240);
    expect(lastWords).toEqual({
      phase: 'record',
      status: 0,
      reason: `verified ${staged.name}: every check passed, recorded in local, recorded in offsite`,
      name: staged.name,
      seconds: JSON.parse(written).seconds,
      warnings: [],
    });
  });

  test('writes the done-marker of a restore to every storage, and fetch finds any of them', async () => {
    const { storages, staged, claim, bucket } = await stored();
    const work = await restoredFrom(storages);
    const { status, lastWords } = await record(work, storages, { ...tools, env: DONE });
    const written = readFileSync(join(claim.folder, 'prod', MARKER), 'utf8');
    expect(s3.read(bucket, `prod/${MARKER}`)).toBe(written);
    expect(JSON.parse(written)).toEqual({
      version: 'backstay/v1',
      restore: 'hjkmnpqr',
      name: staged.name,
      done: expect.stringMatching(/^2026-11-21T09:34:/),
      job: 'backup-shop-daily-1',
      pod: 'backup-shop-daily-1-x',
      results: [{ part: 'shop', into: 'shop', kept: 'shop_old_hjkmnpqr', seconds: 9 }],
    });
    expect({ status, lastWords }).toMatchObject({
      status: 0,
      lastWords: { reason: `restore hjkmnpqr of the backup ${staged.name}: recorded in local, recorded in offsite`, warnings: [] },
    });
    rmSync(join(claim.folder, 'prod', MARKER));
    const next = await fetchBackup(storages, { ...tools, env: { ...DONE, RECORD: '' } });
    expect({ status: next.status, files: next.files, reason: next.lastWords?.reason }).toEqual({
      status: 0,
      files: [],
      reason: expect.stringMatching(/^already done at 2026-11-21T09:34:\d\dZ: 2026/),
    });
  });
});

describe('a verification', () => {
  const RECORD = { RECORD: 'verified' };

  test('is recorded once: the first record stays', async () => {
    const { storages, onClaim } = await stored();
    const work = await verifiedFrom(storages);
    await record(work, storages, { env: RECORD });
    const first = readFileSync(onClaim('.verified.json'), 'utf8');
    const { status, lastWords } = await record(work, storages, { env: RECORD, at: NOW + 9 * DAY });
    expect({ status, reason: lastWords?.reason }).toEqual({
      status: 0,
      reason: expect.stringContaining('recorded earlier in local, recorded earlier in offsite'),
    });
    expect(readFileSync(onClaim('.verified.json'), 'utf8')).toBe(first);
  });

  test('is not recorded in a storage without the backup, and there is no warning', async () => {
    const { storages, claim, onClaim } = await stored();
    const work = await verifiedFrom(storages, '2');
    rmSync(onClaim('.manifest.json'));
    const { status, lastWords } = await record(work, storages, { env: { ...RECORD, FROM_STORAGE: '2' } });
    expect({ status, lastWords }).toMatchObject({
      status: 0,
      lastWords: { reason: expect.stringMatching(/: every check passed, recorded in offsite$/), warnings: [] },
    });
    expect(readdirSync(join(claim.folder, 'prod/shop/daily')).filter((file) => file.includes('verified'))).toEqual([]);
  });

  test('is not recorded beside another manifest of the same name, with a warning', async () => {
    const { storages, onClaim } = await stored();
    const work = await verifiedFrom(storages, '2');
    writeFileSync(onClaim('.manifest.json'), `${readFileSync(onClaim('.manifest.json'), 'utf8')} `);
    const { status, lastWords } = await record(work, storages, { env: { ...RECORD, FROM_STORAGE: '2' } });
    expect({ status, lastWords }).toMatchObject({
      status: 0,
      lastWords: {
        reason: expect.stringMatching(/: every check passed, recorded in offsite$/),
        warnings: [expect.stringMatching(/^not recorded in local: its manifest of 2026\S+ is not the one/)],
      },
    });
    expect(existsSync(onClaim('.verified.json'))).toBe(false);
  });

  test.each<[string, (manifest: string) => void]>([
    ['is gone', (manifest) => rmSync(manifest)],
    ['was replaced', (manifest) => writeFileSync(manifest, '{}')],
  ])('fails if the manifest %s in the storage that was read', async (_, spoil) => {
    const { storages, onClaim } = await stored();
    const work = await verifiedFrom(storages);
    spoil(onClaim('.manifest.json'));
    const { status, lastWords } = await record(work, storages, { env: RECORD });
    expect({ status, reason: lastWords?.reason }).toEqual({
      status: 65,
      reason: expect.stringMatching(/^storage local: its manifest of 2026\S+ is not the one that was verified$/),
    });
    expect(existsSync(onClaim('.verified.json'))).toBe(false);
  });

  test('is a warning if the copy rejects it', async () => {
    const { storages, bucket, onClaim } = await stored();
    const work = await verifiedFrom(storages);
    const forget = s3.gate.rule(({ method, path }) => (method === 'PUT' && path.startsWith(`/${bucket}/`) ? { status: 403 } : undefined));
    const { status, lastWords } = await record(work, storages, { env: RECORD });
    forget();
    expect({ status, lastWords }).toMatchObject({
      status: 0,
      lastWords: {
        reason: expect.stringMatching(/: every check passed, recorded in local$/),
        warnings: [expect.stringMatching(/^not recorded in offsite: access denied/)],
      },
    });
    expect(existsSync(onClaim('.verified.json'))).toBe(true);
  });

  test('fails if the storage that was read from rejects it', async () => {
    const { storages, bucket, staged } = await stored();
    const work = await verifiedFrom(storages, '2');
    const forget = s3.gate.rule(({ method, path }) => (method === 'PUT' && path.startsWith(`/${bucket}/`) ? { status: 403 } : undefined));
    const { status, lastWords } = await record(work, storages, { env: { ...RECORD, FROM_STORAGE: '2' } });
    forget();
    expect({ status, reason: lastWords?.reason }).toEqual({ status: 77, reason: expect.stringMatching(/^storage offsite: access denied/) });
    expect(s3.keys(bucket, `prod/shop/daily/${staged.name}.verified`)).toEqual([]);
  });

  test('protects its backup from retention, and is deleted with it after the manifest', async () => {
    const { claim, onClaim, staged } = await stored();
    const work = await verifiedFrom([claim.storage]);
    await record(work, [claim.storage], { env: RECORD });
    const keep = withSettings(claim.storage, { KEEP_LAST: '1', KEEP_AT_LEAST: '1', KEEP_AT_MOST_DELETED: '100' });
    const daysLater = async (days: number, runId: string): Promise<Staged> => {
      const later = stage({ at: NOW + days * DAY, runId });
      await publish(later, [keep], { at: NOW + days * DAY });
      return later;
    };
    const next = await daysLater(1, 'cdfghjkm');
    expect(existsSync(onClaim('.dump'))).toBe(true);
    writeFileSync(join(claim.folder, 'prod/shop/daily', `${next.name}.verified.json`), '{}');
    const last = await daysLater(2, 'dfghjkmn');
    const left = readdirSync(join(claim.folder, 'prod/shop/daily'));
    expect(left.filter((file) => file.startsWith(staged.name))).toEqual([]);
    expect(left.filter((file) => file.startsWith(next.name)).length).toBe(4);
    expect(left.filter((file) => file.startsWith(last.name)).length).toBe(3);
  });
});

describe('a done-marker', () => {
  test('of two concurrent restores is the first one', async () => {
    const { storages, bucket } = await stored();
    const env = { ...DONE, MARKER_STORAGES: '2' };
    const works = [await restoredFrom(storages), await restoredFrom(storages)];
    const ends = await Promise.all(works.map((work, index) => record(work, storages, { env: { ...env, POD_NAME: `pod-${index}` } })));
    expect(ends.map(({ status }) => status)).toEqual([0, 0]);
    const said = ends.map(({ lastWords }) => String(lastWords?.reason).replace(/^.*: /, ''));
    expect(said.sort()).toEqual(['recorded earlier in offsite', 'recorded in offsite']);
    const winner = ends.findIndex(({ lastWords }) => String(lastWords?.reason).endsWith('recorded in offsite'));
    expect(JSON.parse(s3.read(bucket, `prod/${MARKER}`)).pod).toBe(`pod-${winner}`);
  });

  test('is written to the named storages and to no other', async () => {
    const { storages, claim, bucket } = await stored();
    const { status } = await record(await restoredFrom(storages), storages, { env: { ...DONE, MARKER_STORAGES: '2' } });
    expect([status, existsSync(join(claim.folder, 'prod', MARKER)), s3.keys(bucket, `prod/${MARKER}`).length]).toEqual([0, false, 1]);
  });

  test.each<[string, 'cut' | { readonly status: number }, RegExp]>([
    ['does not answer', 'cut', /^not recorded in offsite: the store does not answer/],
    ['denies the key', { status: 403 }, /^not recorded in offsite: access denied/],
  ])('is a warning if one of two storages %s', async (_, verdict, warning) => {
    for (const order of [1, -1]) {
      const { storages, bucket, claim } = await stored();
      const work = await restoredFrom(storages);
      const forget = s3.gate.rule(() => verdict);
      const { status, lastWords } = await record(work, order === 1 ? storages : storages.toReversed(), { env: DONE });
      forget();
      expect({ status, lastWords }).toMatchObject({
        status: 0,
        lastWords: { reason: expect.stringMatching(/: recorded in local$/), warnings: [expect.stringMatching(warning)] },
      });
      expect([existsSync(join(claim.folder, 'prod', MARKER)), s3.keys(bucket, 'prod/shop/restores')]).toEqual([true, []]);
    }
  });

  test.each<[string, 'cut' | { readonly status: number }, number, RegExp]>([
    ['does not answer', 'cut', 69, /^storage offsite: the store does not answer/],
    ['denies the key', { status: 403 }, 77, /^storage offsite: access denied/],
  ])('is a failure if the only storage %s', async (_, verdict, expected, reason) => {
    const { storages, bucket } = await stored();
    const work = await restoredFrom(storages);
    const forget = s3.gate.rule(() => verdict);
    const { status, lastWords } = await record(work, storages, { env: { ...DONE, MARKER_STORAGES: '2' } });
    forget();
    expect({ status, reason: lastWords?.reason }).toEqual({ status: expected, reason: expect.stringMatching(reason) });
    expect(s3.keys(bucket, 'prod/shop/restores')).toEqual([]);
  });
});

describe('nothing is recorded', () => {
  test.each([['done', DONE] as const, ['verified', { RECORD: 'verified' }] as const])('if everything was done before: %s', async (_, env) => {
    const { storages, claim } = await stored();
    const work = await verifiedFrom(storages);
    writeFileSync(join(work, 'run/already'), '{}');
    const { status, lastWords } = await record(work, storages, { env });
    expect({ status, reason: lastWords?.reason }).toEqual({ status: 0, reason: 'already done: nothing to record' });
    expect(readdirSync(join(claim.folder, 'prod/shop'), { recursive: true }).filter((file) => /verified|done/.test(String(file)))).toEqual([]);
  });

  test.each<[string, (work: string) => void, object, number, RegExp]>([
    ['no part was verified', (work) => rmSync(join(work, 'verified'), { recursive: true }), {}, 70, /^there is no verified\/\*\.json$/],
    ['a part left truncated JSON', (work) => writeFileSync(join(work, 'verified/shop.json'), '{"name":'), {}, 70, /^not JSON: verified\/shop\.json$/],
    ['a part left two values', (work) => writeFileSync(join(work, 'verified/shop.json'), '{}{}'), {}, 70, /^not JSON: verified\/shop\.json$/],
    ['no backup was fetched', (work) => rmSync(join(work, 'run/backup')), {}, 70, /^no backup was fetched$/],
    ['the start is unknown', (work) => rmSync(join(work, 'run/begun')), {}, 70, /^there is no run\/begun$/],
    ['nothing was restored', () => undefined, DONE, 70, /^there is no run\/result-\*\.json$/],
    ['RECORD is empty', () => undefined, { RECORD: '' }, 64, /^not set or empty: RECORD$/],
    ['RECORD is neither of the two', () => undefined, { RECORD: 'restored' }, 64, /^expected done or verified in RECORD, got 'restored'$/],
    [
      'MARKER_STORAGES is empty',
      () => undefined,
      { ...DONE, MARKER_PATH: '', MARKER_STORAGES: '' },
      64,
      /^not set or empty: MARKER_STORAGES MARKER_PATH$/,
    ],
    [
      'a storage does not exist',
      () => undefined,
      { ...DONE, MARKER_STORAGES: '1 4' },
      64,
      /^expected numbers from 1 to 2 in MARKER_STORAGES, got '1 4'$/,
    ],
  ])('if %s', async (_, spoil, env, expected, reason) => {
    const { storages, claim } = await stored();
    const work = await verifiedFrom(storages);
    spoil(work);
    const { status, lastWords } = await record(work, storages, { env: { RECORD: 'verified', ...env } });
    expect({ status, reason: lastWords?.reason }).toEqual({ status: expected, reason: expect.stringMatching(reason) });
    expect(readdirSync(join(claim.folder, 'prod/shop'), { recursive: true }).filter((file) => /verified|done/.test(String(file)))).toEqual([]);
  });
});
