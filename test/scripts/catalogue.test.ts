import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Listed, readJudged, readListed, readPruned } from '../../lib/cli/catalogue-output.ts';
import { type Manifest, parseManifest } from '../../lib/model/manifest.ts';
import {
  aClaim,
  anS3,
  DAY,
  IN_IMAGE,
  NOW,
  nameAt,
  ON_DEBIAN,
  publish,
  publishEnv,
  type StorageEnv,
  stage,
  withSettings,
} from '../support/publish.ts';
import { runScript, SHELLS } from '../support/run-script.ts';
import { type LocalS3, startLocalS3 } from '../support/s3.ts';

let s3: LocalS3;
const claim = aClaim();
let storages: readonly StorageEnv[];
const NAMES = [0, 1, 2, 3].map((day) => nameAt(NOW - day * DAY));
const daily = (file: string) => join(claim.folder, 'prod/shop/daily', file);

beforeAll(async () => {
  s3 = await startLocalS3();
  await s3.rclone('mkdir', 'S:backups');
  storages = [claim.storage, anS3(s3)];
  for (const day of [3, 2, 1, 0])
    await publish(stage({ at: NOW - day * DAY }), storages, { at: NOW - day * DAY, env: { LABEL: 'a "label"\nof two lines' } });
  writeFileSync(daily(`${NAMES[1]}.keep`), '');
  writeFileSync(daily(`${NAMES[2]}.verified.json`), '{}');
  writeFileSync(daily(`${NAMES[3]}.manifest.json`), '{"version":"backs');
});

afterAll(() => s3?.end());

const catalogue = (env: Readonly<Record<string, string>>, of = storages, call: object = IN_IMAGE) =>
  runScript('catalogue.sh', { shell: ['busybox', 'ash'], ...call, env: { ...publishEnv(of), ...env } });

describe.each(SHELLS)('list under %s', (name, shell) => {
  test('prints what is committed in the primary, newest first, as the CLI parses it', async () => {
    const { status, stdout } = await catalogue({ ACTION: 'list' }, storages, name === 'busybox ash' ? IN_IMAGE : { shell, path: ON_DEBIAN });
    expect(status).toBe(0);
    const found = readListed(stdout);
    expect(found.map((backup) => [backup.name, backup.pinned, backup.verified])).toEqual([
      [NAMES[0], false, false],
      [NAMES[1], true, false],
      [NAMES[2], false, true],
      [NAMES[3], false, false],
    ]);
    expect(manifestOf(found[0])).toMatchObject({ name: NAMES[0], label: 'a "label"\nof two lines' });
    // It counts, although nobody can read it.
    expect(found[3]?.manifest).toBeNull();
    expect(stdout).toContain(`backup ${NAMES[3]} - - {"version":"backs\n`);
  });

  test('prints what the next run will do by the rules of the storage, and what it may not delete', async () => {
    const call = name === 'busybox ash' ? IN_IMAGE : { shell, path: ON_DEBIAN };
    const rules = (keep: Readonly<Record<string, string>>) => [withSettings(claim.storage, keep), withSettings(anS3(s3), { KEEP_DAILY: '9' })];
    const next = async (keep: Readonly<Record<string, string>>, env = {}) =>
      readListed((await catalogue({ ACTION: 'list', ...env }, rules(keep), call)).stdout).map((backup) => backup.next);
    const kept = [
      { keep: true, why: ['atLeast', 'last'] },
      { keep: true, why: ['pinned'] },
      { keep: true, why: ['verified'] },
    ];
    expect(await next({ KEEP_LAST: '1', KEEP_AT_LEAST: '1' })).toEqual([...kept, { keep: false }]);
    expect(await next({ KEEP_LAST: '1', KEEP_AT_LEAST: '1', KEEP_AT_MOST_DELETED: '20' })).toEqual([...kept, { keep: false, refused: true }]);
    expect(await next({})).toEqual([
      { keep: true, why: ['atLeast', 'no rule'] },
      { keep: true, why: ['pinned', 'atLeast', 'no rule'] },
      { keep: true, why: ['verified', 'atLeast', 'no rule'] },
      { keep: true, why: ['no rule'] },
    ]);
    expect((await next({ KEEP_LAST: '1' }, { STORAGE: 'offsite' })).at(-1)).toEqual({ keep: true, why: ['daily'] });
  });
});

test('prints the record of a verified backup as well, in list and in get', async () => {
  const [other, staged] = [aClaim(), stage({ runId: 'mnpqrstv' })];
  const verification = { version: 'backstay/v1', name: staged.name, verified: '2026-11-24T05:00:12Z', seconds: 192, parts: [{ name: 'a "b"' }] };
  await publish(staged, [other.storage]);
  await publish(stage({ at: NOW - DAY }), [other.storage], { at: NOW - DAY });
  const record = join(other.folder, 'prod/shop/daily', `${staged.name}.verified.json`);
  writeFileSync(record, `${JSON.stringify(verification, undefined, 2)}\n`);
  const actions: readonly Readonly<Record<string, string>>[] = [{ ACTION: 'list' }, { ACTION: 'get', RUN_ID_WANTED: 'mnpqrstv' }];
  for (const env of actions) {
    const { stdout } = await catalogue(env, [other.storage]);
    const [newest, ...rest] = readListed(stdout);
    expect({ verified: newest?.verified, verification: newest?.verification }).toEqual({ verified: true, verification });
    expect(rest.map((backup) => 'verification' in backup)).toEqual(env.ACTION === 'list' ? [false] : []);
  }
  writeFileSync(record, '{"version":');
  const [broken] = readListed((await catalogue({ ACTION: 'list' }, [other.storage])).stdout);
  expect({ verified: broken?.verified, verification: broken?.verification }).toEqual({ verified: true, verification: null });
});

test('lists another storage by its name', async () => {
  const { stdout } = await catalogue({ ACTION: 'list', STORAGE: 'offsite' });
  expect(readListed(stdout).map((listed) => manifestOf(listed).name)).toEqual(NAMES);
});

test('prints nothing for a storage that is still empty', async () => {
  await s3.rclone('mkdir', 'S:new');
  for (const storage of [aClaim().storage, anS3(s3, { bucket: 'new' })]) {
    const { status, stdout } = await catalogue({ ACTION: 'list' }, [storage]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  }
});

test('lists 1,500 backups, in S3 and in a claim', async () => {
  await s3.rclone('mkdir', 'S:many');
  const many = aClaim();
  const first = stage();
  const storages = [many.storage, anS3(s3, { bucket: 'many' })];
  await publish(first, storages);
  const manifest = s3.read('many', `prod/shop/daily/${first.name}.manifest.json`);
  for (let hour = 1; hour < 1500; hour++) {
    const name = nameAt(NOW - hour * 3600);
    for (const path of [s3.file('many', 'prod/shop/daily'), join(many.folder, 'prod/shop/daily')])
      writeFileSync(join(path, `${name}.manifest.json`), manifest.replaceAll(first.name, name));
  }
  for (const STORAGE of ['local', 'offsite']) {
    const { status, stdout } = await catalogue({ ACTION: 'list', STORAGE }, storages);
    const found = readListed(stdout);
    expect({ status, count: found.length }).toEqual({ status: 0, count: 1500 });
    expect(found.every((backup) => manifestOf(backup).name === backup.name)).toBe(true);
  }
});

describe('get', () => {
  test.each([
    ['a name', NAMES[1] ?? '', [NAMES[1]]],
    ['the name of a stored file', `${NAMES[1]}+globals.sql`, [NAMES[1]]],
    ['nothing by a part of a name', '20261121', []],
    ['nothing by a pattern', '.*', []],
  ])('finds %s', async (_, wanted, found) => {
    const { status, stdout } = await catalogue({ ACTION: 'get', RUN_ID_WANTED: wanted });
    expect({ status, found: readListed(stdout).map(({ name }) => name) }).toEqual({ status: 0, found });
  });

  test('finds a run id', async () => {
    const other = aClaim();
    await publish(stage({ runId: 'mnpqrstv' }), [other.storage]);
    const { stdout } = await catalogue({ ACTION: 'get', RUN_ID_WANTED: 'mnpqrstv' }, [other.storage]);
    expect(manifestOf(readListed(stdout)[0])).toMatchObject({ runId: 'mnpqrstv' });
  });

  test('rejects a run id that matches several backups, which only tests can produce', async () => {
    const { status, lastWords } = await catalogue({ ACTION: 'get', RUN_ID_WANTED: 'bcdfghjk' });
    expect({ status, reason: lastWords?.reason }).toEqual({ status: 64, reason: expect.stringContaining("'bcdfghjk' matches several backups") });
  });
});

describe('prune', () => {
  const kept = (keep: Record<string, string>) => storages.map((storage) => withSettings(storage, keep));
  const committed = () => s3.keys('backups').filter((key) => key.endsWith('.manifest.json')).length;

  test('in a dry run prints action and reason for each backup in each storage, and deletes nothing', async () => {
    const { status, stdout } = await catalogue({ ACTION: 'prune', DRY_RUN: 'true' }, kept({ KEEP_LAST: '1' }));
    expect(status).toBe(0);
    expect(readJudged(stdout)).toHaveLength(8);
    expect(stdout.trim().split('\n')).toEqual([
      `local shop/daily ${NAMES[0]} keep atLeast,last`,
      `local shop/daily ${NAMES[1]} keep pinned`,
      `local shop/daily ${NAMES[2]} keep verified`,
      `local shop/daily ${NAMES[3]} delete no rule keeps it`,
      `offsite shop/daily ${NAMES[0]} keep atLeast,last`,
      ...[1, 2, 3].map((day) => `offsite shop/daily ${NAMES[day]} delete no rule keeps it`),
    ]);
    expect(committed()).toBe(4);
  });

  test.each([
    ['nothing', {}],
    ['another source', { CONFIRM: 'prod/other' }],
  ])('deletes nothing if CONFIRM is %s', async (_, env) => {
    const { status, lastWords } = await catalogue({ ACTION: 'prune', ...env }, kept({ KEEP_LAST: '1' }));
    expect({ status, reason: lastWords?.reason, stored: committed() }).toEqual({
      status: 64,
      reason: expect.stringContaining('CONFIRM must be prod/shop to delete'),
      stored: 4,
    });
  });

  test('leaves a folder of another owner unchanged', async () => {
    const { status, lastWords } = await catalogue({ ACTION: 'prune', CONFIRM: 'staging/shop', ENVIRONMENT: 'staging' }, kept({ KEEP_LAST: '1' }));
    expect({ status, reason: lastWords?.reason, stored: committed() }).toEqual({
      status: 64,
      reason: expect.stringContaining('names another owner'),
      stored: 4,
    });
  });

  test('deletes more on request than a scheduled run may', async () => {
    const { status, stdout } = await catalogue(
      { ACTION: 'prune', CONFIRM: 'prod/shop', STORAGE: 'offsite' },
      kept({ KEEP_LAST: '1', KEEP_AT_MOST_DELETED: '50' }),
    );
    expect({ status, stored: committed() }).toEqual({ status: 0, stored: 1 });
    expect(readPruned(stdout)).toEqual([{ storage: 'offsite', folder: 'shop/daily', pruned: 3, retained: 0, hidden: 0, swept: 0 }]);
  });
});

test.each([
  ['an unknown action', { ACTION: 'delete' }, 64, /no action 'delete'/],
  ['an unknown storage', { ACTION: 'list', STORAGE: 'tape' }, 64, /unknown storage 'tape'/],
])('rejects %s', async (_, env, status, reason) => {
  const end = await catalogue(env);
  expect({ status: end.status, reason: end.lastWords?.reason }).toEqual({ status, reason: expect.stringMatching(reason) });
});

test('ends with 77 if the store denies the key', async () => {
  const { status, lastWords } = await catalogue({ ACTION: 'list', STORAGE: 'offsite' }, [
    claim.storage,
    anS3(s3, { user: { key: s3.key, secret: 'wrong-secret' } }),
  ]);
  expect({ status, reason: lastWords?.reason }).toEqual({ status: 77, reason: expect.stringContaining('access denied') });
});

function manifestOf(listed: Listed | undefined): Manifest {
  return parseManifest(JSON.stringify(listed?.manifest));
}
