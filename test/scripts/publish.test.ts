import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { strictManifest } from '../../lib/model/manifest.ts';
import { aClaim, anS3, IN_IMAGE, NOW, nameAt, ON_DEBIAN, publish, sha256, stage, withSettings } from '../support/publish.ts';
import { SHELLS } from '../support/run-script.ts';
import { type LocalS3, startLocalS3 } from '../support/s3.ts';

let s3: LocalS3;

beforeAll(async () => {
  s3 = await startLocalS3();
  await s3.rclone('mkdir', 'S:backups');
});

afterAll(() => s3?.end());

let nth = 0;
/** A bucket of its own for a test. */
async function aBucket(): Promise<string> {
  const bucket = `bucket-${nth++}`;
  await s3.rclone('mkdir', `S:${bucket}`);
  return bucket;
}

const LAYOUT = (name: string) => [`shop/daily/${name}+globals.sql`, `shop/daily/${name}.dump`, `shop/daily/${name}.manifest.json`, 'shop/owner.json'];

describe.each(SHELLS)('publish under %s', (shellName, shell) => {
  const tools = shellName === 'busybox ash' ? IN_IMAGE : { shell, path: ON_DEBIAN };

  test('stores a run in a claim and in S3, byte for byte, with the same manifest', async () => {
    const [bucket, claim, staged] = [await aBucket(), aClaim(), stage()];
    const { status, stdout, lastWords } = await publish(staged, [claim.storage, anS3(s3, { bucket })], tools);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(filesOf(join(claim.folder, 'prod'))).toEqual(LAYOUT(staged.name));
    expect(s3.keys(bucket)).toEqual(LAYOUT(staged.name).map((key) => `prod/${key}`));
    for (const [file, content] of Object.entries(staged.files)) {
      expect(sha256(readFileSync(join(claim.folder, 'prod/shop/daily', file)))).toBe(sha256(content));
      expect(sha256(readFileSync(s3.file(bucket, `prod/shop/daily/${file}`)))).toBe(sha256(content));
    }
    const manifest = s3.read(bucket, `prod/shop/daily/${staged.name}.manifest.json`);
    expect(readFileSync(join(claim.folder, `prod/shop/daily/${staged.name}.manifest.json`), 'utf8')).toBe(manifest);
    expect(lastWords).toMatchObject({
      phase: 'publish',
      status: 0,
      path: `${claim.folder}/prod/shop/daily/${staged.name}.manifest.json`,
      bytes: 100_009,
      seconds: expect.any(Number),
      runId: 'bcdfghjk',
      name: staged.name,
      storages: { local: 'committed', offsite: 'committed' },
      pruned: 0,
      warnings: [],
    });
  });

  test('writes a manifest that passes the strict schema, whatever the label contains', async () => {
    const label = 'before "the" upgrade \\ of\tGrößen\nand more';
    const [claim, staged] = [aClaim(), stage()];
    const { status } = await publish(staged, [claim.storage], { ...tools, env: { LABEL: label } });
    expect(status).toBe(0);
    const manifest = strictManifest.parse(JSON.parse(readFileSync(join(claim.folder, `prod/shop/daily/${staged.name}.manifest.json`), 'utf8')));
    expect(manifest).toMatchObject({
      environment: 'prod',
      namespace: 'backup',
      source: 'shop',
      tier: 'daily',
      name: nameAt(NOW),
      runId: 'bcdfghjk',
      label,
      start: '2026-11-21T09:30:00Z',
      bytes: 100_009,
      storages: [{ name: 'local', kind: 'pvc', role: 'primary', compared: 'checksum' }],
      parts: [{ name: 'shop', files: [{ sha256: sha256(staged.files[`${staged.name}.dump`] ?? Buffer.alloc(0)) }, {}] }],
    });
  });
});

test('lets every pod of the claim’s group read and prune what is on a claim, and no other pod', async () => {
  const [claim, staged] = [aClaim(), stage()];
  await publish(staged, [claim.storage]);
  const mode = (path: string) => (statSync(join(claim.folder, path)).mode & 0o7777).toString(8);
  expect(['prod', 'prod/shop', 'prod/shop/daily'].map(mode)).toEqual(['2770', '2770', '2770']);
  expect([`prod/shop/daily/${staged.name}.dump`, `prod/shop/daily/${staged.name}.manifest.json`, 'prod/shop/owner.json'].map(mode)).toEqual([
    '640',
    '640',
    '640',
  ]);
});

test('syncs each file on a claim, then its folder, before it writes the manifest', async () => {
  const [claim, staged] = [aClaim(), stage()];
  const { calls } = await publish(staged, [claim.storage], {
    shell: ['dash'],
    path: ON_DEBIAN,
    standIns: { sync: 'exec /usr/bin/sync "$@"', ln: 'exec /usr/bin/ln "$@"', cat: 'exec /usr/bin/cat "$@"' },
  });
  const folder = `${claim.folder}/prod/shop/daily`;
  const steps = calls
    .filter((call) => call.includes(folder) || /^cat .*\/out\//.test(call))
    .map((call) =>
      call
        .replaceAll(`${folder}/`, '')
        .replace(/ \S*\/out\//, ' ')
        .replaceAll(staged.name, 'N'),
    );
  expect(steps.slice(steps.indexOf('cat N+globals.sql'))).toEqual([
    'cat N+globals.sql',
    'sync N+globals.sql',
    'cat N.dump',
    'sync N.dump',
    `sync ${folder}`,
    'sync .bcdfghjk.new',
    'ln .bcdfghjk.new N.manifest.json',
    `sync ${folder}`,
  ]);
});

test('writes the manifest to S3 only after it has checked everything else, and only if there is none', async () => {
  const [bucket, staged] = [await aBucket(), stage()];
  const before = s3.gate.calls.length;
  await publish(staged, [anS3(s3, { bucket })]);
  const calls = s3.gate.calls
    .slice(before)
    .map(
      ({ method, path, query }) =>
        `${method} ${path.replace(`/${bucket}`, '').replace('/prod/shop/', '').replaceAll(staged.name, 'N')}${query.includes('list-type') || query.includes('prefix') ? ' list' : ''}`,
    );
  const manifest = calls.indexOf('PUT daily/N.manifest.json');
  expect(calls.filter((call) => call.startsWith('PUT'))).toEqual([
    'PUT owner.json',
    expect.stringMatching(/daily\/N[.+]/),
    expect.stringMatching(/daily\/N[.+]/),
    'PUT daily/N.manifest.json',
  ]);
  expect(calls.slice(0, manifest).slice(-2).sort()).toEqual(['HEAD daily/N+globals.sql', 'HEAD daily/N.dump']);
});

test('starts rclone only eight times, because each start costs 50 ms', async () => {
  const [bucket, claim] = [await aBucket(), aClaim()];
  const storages = [claim.storage, anS3(s3, { bucket })];
  await publish(stage({ at: NOW - 3600 }), storages);
  const rclone = `exec ${join(IN_IMAGE.path[0], 'rclone')} "$@"`;
  const { calls } = await publish(stage(), storages, { standIns: { rclone } });
  const verbs = calls.filter((call) => call.startsWith('rclone ')).map((call) => call.split(' ')[1]);
  expect(verbs).toEqual(['lsjson', 'lsjson', 'cat', 'copy', 'lsjson', 'copyto', 'lsf', 'lsf']);
});

test('uploads a large file in parts and compares their ETag', async () => {
  const [bucket, claim] = [await aBucket(), aClaim()];
  const staged = stage({ files: { '.dump': Buffer.alloc(40 * 1024 ** 2, 'x') } });
  // The default is 200 MiB.
  const env = { RCLONE_S3_UPLOAD_CUTOFF: '20Mi' };
  const { status, stderr } = await publish(staged, [anS3(s3, { bucket }), claim.storage], { env });
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining('committed') });
  expect(readFileSync(join(staged.work, 'tmp/storage-1/etags'), 'utf8')).toMatch(new RegExp(`^${staged.name}.dump [0-9a-f]{32}-3\n$`));
  expect(readFileSync(join(staged.work, 'tmp/storage-1/stored'), 'utf8')).toMatch(/-3$/m);
});

test('compares the ETag of a file over 256 MiB, which rclone would upload differently', async () => {
  const bucket = await aBucket();
  const staged = stage({ files: { '.dump': Buffer.alloc(260 * 1024 ** 2, 'x') } });
  const { status, stderr } = await publish(staged, [anS3(s3, { bucket })]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining('committed') });
  expect(readFileSync(join(staged.work, 'tmp/storage-1/etags'), 'utf8')).toMatch(new RegExp(`^${staged.name}.dump [0-9a-f]{32}-17\n$`));
});

test('records in the manifest whether a storage compares sizes only or reads everything back', async () => {
  const [bucket, claim, staged] = [await aBucket(), aClaim(), stage()];
  const storages = [withSettings(claim.storage, { COMPARE: 'size' }), withSettings(anS3(s3, { bucket }), { READ_BACK: 'true' })];
  expect((await publish(staged, storages)).status).toBe(0);
  const manifest = JSON.parse(s3.read(bucket, `prod/shop/daily/${staged.name}.manifest.json`));
  expect(manifest.storages).toMatchObject([{ compared: 'size' }, { compared: 'read-back' }]);
});

describe('with PIN, a new backup is pinned', () => {
  const PIN = { PIN: 'true' };

  test.each(SHELLS)('under %s by a marker right after the manifest, in every storage', async (shellName, shell) => {
    const [bucket, claim, staged] = [await aBucket(), aClaim(), stage()];
    const tools = shellName === 'busybox ash' ? IN_IMAGE : { shell, path: ON_DEBIAN };
    const before = s3.gate.calls.length;
    const { status, lastWords } = await publish(staged, [claim.storage, anS3(s3, { bucket })], { ...tools, env: PIN });
    expect({ status, lastWords }).toMatchObject({ status: 0, lastWords: { reason: 'stored in every storage', warnings: [] } });
    expect(readFileSync(join(claim.folder, `prod/shop/daily/${staged.name}.keep`), 'utf8')).toBe('pinned by backup-shop-daily-1 when it was made\n');
    expect(s3.keys(bucket, `prod/shop/daily/${staged.name}.keep`)).toHaveLength(1);
    const puts = s3.gate.calls.slice(before).filter(({ method, path }) => method === 'PUT' && path.startsWith(`/${bucket}/`));
    expect(puts.map(({ path }) => path.replace(/^.*-bcdfghjk/, '')).slice(-2)).toEqual(['.manifest.json', '.keep']);
  });

  test('and retention keeps it while it deletes others of the same age', async () => {
    const claim = aClaim();
    const keep = withSettings(claim.storage, { KEEP_LAST: '1', KEEP_AT_LEAST: '1', KEEP_AT_MOST_DELETED: '100' });
    const pinned = stage({ at: NOW - 7200, runId: 'cdfghjkm' });
    await publish(pinned, [keep], { at: NOW - 7200, env: PIN });
    const plain = stage({ at: NOW - 3600, runId: 'dfghjkmn' });
    await publish(plain, [keep], { at: NOW - 3600 });
    await publish(stage(), [keep]);
    const left = readdirSync(join(claim.folder, 'prod/shop/daily'));
    expect(left.filter((file) => file.startsWith(pinned.name))).toHaveLength(4);
    expect(left.filter((file) => file.startsWith(plain.name))).toEqual([]);
  });

  test('and an existing marker is left alone', async () => {
    const [claim, staged] = [aClaim(), stage()];
    mkdirSync(join(claim.folder, 'prod/shop/daily'), { recursive: true });
    writeFileSync(join(claim.folder, `prod/shop/daily/${staged.name}.keep`), 'by hand');
    const { status, lastWords } = await publish(staged, [claim.storage], { env: PIN });
    expect({ status, reason: lastWords?.reason }).toEqual({ status: 0, reason: 'stored in every storage' });
    expect(readFileSync(join(claim.folder, `prod/shop/daily/${staged.name}.keep`), 'utf8')).toBe('by hand');
  });

  test.each([
    ['the primary', 0],
    ['a copy', 1],
  ])('but %s rejects the marker: the backup is stored, the run is degraded, and nothing is pruned there', async (_, place) => {
    const [bucket, claim] = [await aBucket(), aClaim()];
    const both = [claim.storage, anS3(s3, { bucket })];
    const storages = (place === 0 ? both.toReversed() : both).map((storage) =>
      withSettings(storage, { KEEP_LAST: '1', KEEP_AT_LEAST: '1', KEEP_AT_MOST_DELETED: '100' }),
    );
    const old = stage({ at: NOW - 3600, runId: 'cdfghjkm' });
    await publish(old, storages, { at: NOW - 3600 });
    const staged = stage();
    const forget = s3.gate.rule(({ method, path }) => (method === 'PUT' && path.endsWith('.keep') ? { status: 403 } : undefined));
    const { status, lastWords } = await publish(staged, storages, { env: PIN });
    forget();
    expect({ status, lastWords }).toMatchObject({
      status: 10,
      lastWords: {
        reason: expect.stringMatching(/^degraded: storage offsite: stored, but not pinned: access denied/),
        hint: expect.stringContaining('key in the Secret'),
        storages: { local: 'committed', offsite: 'committed' },
        warnings: [expect.stringMatching(/^offsite: not pinned, not pruned: access denied/)],
      },
    });
    const inBucket = s3.keys(bucket).map((key) => key.replace('prod/shop/daily/', ''));
    expect(inBucket).toEqual(expect.arrayContaining([`${staged.name}.manifest.json`, `${old.name}.manifest.json`]));
    expect(readdirSync(join(claim.folder, 'prod/shop/daily'))).not.toContain(`${old.name}.manifest.json`);
  });
});

describe('a safety backup', () => {
  const MARKED = {
    ...{ PIN: 'true', FOLDER: 'shop/pre-restore', TIER: 'pre-restore', RESTORE_ID: 'hjkmnpqr', MARKER_PATH: 'shop/restores/hjkmnpqr' },
    JOB_UID: '11111111-0000-4000-8000-000000000000',
  };

  test.each(SHELLS)('under %s gets its marker once it is committed and pinned, in a claim and in S3', async (shellName, shell) => {
    const [bucket, claim, staged] = [await aBucket(), aClaim(), stage()];
    const tools = shellName === 'busybox ash' ? IN_IMAGE : { shell, path: ON_DEBIAN };
    const before = s3.gate.calls.length;
    const { status, stderr } = await publish(staged, [claim.storage, anS3(s3, { bucket })], { ...tools, env: MARKED });
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const marker = readFileSync(join(claim.folder, 'prod/shop/restores/hjkmnpqr.safety'), 'utf8');
    expect(s3.read(bucket, 'prod/shop/restores/hjkmnpqr.safety')).toContain(`"name":"${staged.name}"`);
    expect(JSON.parse(marker)).toEqual({
      version: 'backstay/v1',
      restore: 'hjkmnpqr',
      name: staged.name,
      folder: 'shop/pre-restore',
      safe: expect.stringMatching(/^2026-11-21T09:31:\d\dZ$/),
      job: 'backup-shop-daily-1',
      jobUid: '11111111-0000-4000-8000-000000000000',
      pod: 'backup-shop-daily-1-x',
    });
    const puts = s3.gate.calls.slice(before).filter(({ method, path }) => method === 'PUT' && path.startsWith(`/${bucket}/`));
    expect(puts.map(({ path }) => path.replace(/\?.*/, '').replace(/^.*\./, '')).slice(-3)).toEqual(['json', 'keep', 'safety']);
  });

  test('gets no marker if it was not committed', async () => {
    const [bucket, staged] = [await aBucket(), stage()];
    const forget = s3.gate.rule(({ method, path }) => (method === 'PUT' && path.includes('.manifest.json') ? { status: 403 } : undefined));
    const { status } = await publish(staged, [anS3(s3, { bucket })], { env: MARKED });
    forget();
    expect([status, s3.keys(bucket, 'prod/shop/restores')]).toEqual([77, []]);
  });

  test('fails without its marker, because the next attempt would not know about it', async () => {
    const [bucket, staged] = [await aBucket(), stage()];
    const forget = s3.gate.rule(({ method, path }) => (method === 'PUT' && path.includes('.safety') ? { status: 403 } : undefined));
    const { status, lastWords } = await publish(staged, [anS3(s3, { bucket })], { env: MARKED });
    forget();
    expect({ status, reason: lastWords?.reason }).toEqual({
      status: 10,
      reason: expect.stringMatching(/^degraded: storage offsite: stored, but not marked: access denied/),
    });
  });

  test('replaces the name of an earlier one in the marker, and the earlier one stays pinned', async () => {
    const [bucket, claim] = [await aBucket(), aClaim()];
    const storages = [claim.storage, anS3(s3, { bucket })];
    const [first, second] = [stage({ at: NOW - 3600, runId: 'cdfghjkm' }), stage()];
    await publish(first, storages, { at: NOW - 3600, env: MARKED });
    const { status, stderr } = await publish(second, storages, { env: MARKED });
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const markers = [
      readFileSync(join(claim.folder, 'prod/shop/restores/hjkmnpqr.safety'), 'utf8'),
      s3.read(bucket, 'prod/shop/restores/hjkmnpqr.safety'),
    ];
    expect(markers.map((text) => JSON.parse(text).name)).toEqual([second.name, second.name]);
    expect(filesOf(claim.folder)).toEqual(s3.keys(bucket));
    for (const { name } of [first, second]) {
      expect(s3.keys(bucket, 'prod/shop/pre-restore')).toEqual(
        expect.arrayContaining([`prod/shop/pre-restore/${name}.manifest.json`, `prod/shop/pre-restore/${name}.keep`]),
      );
    }
  });
});

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
