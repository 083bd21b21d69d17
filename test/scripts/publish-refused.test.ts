import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aClaim, anS3, NOW, publish, type Staged, stage, withSettings, writeFacts } from '../support/publish.ts';
import { type LocalS3, startLocalS3 } from '../support/s3.ts';

let s3: LocalS3;

beforeAll(async () => {
  s3 = await startLocalS3();
  await s3.rclone('mkdir', 'S:backups');
});

afterAll(() => s3?.end());

describe('rejects before it stores anything', () => {
  const files = ({ work }: Staged) => join(work, 'out');
  const facts = ({ work }: Staged, file: string) => join(work, 'facts', file);

  test.each<[string, (staged: Staged) => void, number, RegExp]>([
    [
      'a file in which a bit has flipped since it was hashed',
      (staged) => flip(join(files(staged), `${staged.name}.dump`)),
      65,
      /^changed since it was taken: 2026\S+\.dump $/,
    ],
    [
      'a file that was truncated since it was hashed',
      (staged) => writeFileSync(join(files(staged), `${staged.name}.dump`), 'rows'),
      65,
      /^changed since it was taken/,
    ],
    [
      'a file that no step has recorded',
      (staged) => writeFileSync(join(files(staged), `${staged.name}.core`), 'x'),
      65,
      /does not hold what the facts name: 2026\S+\.core $/,
    ],
    [
      'a file in a subfolder',
      (staged) => cpSync(facts(staged, ''), join(files(staged), 'sub'), { recursive: true }),
      65,
      /facts name: sub\/shop\.json/,
    ],
    [
      'a missing file',
      (staged) => rmSync(join(files(staged), `${staged.name}+globals.sql`)),
      65,
      /does not hold what the facts name: 2026\S+globals\.sql/,
    ],
    ['missing facts', (staged) => rmSync(join(staged.work, 'facts'), { recursive: true }), 65, /^nothing was taken/],
    [
      'sums without facts, which a killed step leaves',
      (staged) => rmSync(facts(staged, 'shop.json')),
      65,
      /^facts without sums, or sums without facts: facts\/shop/,
    ],
    [
      'facts that are truncated JSON',
      (staged) => writeFileSync(facts(staged, 'shop.json'), readFileSync(facts(staged, 'shop.json'), 'utf8').slice(0, -10)),
      65,
      /^not JSON: facts\/shop\.json/,
    ],
    ['facts that are two JSON values', (staged) => appendFileSync(facts(staged, 'shop.json'), '{}'), 65, /^not JSON/],
    ['facts with an unquoted string', (staged) => writeFileSync(facts(staged, 'shop.json'), '{"name":shop}'), 65, /^not JSON/],
    [
      'facts with other checksums',
      (staged) => writeFileSync(facts(staged, 'shop.json'), '{"files":[{"sha256":"abc"}]}'),
      65,
      /lacks the checksums of 2026/,
    ],
    ['files named after another run', (staged) => rename(staged, 'other'), 65, /^not named after the run: other\.dump/],
    [
      'a name that retention would never count',
      (staged) => writeFileSync(join(staged.work, 'run', 'name'), 'shop-latest\n'),
      64,
      /must contain one time and the run id/,
    ],
  ])('%s', async (_, spoil, expected, reason) => {
    const [claim, staged] = [aClaim(), stage()];
    spoil(staged);
    const { status, lastWords } = await publish(staged, [claim.storage, anS3(s3)]);
    expect({ status, lastWords }).toEqual({
      status: expected,
      lastWords: expect.objectContaining({ status: expected, reason: expect.stringMatching(reason), hint: expect.any(String) }),
    });
    expect(readdirSync(claim.folder)).toEqual([]);
    expect(s3.keys('backups')).toEqual([]);
  });

  test('names all missing variables at once', async () => {
    const { status, lastWords } = await publish(stage(), [aClaim().storage], { env: { NAMESPACE: '', SPEC_HASH: '' } });
    expect({ status, reason: lastWords?.reason }).toEqual({ status: 64, reason: 'not set or empty: NAMESPACE SPEC_HASH' });
  });
});

describe('owner.json', () => {
  test('is written by the first run and names the owner of the folder', async () => {
    const claim = aClaim();
    await publish(stage(), [claim.storage]);
    expect(JSON.parse(readFileSync(join(claim.folder, 'prod/shop/owner.json'), 'utf8'))).toEqual({
      environment: 'prod',
      namespace: 'backup',
      source: 'shop',
    });
  });

  test('keeps another environment out of the folder, in that storage only, and leaves it unchanged', async () => {
    const claim = aClaim();
    await s3.rclone('mkdir', 'S:shared');
    await publish(stage({ at: NOW - 3600 }), [anS3(s3, { bucket: 'shared' })], { env: { ENVIRONMENT: 'staging' } });
    const before = s3.keys('shared');
    const { status, lastWords } = await publish(stage(), [
      claim.storage,
      withSettings(anS3(s3, { bucket: 'shared' }), { KEEP_LAST: '1', KEEP_AT_MOST_DELETED: '100' }),
    ]);
    expect(status).toBe(10);
    expect(lastWords).toMatchObject({
      reason: expect.stringContaining('owner.json names another owner'),
      storages: { local: 'committed', offsite: expect.stringMatching(/^failed: /) },
    });
    expect(s3.keys('shared')).toEqual(before);
  });

  test('of another owner in the primary ends the run with 64', async () => {
    const claim = aClaim();
    await publish(stage({ at: NOW - 3600 }), [claim.storage], { env: { NAMESPACE: 'other' } });
    const { status, lastWords } = await publish(stage(), [claim.storage]);
    expect({ status, hint: lastWords?.hint }).toEqual({ status: 64, hint: expect.stringContaining('another prefix or folder') });
  });

  test('lets a renamed source continue in its old folder', async () => {
    const claim = aClaim();
    await publish(stage({ at: NOW - 3600 }), [claim.storage]);
    const { status, lastWords } = await publish(stage(), [claim.storage], { env: { SOURCE: 'store' } });
    expect({ status, reason: lastWords?.reason }).toEqual({ status: 0, reason: 'stored in every storage' });
  });

  test('has one winner if several runs create it at once, in a claim and in S3', async () => {
    const claim = aClaim();
    await s3.rclone('mkdir', 'S:raced');
    const storages = [claim.storage, anS3(s3, { bucket: 'raced' })];
    const ends = await Promise.all(
      ['prod', 'staging', 'dev'].map((environment, index) =>
        publish(stage({ runId: ['bcdfghjk', 'kjhgfdcb', 'mnpqrstv'][index] }), storages, { env: { ENVIRONMENT: environment } }),
      ),
    );
    const [onClaim, inBucket] = [readFileSync(join(claim.folder, 'prod/shop/owner.json'), 'utf8'), s3.read('raced', 'prod/shop/owner.json')].map(
      (text) => JSON.parse(text).environment,
    );
    for (const [index, environment] of ['prod', 'staging', 'dev'].entries()) {
      const { local, offsite } = (ends[index]?.lastWords?.storages ?? {}) as Record<string, string>;
      expect({ local: local === 'committed', offsite: offsite === 'committed' }).toEqual({
        local: environment === onClaim,
        offsite: environment === inBucket,
      });
    }
  });
});

describe('never overwrites anything', () => {
  test.each(['.dump', '.manifest.json'])('leaves an existing %s of the same name unchanged, in a claim and in S3', async (ending) => {
    const claim = aClaim();
    const bucket = `taken${ending.replace('.', '-').replace('.json', '')}`;
    await s3.rclone('mkdir', `S:${bucket}`);
    const staged = stage();
    const theirs = join(claim.folder, 'prod/shop/daily', `${staged.name}${ending}`);
    mkdirSync(join(theirs, '..'), { recursive: true });
    writeFileSync(theirs, 'theirs');
    await s3.rclone('copyto', theirs, `S:${bucket}/prod/shop/daily/${staged.name}${ending}`);
    const { status, lastWords } = await publish(staged, [claim.storage, anS3(s3, { bucket })]);
    expect(status).toBe(65);
    expect(lastWords?.storages).toEqual({
      local: expect.stringMatching(/^failed: (already stored|a manifest already exists)/),
      offsite: expect.stringMatching(/^failed: (already stored|a manifest already exists)/),
    });
    expect(readFileSync(theirs, 'utf8')).toBe('theirs');
    expect(s3.read(bucket, `prod/shop/daily/${staged.name}${ending}`)).toBe('theirs');
    // Without a manifest of ours, what we added to the claim is taken back.
    expect(readdirSync(join(theirs, '..')).filter((file) => !file.endsWith(ending))).toEqual(ending === '.dump' ? [] : expect.any(Array));
  });

  test('recognizes its own manifest after a lost answer', async () => {
    await s3.rclone('mkdir', 'S:lost-answer');
    const staged = stage();
    // The store has it, and the client hears nothing.
    let first = true;
    const forget = s3.gate.rule(async ({ method, path }) => {
      if (method !== 'PUT' || !path.endsWith('.manifest.json') || !first) return undefined;
      first = false;
      await s3.rclone('copyto', join(staged.work, 'tmp/manifest.json'), `S:lost-answer/prod/shop/daily/${staged.name}.manifest.json`);
      return 'cut';
    });
    const { status, lastWords } = await publish(staged, [anS3(s3, { bucket: 'lost-answer' })]);
    forget();
    expect({ first, status, lastWords }).toMatchObject({ first: false, status: 0, lastWords: { storages: { offsite: 'committed' } } });
  });

  test('stores two backups if two runs overlap', async () => {
    const claim = aClaim();
    await s3.rclone('mkdir', 'S:both');
    const staged = [stage({ runId: 'bcdfghjk' }), stage({ runId: 'mnpqrstv' })];
    const ends = await Promise.all(staged.map((run) => publish(run, [claim.storage, anS3(s3, { bucket: 'both' })])));
    expect(ends.map(({ status }) => status)).toEqual([0, 0]);
    for (const { name } of staged) {
      expect(existsSync(join(claim.folder, `prod/shop/daily/${name}.manifest.json`))).toBe(true);
      expect(s3.keys('both', `prod/shop/daily/${name}`)).toHaveLength(3);
    }
  });
});

function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[5000] = (bytes[5000] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

/** Everything is consistent, but under another name than the run's. */
function rename({ work, name, files }: Staged, other: string): void {
  const dump = files[`${name}.dump`] ?? Buffer.alloc(0);
  rmSync(join(work, 'out'), { recursive: true });
  mkdirSync(join(work, 'out'));
  writeFileSync(join(work, 'out', `${other}.dump`), dump);
  writeFacts(work, 'shop', { [`${other}.dump`]: dump });
}
