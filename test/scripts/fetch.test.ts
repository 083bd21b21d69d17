import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Rule } from '../support/cluster/gate.ts';
import { type FetchCall, type Fetched, fetchBackup } from '../support/fetch.ts';
import { aClaim, anS3, DAY, IN_IMAGE, NOW, nameAt, ON_DEBIAN, publish, type Staged, type StorageEnv, stage } from '../support/publish.ts';
import { SHELLS } from '../support/run-script.ts';
import { type LocalS3, startLocalS3 } from '../support/s3.ts';

let s3: LocalS3;
const claim = aClaim();
let storages: readonly StorageEnv[];
const daily = (file: string) => join(claim.folder, 'prod/shop/daily', file);

/** The newest, one of yesterday, one that a weekly tier made, and one from the future. */
const TODAY = stage({ at: NOW, runId: 'bcdfghjk' });
const YESTERDAY = stage({ at: NOW - DAY, runId: 'cdfghjkm' });
const WEEKLY = stage({ at: NOW - 9 * DAY, runId: 'dfghjkmn' });
const FUTURE = stage({ at: NOW + 2 * DAY, runId: 'fghjkmnp' });

beforeAll(async () => {
  s3 = await startLocalS3();
  await s3.rclone('mkdir', 'S:backups');
  storages = [claim.storage, anS3(s3)];
  await publish(WEEKLY, storages, { at: NOW - 9 * DAY, env: { FOLDER: 'shop/weekly', TIER: 'weekly' } });
  for (const [staged, at] of [[YESTERDAY, NOW - DAY] as const, [TODAY, NOW] as const, [FUTURE, NOW + 2 * DAY] as const]) {
    const { status, stderr } = await publish(staged, storages, { at });
    expect({ status, stderr }).toMatchObject({ status: 0 });
  }
});

afterAll(() => s3?.end());

const fetchOf = (env: FetchCall['env'], more: Omit<FetchCall, 'env'> = {}, of = storages) => fetchBackup(of, { ...more, env });

/** What a later step finds. */
const handed = ({ read }: Fetched) => ({ backup: read('run/backup'), folder: read('run/folder') });
const NOTHING = { backup: '', folder: '' };

describe.each(SHELLS)('fetch under %s', (shellName, shell) => {
  const tools = shellName === 'busybox ash' ? IN_IMAGE : { shell, path: ON_DEBIAN };

  test.each([
    ['a claim', '1', 'local'],
    ['S3', '2', 'offsite'],
  ])('fetches the newest backup from %s, byte for byte, with its manifest and its facts', async (_, FROM_STORAGE, storage) => {
    const end = await fetchOf({ FROM_STORAGE }, tools);
    expect({ status: end.status, stdout: end.stdout, stderr: end.stderr }).toMatchObject({ status: 0, stdout: '' });
    const { name, files } = TODAY;
    expect(end.files).toEqual([...Object.keys(files), 'manifest.json', 'shop.facts'].sort());
    for (const [file, content] of Object.entries(files)) expect(readFileSync(join(end.work, 'in', file)).equals(content)).toBe(true);
    expect(end.read('in/manifest.json')).toBe(readFileSync(daily(`${name}.manifest.json`), 'utf8'));
    expect(end.read('in/shop.facts').split('\n')).toEqual(
      expect.arrayContaining([
        'name\tshop',
        'database.name\tshop',
        'filters.excludeTableData.0\taudit.*',
        `files.0.name\t${name}.dump`,
        'encryption\tnull',
      ]),
    );
    expect(handed(end)).toEqual({ backup: `${name}\n`, folder: 'shop/daily\n' });
    expect(end.read('run/begun')).toMatch(/^\d+\n$/);
    expect(Number(end.read('run/begun'))).toBeGreaterThanOrEqual(NOW + 60);
    expect(end.lastWords).toEqual({
      phase: 'fetch',
      status: 0,
      reason: `backup ${name} of ${storage} fetched and compared`,
      name,
      bytes: 100_009,
      seconds: expect.any(Number),
      files: 2,
    });
  });

  test('fetches nothing if there is a done-marker, and tells the later steps', async () => {
    const end = await done(tools);
    expect({ status: end.status, files: end.files, ...handed(end) }).toEqual({ status: 0, files: [], ...NOTHING });
    expect(JSON.parse(end.read('run/already'))).toMatchObject({ name: TODAY.name });
    expect(end.lastWords).toMatchObject({ status: 0, reason: `already done at 2026-11-20T10:00:00Z: ${TODAY.name}`, restore: 'hjkmnpqr' });
  });

  test.each(['latest', 'latest-verified', `before:${NOW + 3600}`])(
    '%s is chosen once: backups that are stored and verified later change nothing',
    async (WANTED) => {
      const { of, put, bucket, folder } = await marked();
      await put(YESTERDAY, 'verified');
      const env = { ...MARKERS, WANTED };
      const first = await fetchOf(env, tools, of);
      expect({ status: first.status, stderr: first.stderr }).toMatchObject({ status: 0 });
      expect(handed(first)).toEqual({ backup: `${YESTERDAY.name}\n`, folder: 'shop/daily\n' });
      const kept = readFileSync(join(folder, 'prod', `${MARKERS.MARKER_PATH}.chosen`), 'utf8');
      expect(s3.read(bucket, `prod/${MARKERS.MARKER_PATH}.chosen`)).toBe(kept);
      expect(JSON.parse(kept)).toEqual({
        version: 'backstay/v1',
        restore: 'hjkmnpqr',
        name: YESTERDAY.name,
        folder: 'shop/daily',
        chosen: expect.stringMatching(/^2026-11-21T09:31:\d\dZ$/),
        job: 'backup-shop-daily-1',
        pod: 'backup-shop-daily-1-x',
      });
      await put(TODAY, 'verified');
      rmSync(join(folder, 'prod', `${MARKERS.MARKER_PATH}.chosen`));
      const later = await fetchOf({ ...env, FROM_STORAGE: '2' }, tools, of);
      expect({ status: later.status, ...handed(later), files: later.files }).toEqual({ status: 0, ...handed(first), files: first.files });
      expect(later.stderr).toContain(`chosen by an earlier attempt: ${YESTERDAY.name}`);
    },
  );
});

/** A claim and a bucket of its own, in which a test puts one backup after the other. */
async function marked() {
  const [other, bucket] = [aClaim(), `marked-${nth++}`];
  await s3.rclone('mkdir', `S:${bucket}`);
  const of = [other.storage, anS3(s3, { bucket })];
  const put = async (staged: Staged, verified = '') => {
    const { status } = await publish(again(staged), of, { at: staged === TODAY ? NOW : NOW - DAY });
    expect(status).toBe(0);
    const file = `prod/shop/daily/${staged.name}.verified.json`;
    if (verified) for (const path of [join(other.folder, file), s3.file(bucket, file)]) writeFileSync(path, '{}');
  };
  const marker = (ending: string) => join(other.folder, 'prod', `${MARKERS.MARKER_PATH}.${ending}`);
  return { of, put, bucket, folder: other.folder, marker };
}

let nth = 0;

const MARKERS = { RESTORE_ID: 'hjkmnpqr', MARKER_STORAGES: '1 2', MARKER_PATH: 'shop/restores/hjkmnpqr' };

const MARKER = JSON.stringify({ version: 'backstay/v1', name: TODAY.name, done: '2026-11-20T10:00:00Z' });

/** With a done-marker in the first storage. */
async function done(tools: object, content = MARKER, env: FetchCall['env'] = {}) {
  const other = aClaim();
  mkdirSync(join(other.folder, 'prod/shop/restores'), { recursive: true });
  writeFileSync(join(other.folder, 'prod', `${MARKERS.MARKER_PATH}.done`), content);
  return fetchOf({ ...MARKERS, MARKER_STORAGES: '1', FROM_STORAGE: '2', ...env }, tools, [other.storage, anS3(s3)]);
}

describe('chooses', () => {
  test.each<[string, FetchCall['env'], string]>([
    ['the newest of all folders, but none from the future', { WANTED: 'latest' }, TODAY.name],
    ['from one folder only', { WANTED: 'latest', FOLDERS: 'shop/weekly' }, WEEKLY.name],
    ['even if another folder does not exist yet', { WANTED: 'latest', FOLDERS: 'shop/hourly\nshop/weekly' }, WEEKLY.name],
    [
      'nothing that began after a bound, so that tomorrow’s attempt chooses the same',
      { WANTED: 'latest', NOT_AFTER: String(NOW - 1) },
      YESTERDAY.name,
    ],
    ['the newest before a time', { WANTED: `before:${NOW}` }, YESTERDAY.name],
    ['before a time long ago', { WANTED: `before:${NOW - DAY}` }, WEEKLY.name],
    ['by a run id', { WANTED: 'cdfghjkm' }, YESTERDAY.name],
    ['by a name', { WANTED: WEEKLY.name }, WEEKLY.name],
    ['by the name of a stored file', { WANTED: `${YESTERDAY.name}+globals.sql` }, YESTERDAY.name],
    ['by the name of a manifest', { WANTED: `${YESTERDAY.name}.manifest.json` }, YESTERDAY.name],
    ['one from the future if it is named', { WANTED: 'fghjkmnp' }, FUTURE.name],
    ['one that is just new enough', { WANTED: 'cdfghjkm', NEWER_THAN_SECONDS: String(DAY + 120) }, YESTERDAY.name],
  ])('%s', async (_, env, name) => {
    for (const FROM_STORAGE of ['1', '2']) {
      const end = await fetchOf({ ...env, FROM_STORAGE });
      expect({ status: end.status, backup: end.read('run/backup'), stderr: end.stderr }).toMatchObject({ status: 0, backup: `${name}\n` });
    }
  });

  test('finds the backups of a renamed source under any of its names', async () => {
    expect((await fetchOf({ ORIGIN_SOURCES: 'store\nshop' })).status).toBe(0);
  });

  test('the newest verified backup, not the newest', async () => {
    const other = aClaim();
    for (const [staged, at] of [[again(YESTERDAY), NOW - DAY] as const, [again(TODAY), NOW] as const]) await publish(staged, [other.storage], { at });
    const wanted = () => fetchOf({ WANTED: 'latest-verified' }, {}, [other.storage]);
    const none = await wanted();
    expect({ status: none.status, reason: none.lastWords?.reason, hint: none.lastWords?.hint, ...handed(none) }).toEqual({
      status: 64,
      reason: 'no verified backup of prod/shop (storage local)',
      hint: `the newest is ${TODAY.name} and the oldest ${YESTERDAY.name}; backstay list prod/shop shows all`,
      ...NOTHING,
    });
    writeFileSync(join(other.folder, 'prod/shop/daily', `${YESTERDAY.name}.verified.json`), '{}');
    expect((await wanted()).read('run/backup')).toBe(`${YESTERDAY.name}\n`);
  });

  test('the greater name of two that began in the same second, as retention does', async () => {
    const other = aClaim();
    for (const runId of ['bcdfghjk', 'vtsrqpnm', 'hjkmnpqr']) await publish(stage({ runId }), [other.storage]);
    expect((await fetchOf({}, {}, [other.storage])).read('run/backup')).toBe(`${nameAt(NOW, 'vtsrqpnm')}\n`);
  });

  test('ignores a backup without a manifest', async () => {
    const other = aClaim();
    await publish(again(YESTERDAY), [other.storage], { at: NOW - DAY });
    writeFileSync(join(other.folder, 'prod/shop/daily', `${TODAY.name}.dump`), 'half');
    expect((await fetchOf({}, {}, [other.storage])).read('run/backup')).toBe(`${YESTERDAY.name}\n`);
  });

  test.each<[string, FetchCall['env'], number, string | RegExp, RegExp]>([
    [
      'an unknown id',
      { WANTED: 'zzzzzzzz' },
      64,
      "no backup 'zzzzzzzz' of prod/shop (storage local)",
      /^the newest is 20261123-\S+ and the oldest 20261112-\S+; backstay list prod\/shop shows all$/,
    ],
    ['a part of a name', { WANTED: '20261121' }, 64, /^no backup '20261121'/, /the newest is/],
    ['a pattern', { WANTED: '.*' }, 64, /^no backup '\.\*'/, /the newest is/],
    [
      'nothing before a time',
      { WANTED: `before:${NOW - 20 * DAY}` },
      64,
      /^no backup of prod\/shop before 2026-11-01T09:30:00Z/,
      /the oldest 20261112/,
    ],
    ['a time that is not a number', { WANTED: 'before:yesterday' }, 64, /^before must be a whole number, got 'yesterday'/, /environment.md/],
    ['an empty storage', { FOLDERS: 'shop/hourly' }, 64, 'no backup of prod/shop in storage local', /another storage/],
    [
      'a storage with only names from the future',
      { FOLDERS: 'shop/daily', NOW: String(NOW - 5 * DAY) },
      64,
      /^all backups of prod\/shop have names from the future/,
      /the newest is/,
    ],
    [
      'a backup that is too old in days',
      { FOLDERS: 'shop/weekly', NEWER_THAN_SECONDS: String(8 * DAY) },
      65,
      /^the newest backup is 9 days old, the maximum is 8 days: 20261112-/,
      /no newer one/,
    ],
    [
      'a backup that is too old in hours',
      { WANTED: 'cdfghjkm', NEWER_THAN_SECONDS: '7200' },
      65,
      /^the backup cdfghjkm is 24 hours old, the maximum is 2 hours/,
      /no newer one/,
    ],
    ['an unknown storage', { FROM_STORAGE: '3' }, 64, "expected numbers from 1 to 2 in FROM_STORAGE, got '3'", /numbers of storages/],
    ['storage 0', { FROM_STORAGE: '0' }, 64, /^expected numbers from 1 to 2 in FROM_STORAGE, got '0'/, /numbers of storages/],
  ])('rejects %s', async (_, env, status, reason, hint) => {
    const end = await fetchOf(env);
    expect({ status: end.status, lastWords: end.lastWords, files: end.files, ...handed(end) }).toEqual({
      status,
      lastWords: expect.objectContaining({
        status,
        reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
        hint: expect.stringMatching(hint),
      }),
      files: [],
      ...NOTHING,
    });
  });

  test('rejects an id that matches several backups, which only tests can produce', async () => {
    const other = aClaim();
    for (const at of [NOW - DAY, NOW]) await publish(stage({ at }), [other.storage], { at });
    const { status, lastWords } = await fetchOf({ WANTED: 'bcdfghjk' }, {}, [other.storage]);
    expect({ status, reason: lastWords?.reason, hint: lastWords?.hint }).toEqual({
      status: 64,
      reason: `'bcdfghjk' matches several backups: shop/daily/${nameAt(NOW)}, shop/daily/${nameAt(NOW - DAY)}`,
      hint: 'give the full name',
    });
  });

  test('names all missing variables at once', async () => {
    const { status, lastWords } = await fetchOf({ WANTED: '', PARTS: '' });
    expect({ status, reason: lastWords?.reason }).toEqual({ status: 64, reason: 'not set or empty: WANTED PARTS' });
  });
});

describe('the done-marker', () => {
  test('lets the restore start if it is in no storage', async () => {
    const end = await fetchOf(MARKERS);
    expect({ status: end.status, backup: end.read('run/backup') }).toEqual({ status: 0, backup: `${TODAY.name}\n` });
    expect(existsSync(join(end.work, 'run/already'))).toBe(false);
  });

  test('counts in the first storage and in the last', async () => {
    const other = aClaim();
    writeFileSync(s3.file('backups', 'prod/shop/daily/kmnpqrst.done'), '{"name":"x"}');
    const env = { RESTORE_ID: 'kmnpqrst', MARKER_STORAGES: '1 2', MARKER_PATH: 'shop/daily/kmnpqrst' };
    for (const of of [
      [other.storage, anS3(s3)],
      [anS3(s3), other.storage],
    ]) {
      const end = await fetchOf(env, {}, of);
      expect({ status: end.status, reason: end.lastWords?.reason, files: end.files }).toEqual({ status: 0, reason: 'already done: x', files: [] });
    }
  });

  test('counts even if another storage does not answer', async () => {
    const forget = s3.gate.rule(() => 'cut');
    for (const MARKER_STORAGES of ['1 2', '2 1']) {
      const end = await done({}, MARKER, { MARKER_STORAGES });
      expect({ status: end.status, reason: end.lastWords?.reason }).toEqual({ status: 0, reason: expect.stringMatching(/^already done at/) });
    }
    forget();
  });

  test.each(['', '{"name":'])('counts even with unreadable content: %j', async (content) => {
    const end = await done(IN_IMAGE, content);
    expect({ status: end.status, reason: end.lastWords?.reason, files: end.files }).toEqual({ status: 0, reason: 'already done', files: [] });
    expect(existsSync(join(end.work, 'run/already'))).toBe(true);
  });

  test.each<[string, Rule, number]>([
    ['does not answer', () => 'cut', 69],
    ['answers 503', () => ({ status: 503 }), 69],
    ['denies the key', () => ({ status: 403 }), 77],
  ])('stops the restore if one of two storages cannot be searched for it because the store %s', async (_, rule, status) => {
    const forget = s3.gate.rule(rule);
    const ends = await Promise.all(['1 2', '2 1'].map((MARKER_STORAGES) => fetchOf({ ...MARKERS, MARKER_STORAGES }, { path: IN_IMAGE.path })));
    forget();
    for (const end of ends) {
      expect({ status: end.status, lastWords: end.lastWords, files: end.files, ...handed(end) }).toEqual({
        status,
        lastWords: expect.objectContaining({
          reason: expect.stringMatching(/^storage offsite: /),
          hint: expect.stringMatching(/^a marker in offsite may say .* remove it from the values; backstay restore by hand /),
        }),
        files: [],
        ...NOTHING,
      });
      expect(existsSync(join(end.work, 'run/already'))).toBe(false);
    }
  });

  test('is matched by its full name', async () => {
    for (const MARKER_PATH of ['shop/restores/hjkmnpq.', 'shop/restores/jkmnpqr', 'shop/other/hjkmnpqr']) {
      const end = await done(IN_IMAGE, MARKER, { MARKER_PATH });
      expect({ status: end.status, already: existsSync(join(end.work, 'run/already')) }).toEqual({ status: 0, already: false });
    }
  });

  test.each([
    ['', 'not set or empty: MARKER_STORAGES'],
    ['1 3', "expected numbers from 1 to 2 in MARKER_STORAGES, got '1 3'"],
  ])('is not searched for in storages %j', async (MARKER_STORAGES, reason) => {
    const end = await fetchOf({ ...MARKERS, MARKER_STORAGES });
    expect({ status: end.status, reason: end.lastWords?.reason, files: end.files }).toEqual({ status: 64, reason, files: [] });
  });
});

describe('the chosen backup', () => {
  test('is not replaced by another one if it is gone', async () => {
    const { of, put, folder } = await marked();
    await put(YESTERDAY);
    expect((await fetchOf(MARKERS, {}, of)).status).toBe(0);
    await put(TODAY);
    rmSync(join(folder, 'prod/shop/daily', `${YESTERDAY.name}.manifest.json`));
    const end = await fetchOf(MARKERS, {}, of);
    expect({ status: end.status, lastWords: end.lastWords, files: end.files, ...handed(end) }).toEqual({
      status: 64,
      lastWords: expect.objectContaining({
        reason: `the backup ${YESTERDAY.name} that this restore chose earlier is not in folder shop/daily of storage local`,
        hint: 'to choose again, change its entry in the values: that makes it a new restore',
      }),
      files: [],
      ...NOTHING,
    });
    expect((await fetchOf({ ...MARKERS, RESTORE_ID: 'kmnpqrst', MARKER_PATH: 'shop/restores/kmnpqrst' }, {}, of)).read('run/backup')).toBe(
      `${TODAY.name}\n`,
    );
  });

  test('is searched for only in its folder, whatever the folders are now', async () => {
    const { of, put } = await marked();
    await put(YESTERDAY);
    await fetchOf(MARKERS, {}, of);
    const end = await fetchOf({ ...MARKERS, FOLDERS: 'shop/hourly' }, {}, of);
    expect({ status: end.status, ...handed(end) }).toEqual({ status: 0, backup: `${YESTERDAY.name}\n`, folder: 'shop/daily\n' });
  });

  test('is the same for two attempts at once: the slower one ends, and its successor uses the choice of the faster', async () => {
    const { of, put, bucket } = await marked();
    await put(YESTERDAY);
    await put(TODAY);
    const file = `prod/${MARKERS.MARKER_PATH}.chosen`;
    const faster = join(mkdtempSync(join(tmpdir(), 'faster-')), 'chosen');
    writeFileSync(faster, JSON.stringify({ version: 'backstay/v1', restore: 'hjkmnpqr', name: YESTERDAY.name, folder: 'shop/daily' }));
    let overtaken = false;
    const forget = s3.gate.rule(async ({ method, path }) => {
      if (method !== 'PUT' || !path.startsWith(`/${bucket}/${file}`) || overtaken) return undefined;
      overtaken = true;
      await s3.rclone('copyto', faster, `S:${bucket}/${file}`);
      return undefined;
    });
    const end = await fetchOf({ ...MARKERS, MARKER_STORAGES: '2 1' }, {}, of);
    forget();
    expect({ status: end.status, lastWords: end.lastWords, files: end.files, ...handed(end) }).toEqual({
      status: 75,
      lastWords: expect.objectContaining({
        reason: 'storage offsite: another attempt of this restore has just chosen a backup',
        hint: 'the next attempt uses the same one',
      }),
      files: [],
      ...NOTHING,
    });
    // The claim, whose turn would have come next, was not given another choice.
    for (const MARKER_STORAGES of ['2 1', '1 2'])
      expect((await fetchOf({ ...MARKERS, MARKER_STORAGES }, {}, of)).read('run/backup')).toBe(`${YESTERDAY.name}\n`);
  });

  test.each([
    ['', 'is not JSON'],
    ['{"version":"backstay/v1","restore":"hjkmnpqr","name":"20', 'is not JSON'],
    [JSON.stringify({ version: 'backstay/v2', restore: 'hjkmnpqr' }), 'has another version'],
    [JSON.stringify({ version: 'backstay/v1', restore: 'kmnpqrst', name: TODAY.name, folder: 'shop/daily' }), 'belongs to another restore'],
    [JSON.stringify({ version: 'backstay/v1', restore: 'hjkmnpqr', name: TODAY.name }), 'names no backup'],
  ])('is not guessed from the unreadable marker %j', async (content, what) => {
    const { of, put, marker } = await marked();
    await put(TODAY);
    mkdirSync(dirname(marker('chosen')), { recursive: true });
    writeFileSync(marker('chosen'), content);
    const end = await fetchOf(MARKERS, {}, of);
    expect({ status: end.status, reason: end.lastWords?.reason, files: end.files, ...handed(end) }).toEqual({
      status: 65,
      reason: `cannot read which backup this restore chose earlier: shop/restores/hjkmnpqr.chosen ${what}`,
      files: [],
      ...NOTHING,
    });
  });

  test('is recorded if one storage accepts it, and nothing is fetched if none does', async () => {
    const { of, put, bucket, marker } = await marked();
    await put(TODAY);
    const forget = s3.gate.rule(({ method, path }) => (method === 'PUT' && path.startsWith(`/${bucket}/`) ? { status: 403 } : undefined));
    const none = await fetchOf({ ...MARKERS, MARKER_STORAGES: '2' }, {}, of);
    const one = await fetchOf({ ...MARKERS, MARKER_STORAGES: '2 1' }, {}, of);
    forget();
    expect({ status: none.status, reason: none.lastWords?.reason, files: none.files, ...handed(none) }).toEqual({
      status: 77,
      reason: expect.stringMatching(/^storage offsite: access denied/),
      files: [],
      ...NOTHING,
    });
    expect([one.status, existsSync(marker('chosen')), s3.keys(bucket, 'prod/shop/restores')]).toEqual([0, true, []]);
  });

  test('is recorded only for a restore with markers, not for a verification or a manual copy', async () => {
    const { of, put, folder } = await marked();
    await put(TODAY);
    expect((await fetchOf({}, {}, of)).status).toBe(0);
    expect(existsSync(join(folder, 'prod/shop/restores'))).toBe(false);
  });
});

describe('the marker of a safety backup', () => {
  const BY_THIS_JOB = { ...MARKERS, JOB_UID: '11111111-0000-4000-8000-000000000000' };
  const BY_ANOTHER = { ...MARKERS, JOB_UID: '22222222-0000-4000-8000-000000000000' };
  const SAFETY = { ...BY_THIS_JOB, PIN: 'true', FOLDER: 'shop/pre-restore', TIER: 'pre-restore' };

  /** Storages with a backup to restore, and one that went before it, marked by the first attempt of a Job. */
  async function safe(by: FetchCall['env'] = {}) {
    const world = await marked();
    await world.put(TODAY);
    const before = stage({ at: NOW + 30, runId: 'kmnpqrst' });
    const { status } = await publish(before, world.of, { at: NOW + 30, env: { ...SAFETY, ...by } });
    expect(status).toBe(0);
    const path = `prod/shop/pre-restore/${before.name}.manifest.json`;
    return { ...world, name: before.name, manifests: [join(world.folder, path), s3.file(world.bucket, path)] as const };
  }
  const said = (end: Fetched) => ({ status: end.status, safe: nameIn(end.read('run/safe')), outdated: nameIn(end.read('run/outdated')) });
  const nameIn = (marker: string) => (marker === '' ? undefined : (JSON.parse(marker) as { name: string }).name);

  test.each(SHELLS)('under %s is passed to the steps that would make that backup, and the others continue', async (shellName, shell) => {
    const tools = shellName === 'busybox ash' ? IN_IMAGE : { shell, path: ON_DEBIAN };
    const { of, name, manifests } = await safe();
    const end = await fetchOf(BY_THIS_JOB, tools, of);
    expect({ ...said(end), ...handed(end) }).toEqual({
      status: 0,
      safe: name,
      outdated: undefined,
      backup: `${TODAY.name}\n`,
      folder: 'shop/daily\n',
    });
    const another = await fetchOf(BY_ANOTHER, tools, of);
    expect(said(another)).toEqual({ status: 0, safe: undefined, outdated: name });
    for (const manifest of manifests) rmSync(manifest);
    const gone = await fetchOf(BY_THIS_JOB, tools, of);
    expect(said(gone)).toEqual({ status: 0, safe: undefined, outdated: undefined });
  });

  test('lets the backup be made if it is in no storage', async () => {
    const { of, put } = await marked();
    await put(TODAY);
    expect(said(await fetchOf(BY_THIS_JOB, {}, of))).toEqual({ status: 0, safe: undefined, outdated: undefined });
  });

  test('counts only for attempts of the same Job, not for a later Job of the same name', async () => {
    const { of, name } = await safe();
    const end = await fetchOf({ ...BY_ANOTHER, NOW: String(NOW + 30 * DAY) }, {}, of);
    expect(said(end)).toEqual({ status: 0, safe: undefined, outdated: name });
    expect(end.stderr).toContain(`another Job made the safety backup ${name}: making a new one`);
  });

  test.each([
    ['a marker of an older version', { JOB_UID: '' }, BY_THIS_JOB],
    ['a pod without a Job', { JOB_UID: '' }, { ...MARKERS, JOB_UID: '' }],
  ])('counts for no Job that it does not name: %s', async (_, by, env) => {
    const { of, name } = await safe(by);
    expect(said(await fetchOf(env, {}, of))).toEqual({ status: 0, safe: undefined, outdated: name });
  });

  test.each(['1', '2'])('does not count if its backup was deleted: storage %s', async (MARKER_STORAGES) => {
    const { of, name, manifests } = await safe();
    for (const manifest of manifests) rmSync(manifest);
    const end = await fetchOf({ ...BY_THIS_JOB, MARKER_STORAGES }, {}, of);
    expect(said(end)).toEqual({ status: 0, safe: undefined, outdated: undefined });
    expect(end.stderr).toContain(`the safety backup ${name} of this restore is no longer in shop/pre-restore`);
  });

  test('counts in the storage that still has its backup', async () => {
    const { of, name, manifests } = await safe();
    rmSync(manifests[0]);
    expect(said(await fetchOf(BY_THIS_JOB, {}, of))).toEqual({ status: 0, safe: name, outdated: undefined });
  });

  test.each(['', '{"name":', '{"name":"x"}'])('does not count if it names no backup: %j', async (text) => {
    const { of, marker } = await safe();
    writeFileSync(marker('safety'), text);
    expect(said(await fetchOf({ ...BY_THIS_JOB, MARKER_STORAGES: '1' }, {}, of))).toEqual({ status: 0, safe: undefined, outdated: undefined });
  });

  test('stops the restore if it cannot be searched for, because the live data may be half restored', async () => {
    const forget = s3.gate.rule(() => ({ status: 403 }));
    const end = await fetchOf({ ...MARKERS, MARKER_STORAGES: '2' });
    forget();
    expect({ status: end.status, files: end.files, safe: existsSync(join(end.work, 'run/safe')) }).toEqual({ status: 77, files: [], safe: false });
  });
});

describe('a large backup', () => {
  const large = stage({ at: NOW, runId: 'vtsrqpnm', files: { '.dump': Buffer.alloc(150 * 1024 ** 2, 'some rows, ') } });

  beforeAll(async () => {
    await s3.rclone('mkdir', 'S:large');
    expect((await publish(large, [anS3(s3, { bucket: 'large' })])).status).toBe(0);
  });

  test('is downloaded from S3 in several streams', async () => {
    const before = s3.gate.calls.length;
    const { status, lastWords } = await fetchOf({}, {}, [anS3(s3, { bucket: 'large' })]);
    expect({ status, bytes: lastWords?.bytes }).toEqual({ status: 0, bytes: 150 * 1024 ** 2 });
    const gets = s3.gate.calls.slice(before).filter(({ method, path }) => method === 'GET' && path.endsWith('.dump'));
    expect(gets.length).toBeGreaterThan(1);
  });

  test('is rejected before the first byte if there is no room', async () => {
    const before = s3.gate.calls.length;
    const end = await fetchOf({ SCRATCH_BYTES: String(100 * 1024 ** 2) }, {}, [anS3(s3, { bucket: 'large' })]);
    expect({ status: end.status, reason: end.lastWords?.reason, files: end.files }).toEqual({
      status: 73,
      reason: expect.stringMatching(/^no room: (99\.\d|100\.0) MiB of scratch space free, the backup 2026\S+ needs 150\.0 MiB$/),
      files: [],
    });
    expect(s3.gate.calls.slice(before).filter(({ path }) => path.endsWith('.dump'))).toEqual([]);
  });

  test('leaves nothing if the download is told to stop', async () => {
    let pid = 0;
    let stopped = 0;
    const forget = s3.gate.rule(async ({ method, path }) => {
      if (method !== 'GET' || !path.endsWith('.dump')) return undefined;
      if (stopped === 0) {
        stopped = Date.now();
        process.kill(pid, 'SIGTERM');
      }
      await sleep(8000);
      return 'cut';
    });
    const end = await fetchOf({}, { started: (started) => (pid = started) }, [anS3(s3, { bucket: 'large' })]);
    const waited = Date.now() - stopped;
    forget();
    expect({ status: end.status, reason: end.lastWords?.reason, files: end.files, ...handed(end) }).toEqual({
      status: 70,
      reason: expect.stringContaining('stopped by TERM'),
      files: [],
      ...NOTHING,
    });
    expect(waited).toBeLessThan(5000);
  });

  test('leaves nothing if the copy from a claim is told to stop', async () => {
    let waited = 0;
    const end = await fetchOf(
      {},
      {
        shell: ['dash'],
        path: ON_DEBIAN,
        standIns: { cp: 'echo half >"$2"; kill -TERM "$(cat "$WORK_DIR/pid")"; sleep 8' },
        started: (pid, work) => {
          writeFileSync(join(work, 'pid'), String(pid));
          waited = Date.now();
        },
      },
      [claim.storage],
    );
    waited = Date.now() - waited;
    expect({ status: end.status, reason: end.lastWords?.reason, files: end.files }).toEqual({
      status: 70,
      reason: expect.stringContaining('stopped by TERM'),
      files: [],
    });
    expect(waited).toBeLessThan(6000);
  });

  test('leaves nothing if the download fails half-way', async () => {
    const forget = s3.gate.rule(({ method, path }) => (method === 'GET' && path.endsWith('.dump') ? 'cut' : undefined));
    const end = await fetchOf({}, {}, [anS3(s3, { bucket: 'large' })]);
    forget();
    expect({ status: end.status, reason: end.lastWords?.reason, files: end.files }).toEqual({
      status: 69,
      reason: expect.stringMatching(/^storage offsite: the store does not answer/),
      files: [],
    });
  });
});

test('logs no key and no content', async () => {
  const { stderr, stdout } = await fetchOf({ FROM_STORAGE: '2' });
  expect(stderr + stdout).not.toContain(s3.secret);
  expect(stderr + stdout).not.toContain('rows of a table');
});

/** The same content, staged anew: what was published once is used up. */
function again({ name }: Staged): Staged {
  const at = name === TODAY.name ? NOW : NOW - DAY;
  return stage({ at, runId: name.slice(-8) });
}
