import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Rule } from '../support/cluster/gate.ts';
import { aClaim, anS3, DAY, NOW, nameAt, ON_DEBIAN, publish, type StorageEnv, stage, withSettings } from '../support/publish.ts';
import { type LocalS3, startLocalS3 } from '../support/s3.ts';

let s3: LocalS3;
beforeAll(async () => {
  s3 = await startLocalS3();
});
afterAll(() => s3?.end());

/** A place with content, as a claim or as a bucket. */
interface Place {
  readonly storage: StorageEnv;
  readonly files: () => readonly string[];
  readonly path: (file: string) => string;
}

let nth = 0;
const PLACES: Readonly<Record<string, () => Promise<Place>>> = {
  'a claim': async () => {
    const { folder, storage } = aClaim();
    const daily = join(folder, 'prod/shop/daily');
    mkdirSync(daily, { recursive: true });
    return { storage, files: () => readdirSync(daily).sort(), path: (file) => join(daily, file) };
  },
  S3: async () => {
    const bucket = `bucket-${nth++}`;
    await s3.rclone('mkdir', `S:${bucket}`);
    const prefix = 'prod/shop/daily/';
    mkdirSync(s3.file(bucket, prefix), { recursive: true });
    return {
      storage: anS3(s3, { bucket }),
      files: () => s3.keys(bucket, prefix).map((key) => key.slice(prefix.length)),
      path: (file) => s3.file(bucket, prefix + file),
    };
  },
};

/** Puts the files of a backup somewhere, without a run. versitygw takes what lies in its folder for objects. */
function put({ path }: Place, name: string, endings: readonly string[] = ['.dump', '+globals.sql', '.manifest.json']): void {
  for (const ending of endings) writeFileSync(path(name + ending), 'x');
}

const ALL = { KEEP_AT_MOST_DELETED: '100', KEEP_AT_LEAST: '1' } as const;
const backups = (place: Place) => place.files().flatMap((file) => (file.endsWith('.manifest.json') ? [file.replace('.manifest.json', '')] : []));

describe.each(Object.keys(PLACES))('after a commit, in %s', (kind) => {
  const aPlace = () => (PLACES[kind] as () => Promise<Place>)();
  const run = (place: Place, settings: Record<string, string>, more = {}) => publish(stage(), [withSettings(place.storage, settings)], more);

  test('deletes what no rule keeps, with all of its files and nothing else', async () => {
    const place = await aPlace();
    for (let day = 1; day <= 5; day++) put(place, nameAt(NOW - day * DAY));
    put(place, nameAt(NOW - 6 * DAY), ['.dump', '.manifest.json', '.keep']);
    put(place, nameAt(NOW - 7 * DAY), ['.dump', '.manifest.json', '.verified.json']);
    put(place, nameAt(NOW - 8 * DAY), ['.dump', '.manifest.json', '.verified.json', '.files.tar.zst', '.done']);
    const foreign = ['README.txt', 'latest.dump', 'bcdfghjk.done', '20200101-020000.dump', 'old-20200101-020000-AEIOUAEI.dump'];
    for (const file of foreign) writeFileSync(place.path(file), 'x');
    const { status, lastWords } = await run(place, { ...ALL, KEEP_LAST: '2' });
    expect({ status, pruned: lastWords?.pruned, swept: lastWords?.swept }).toEqual({ status: 0, pruned: 5, swept: 0 });
    const endings = ['+globals.sql', '.dump', '.manifest.json'];
    expect(place.files()).toEqual(
      [
        ...[0, 1].flatMap((day) => endings.map((ending) => nameAt(NOW - day * DAY) + ending)),
        ...['.dump', '.keep', '.manifest.json'].map((ending) => nameAt(NOW - 6 * DAY) + ending),
        ...['.dump', '.manifest.json', '.verified.json'].map((ending) => nameAt(NOW - 7 * DAY) + ending),
        `${nameAt(NOW - 8 * DAY)}.done`,
        ...foreign,
      ].sort(),
    );
  });

  // Pitfall P72
  test('deletes nothing without a rule', async () => {
    const place = await aPlace();
    for (let day = 1; day <= 5; day++) put(place, nameAt(NOW - day * DAY));
    const { lastWords } = await run(place, {});
    expect({ pruned: lastWords?.pruned, backups: backups(place).length }).toEqual({ pruned: 0, backups: 6 });
  });

  // Pitfall P77
  test('deletes nothing if a rule has become much narrower, with a warning', async () => {
    const place = await aPlace();
    for (let day = 1; day <= 9; day++) put(place, nameAt(NOW - day * DAY));
    const { status, lastWords, stderr } = await run(place, { KEEP_LAST: '3', KEEP_AT_MOST_DELETED: '50' });
    expect({ status, pruned: lastWords?.pruned, backups: backups(place).length }).toEqual({ status: 0, pruned: 0, backups: 10 });
    expect(lastWords?.warnings).toEqual([expect.stringContaining('retention refused: 7 of 10')]);
    expect(stderr).toContain('backstay prune');
  });

  test('counts a backup with an unreadable manifest', async () => {
    const place = await aPlace();
    for (let day = 1; day <= 3; day++) put(place, nameAt(NOW - day * DAY), ['.dump', '.manifest.json']);
    writeFileSync(place.path(`${nameAt(NOW - DAY)}.manifest.json`), '{"version":"back');
    writeFileSync(place.path(`${nameAt(NOW - 2 * DAY)}.manifest.json`), '');
    await run(place, { ...ALL, KEEP_LAST: '3' });
    expect(backups(place)).toEqual([nameAt(NOW - 2 * DAY), nameAt(NOW - DAY), nameAt(NOW)]);
    expect(place.files()).toContain(`${nameAt(NOW - 2 * DAY)}.dump`);
  });

  // Pitfall P58
  test('sweeps leftovers of failed runs once they are two days old', async () => {
    const place = await aPlace();
    put(place, nameAt(NOW - 2 * DAY - 1), ['.dump', '+globals.sql']);
    put(place, nameAt(NOW - 2 * DAY), ['.dump']);
    put(place, nameAt(NOW - 3 * DAY), ['.dump', '.keep']);
    put(place, nameAt(NOW - 4 * DAY), ['.done']);
    put(place, nameAt(NOW + DAY), ['.dump']);
    writeFileSync(place.path('20200101-020000-nothing-of-ours.dump'), 'x');
    const { lastWords } = await run(place, {});
    expect(lastWords).toMatchObject({ swept: 1, pruned: 0 });
    const left = [nameAt(NOW - 2 * DAY), nameAt(NOW - 3 * DAY), nameAt(NOW + DAY), '20200101-020000-nothing-of-ours'].map((name) => `${name}.dump`);
    expect(place.files().filter((file) => file.endsWith('.dump') && !file.startsWith(nameAt(NOW)))).toEqual(left.sort());
  });

  test('does not sweep a run that could still be alive', async () => {
    const place = await aPlace();
    put(place, nameAt(NOW - 5 * DAY), ['.dump']);
    put(place, nameAt(NOW - 7 * DAY), ['.dump']);
    await run(place, {}, { env: { ABANDONED_AFTER_SECONDS: String(6 * DAY) } });
    expect(existsSync(place.path(`${nameAt(NOW - 5 * DAY)}.dump`))).toBe(true);
    expect(existsSync(place.path(`${nameAt(NOW - 7 * DAY)}.dump`))).toBe(false);
  });

  // Pitfall P73
  test('deletes no good backup after seven nights of failures and one success', async () => {
    const place = await aPlace();
    const good = [8, 9, 10, 11, 12, 13, 14].map((day) => nameAt(NOW - day * DAY)).sort();
    for (const name of good) put(place, name);
    for (let day = 1; day <= 7; day++) {
      const staged = stage({ at: NOW - day * DAY, files: { '.dump': 'x' } });
      writeFileSync(join(staged.work, 'out', `${staged.name}.dump`), 'y');
      const end = await publish(staged, [withSettings(place.storage, { KEEP_DAILY: '7', KEEP_FOR_SECONDS: String(6 * DAY), ...ALL })], {
        at: NOW - day * DAY,
      });
      expect(end.status).toBe(65);
    }
    expect(backups(place)).toEqual(good);
    await run(place, { KEEP_DAILY: '7', ...ALL });
    expect(backups(place)).toEqual([...good.slice(1), nameAt(NOW)]);
  });

  // Pitfall P53
  test('does not age the other backups if one clock was a day ahead', async () => {
    const place = await aPlace();
    for (let day = 0; day <= 3; day++) put(place, nameAt(NOW - day * DAY, 'mnpqrstv'));
    put(place, nameAt(NOW + 40 * DAY, 'mnpqrstv'));
    const { lastWords } = await run(place, { KEEP_FOR_SECONDS: String(4 * DAY), ...ALL });
    expect({ pruned: lastWords?.pruned, backups: backups(place).length }).toEqual({ pruned: 0, backups: 6 });
  });

  // Pitfall P63
  test('sees all of 1,500 files', async () => {
    const place = await aPlace();
    for (let hour = 1; hour <= 500; hour++) put(place, nameAt(NOW - hour * 3600));
    const { lastWords } = await run(place, { KEEP_LAST: '490', ...ALL });
    expect({ pruned: lastWords?.pruned, files: place.files().length }).toEqual({ pruned: 11, files: 490 * 3 });
    expect(backups(place)[0]).toBe(nameAt(NOW - 489 * 3600));
  });
});

describe('a storage that did not commit', () => {
  test('is not pruned, but the other one is', async () => {
    const [claim, bucket] = [await (PLACES['a claim'] as () => Promise<Place>)(), await (PLACES.S3 as () => Promise<Place>)()];
    for (const place of [claim, bucket]) for (let day = 1; day <= 4; day++) put(place, nameAt(NOW - day * DAY));
    const forget = s3.gate.rule(({ method, path }) => (method === 'PUT' && path.endsWith('.dump') ? { status: 403 } : undefined));
    const storages = [claim, bucket].map(({ storage }) => withSettings(storage, { ...ALL, KEEP_LAST: '1' }));
    const { status, lastWords } = await publish(stage(), storages);
    forget();
    expect(lastWords).toMatchObject({ pruned: 4, storages: { offsite: expect.stringContaining('access denied') } });
    expect({ status, claim: backups(claim).length, bucket: backups(bucket).length }).toEqual({ status: 10, claim: 1, bucket: 4 });
  });
});

// Pitfall P65
describe('a store that forbids deletion', () => {
  const pruned = async (rule: Rule) => {
    const place = await (PLACES.S3 as () => Promise<Place>)();
    for (let day = 1; day <= 4; day++) put(place, nameAt(NOW - day * DAY));
    const forget = s3.gate.rule(rule);
    const end = await publish(stage(), [withSettings(place.storage, { ...ALL, KEEP_LAST: '1' })]);
    forget();
    return { place, end };
  };

  test.each([403, 400])('with %i retains the backups with all of their files, and the run succeeds', async (status) => {
    const { place, end } = await pruned(({ method }) => (method === 'DELETE' ? { status } : undefined));
    expect({ status: end.status, lastWords: end.lastWords }).toMatchObject({ status: 0, lastWords: { pruned: 0, retained: 4 } });
    expect(place.files()).toHaveLength(15);
    expect(end.stderr).toMatch(/warn publish: storage offsite: not deleted: .*manifest\.json/);
  });

  test('of one backup leaves all files of that one', async () => {
    const locked = nameAt(NOW - 2 * DAY);
    const { place, end } = await pruned(({ method, path }) =>
      method === 'DELETE' && path.endsWith(`${locked}.manifest.json`) ? { status: 403 } : undefined,
    );
    expect(end.lastWords).toMatchObject({ status: 0, pruned: 3, retained: 1 });
    expect(place.files()).toEqual([locked, nameAt(NOW)].flatMap((name) => [`${name}+globals.sql`, `${name}.dump`, `${name}.manifest.json`]));
  });

  test('of the data only: without its manifest it does not count, and is swept later', async () => {
    const { place } = await pruned(({ method, path }) => (method === 'DELETE' && path.endsWith('.dump') ? { status: 403 } : undefined));
    expect(backups(place)).toEqual([nameAt(NOW)]);
    const again = await publish(stage({ at: NOW + DAY }), [withSettings(place.storage, { KEEP_LAST: '2' })], { at: NOW + DAY });
    expect(again.lastWords).toMatchObject({ swept: 3 });
  });

  test('by the permissions of the key', async () => {
    const bucket = 'no-delete';
    await s3.rclone('mkdir', `S:${bucket}`);
    const storage = withSettings(anS3(s3, { bucket, user: await s3.limitedUser(bucket, 'no-delete') }), { ...ALL, KEEP_LAST: '1' });
    await publish(stage({ at: NOW - DAY }), [storage], { at: NOW - DAY });
    const { status, lastWords } = await publish(stage(), [storage]);
    expect({ status, retained: lastWords?.retained, stored: s3.keys(bucket).length }).toEqual({ status: 0, retained: 1, stored: 7 });
  });
});

// Pitfall P66
test('reports deletions that a versioned bucket only hides', async () => {
  await s3.rclone('mkdir', 'S:versions');
  await s3.rclone('backend', 'versioning', 'S:versions', 'Enabled');
  const storage = withSettings(anS3(s3, { bucket: 'versions' }), { ...ALL, KEEP_LAST: '1' });
  for (const day of [3, 2]) await publish(stage({ at: NOW - day * DAY }), [withSettings(storage, { KEEP_LAST: '9' })], { at: NOW - day * DAY });
  const { lastWords } = await publish(stage(), [storage]);
  expect(lastWords).toMatchObject({ status: 0, pruned: 2, hidden: 2, retained: 0 });
  expect((await s3.rclone('lsf', 'S:versions/prod/shop/daily', '--s3-versions')).trim().split('\n')).toHaveLength(9);
});

describe('deletes nothing without a complete listing', () => {
  test.each<[string, Rule, RegExp]>([
    ['fails', () => ({ status: 403 }), /^offsite: not pruned: access denied/],
    ['finds no bucket', () => ({ status: 404 }), /^offsite: not pruned: /],
  ])('if the listing %s', async (_, answer, warning) => {
    const place = await (PLACES.S3 as () => Promise<Place>)();
    const storage = withSettings(place.storage, { ...ALL, KEEP_LAST: '1' });
    for (let day = 2; day <= 5; day++) put(place, nameAt(NOW - day * DAY));
    let committed = false;
    const forget = s3.gate.rule((call) => {
      if (call.method === 'PUT' && call.path.endsWith('.manifest.json')) committed = true;
      return committed && call.method === 'GET' && call.query.includes('prefix') ? answer(call) : undefined;
    });
    const { status, lastWords } = await publish(stage(), [storage]);
    forget();
    expect({ status, pruned: lastWords?.pruned, warnings: lastWords?.warnings }).toEqual({
      status: 0,
      pruned: 0,
      warnings: [expect.stringMatching(warning)],
    });
    expect(backups(place)).toHaveLength(5);
  });

  test('if the listing does not show what was just committed', async () => {
    const place = await (PLACES['a claim'] as () => Promise<Place>)();
    for (let day = 2; day <= 5; day++) put(place, nameAt(NOW - day * DAY));
    const rclone = `[ "$1" != lsf ] || { ${ON_DEBIAN[0]}/rclone "$@" | grep -v '^${nameAt(NOW)}'; exit 0; }\nexec ${ON_DEBIAN[0]}/rclone "$@"`;
    const storage = withSettings(place.storage, { ...ALL, KEEP_LAST: '1' });
    const { status, lastWords } = await publish(stage(), [storage], { shell: ['dash'], standIns: { rclone } });
    expect({ status, warnings: lastWords?.warnings }).toEqual({ status: 0, warnings: [expect.stringContaining('does not show the backup')] });
    expect(backups(place)).toHaveLength(5);
  });
});

test('deletes the manifest, then companions, then data', async () => {
  const place = await (PLACES.S3 as () => Promise<Place>)();
  put(place, nameAt(NOW - DAY));
  const before = s3.gate.calls.length;
  await publish(stage(), [withSettings(place.storage, { ...ALL, KEEP_LAST: '1' })]);
  const deleted = s3.gate.calls.slice(before).filter(({ method }) => method === 'DELETE');
  expect(deleted.map(({ path }) => path.replace(/.*bcdfghjk/, ''))).toEqual(['.manifest.json', '+globals.sql', '.dump']);
  expect(readFileSync(place.path(`${nameAt(NOW)}.manifest.json`), 'utf8')).toContain('backstay/v1');
});
