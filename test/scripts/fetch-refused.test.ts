import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FetchCall, fetchBackup } from '../support/fetch.ts';
import { VOLUME_PART } from '../support/manifest.ts';
import { aClaim, anS3, DAY, NOW, ON_DEBIAN, publish, type Staged, type StorageEnv, sha256, stage } from '../support/publish.ts';
import { type LocalS3, startLocalS3 } from '../support/s3.ts';

let s3: LocalS3;
const claim = aClaim();
let storages: readonly StorageEnv[];

/** Two backups of a database and a volume, with the same sizes and other content: what is swapped is not told by size. */
const WANTED = withVolume(stage({ at: NOW, runId: 'bcdfghjk', files: dumpOf('a') }), 'a');
const OTHER = withVolume(stage({ at: NOW - DAY, runId: 'cdfghjkm', files: dumpOf('b') }), 'b');
const ENV = { WANTED: WANTED.name, PARTS: 'shop postgres dump\nfiles volume tar' };
const ENDINGS = ['.dump', '+globals.sql', '.files.tar'] as const;

beforeAll(async () => {
  s3 = await startLocalS3();
  await s3.rclone('mkdir', 'S:backups');
  storages = [claim.storage, anS3(s3)];
  for (const staged of [OTHER, WANTED]) expect((await publish(staged, storages)).status).toBe(0);
});

afterAll(() => s3?.end());

const onClaim = (file: string) => join(claim.folder, 'prod/shop/daily', file);
const inBucket = (file: string) => s3.file('backups', `prod/shop/daily/${file}`);

/** What is refused: the reason in full, and nothing of it is handed to a later step. */
async function refused(env: FetchCall['env'], call: Omit<FetchCall, 'env'> = {}) {
  const { status, lastWords, files, read } = await fetchBackup(storages, { ...call, env: { ...ENV, ...env } });
  expect({ status, said: lastWords?.status, files, backup: read('run/backup') }).toEqual({ status: 65, said: 65, files: [], backup: '' });
  return lastWords as { readonly reason: string; readonly hint: string };
}

describe.each<[string, string, (file: string) => string]>([
  ['a claim', '1', onClaim],
  ['S3', '2', inBucket],
])('in %s', (place, FROM_STORAGE, pathOf) => {
  const storage = place === 'S3' ? 'offsite' : 'local';

  test('all parts as they were stored are accepted', async () => {
    const { status, files } = await fetchBackup(storages, { env: { ...ENV, FROM_STORAGE } });
    expect({ status, files }).toEqual({
      status: 0,
      files: [...ENDINGS.map((ending) => `${WANTED.name}${ending}`), 'files.facts', 'manifest.json', 'shop.facts'].sort(),
    });
  });

  describe.each(ENDINGS)('a %s', (ending) => {
    const file = `${WANTED.name}${ending}`;
    const content = WANTED.files[file] ?? Buffer.alloc(0);
    const other = OTHER.files[`${OTHER.name}${ending}`] ?? Buffer.alloc(0);
    const half = Math.floor(content.length / 2);

    test.each<[string, Buffer, string]>([
      ['cut in half', content.subarray(0, half), `${file} has ${half} bytes instead of ${content.length}`],
      ['without its last byte', content.subarray(0, -1), `${file} has ${content.length - 1} bytes instead of ${content.length}`],
      ['that is empty', Buffer.alloc(0), `${file} has 0 bytes instead of ${content.length}`],
      [
        'with something behind it',
        Buffer.concat([content, Buffer.from('x')]),
        `${file} has ${content.length + 1} bytes instead of ${content.length}`,
      ],
      ['with one bit flipped', flipped(content), `${file} has a different SHA-256 than when it was stored`],
      ['swapped with that of another backup', other, `${file} has a different SHA-256 than when it was stored`],
    ])('rejects a file %s before any tool opens it', async (_, spoiled, differs) => {
      writeFileSync(pathOf(file), spoiled);
      const { reason, hint } = await refused({ FROM_STORAGE });
      writeFileSync(pathOf(file), content);
      expect(reason).toBe(`storage ${storage} does not hold what was backed up: ${differs}`);
      expect(hint).toMatch(/^nothing was opened or restored; another storage may hold a good copy/);
    });

    test('that is gone is refused', async () => {
      const away = join(pathOf('..'), '../../..', 'away');
      renameSync(pathOf(file), away);
      const { reason } = await refused({ FROM_STORAGE });
      renameSync(away, pathOf(file));
      expect(reason).toBe(`storage ${storage} does not hold what was backed up: ${file} is missing`);
    });
  });

  test('all that differs is named at once', async () => {
    const [dump, globals] = [`${WANTED.name}.dump`, `${WANTED.name}+globals.sql`];
    writeFileSync(pathOf(dump), 'x');
    writeFileSync(pathOf(globals), flipped(WANTED.files[globals] ?? Buffer.alloc(0)));
    const { reason } = await refused({ FROM_STORAGE });
    for (const file of [dump, globals]) writeFileSync(pathOf(file), WANTED.files[file] ?? '');
    expect(reason).toContain(`${dump} has 1 bytes instead of 100000`);
    expect(reason).toContain(`${globals} has a different SHA-256 than when it was stored`);
  });

  const manifest = `${WANTED.name}.manifest.json`;
  const stored = () => readFileSync(pathOf(manifest), 'utf8');

  /** With this manifest in place of the stored one. */
  async function lying(text: string, env: FetchCall['env'] = {}) {
    const truth = stored();
    writeFileSync(pathOf(manifest), text);
    try {
      return await refused({ FROM_STORAGE, ...env });
    } finally {
      writeFileSync(pathOf(manifest), truth);
    }
  }

  test.each<[string, (text: string) => string]>([
    ['truncated in the middle', (text) => text.slice(0, text.length / 2)],
    ['without its last bracket', (text) => text.trimEnd().slice(0, -1)],
    ['empty', () => ''],
    ['followed by garbage', (text) => `${text}garbage`],
    ['there twice', (text) => text + text],
    ['not JSON', () => '<?xml version="1.0"?><Error/>'],
  ])('rejects a manifest that is %s', async (_, spoil) => {
    const { reason, hint } = await lying(spoil(stored()));
    expect(reason).toBe(`the manifest of ${WANTED.name} in storage ${storage} is not JSON, or is truncated`);
    expect(hint).toMatch(/another storage may hold a good copy/);
  });

  const SUM = 'f'.repeat(64);
  const lies: readonly (readonly [string, (manifest: Manifest) => object, RegExp])[] = [
    ['another version', (m) => ({ ...m, version: 'backstay/v2' }), /has version 'backstay\/v2', expected backstay\/v1$/],
    ['no version', ({ version: _, ...m }) => m, /has version '', expected/],
    ['another name', (m) => ({ ...m, name: OTHER.name }), /names the backup '20261120-093000-cdfghjkm'$/],
    ['the run id of another', (m) => ({ ...m, runId: 'cdfghjkm' }), /has the run id 'cdfghjkm'$/],
    ['a run id that is none', (m) => ({ ...m, runId: '-' }), /has the run id '-'$/],
    ['another environment', (m) => ({ ...m, environment: 'staging' }), /belongs to environment 'staging', not 'prod'$/],
    ['another environment that begins alike', (m) => ({ ...m, environment: 'prod\n' }), /belongs to environment 'prod', not 'prod'$/],
    ['another source', (m) => ({ ...m, source: 'orders' }), /belongs to source 'orders', not shop$/],
    ['a source of two lines', (m) => ({ ...m, source: 'orders\nshop' }), /belongs to source 'orders\nshop', not shop$/],
    ['no parts', (m) => ({ ...m, parts: [] }), /has no part shop, but none$/],
    ['a part less', (m) => ({ ...m, parts: m.parts.slice(1) }), /has no part shop, but files$|has no part files, but shop$/],
    ['another kind', (m) => parts(m, 'shop', { kind: 'volume' }), /has the part shop as volume dump instead of postgres dump$/],
    ['another method', (m) => parts(m, 'files', { method: 'raft-snapshot' }), /has the part files as volume raft-snapshot instead of volume tar$/],
    ['encryption', (m) => parts(m, 'shop', { encryption: { method: 'gpg', keys: ['A'] } }), /has the part shop encrypted, which is not supported$/],
    ['one part twice', (m) => ({ ...m, parts: [...m.parts, m.parts[0]] }), /names two (parts|files) /],
    ['no files', (m) => parts(m, 'files', { files: [] }), /names no file of the part files$/],
    ['another size', (m) => file(m, { bytes: 99_999 }), /does not hold what was backed up: 2026\S+\.dump has 100000 bytes instead of 99999$/],
    [
      'another SHA-256',
      (m) => file(m, { sha256: SUM }),
      /does not hold what was backed up: 2026\S+\.dump has a different SHA-256 than when it was stored$/,
    ],
    ['the SHA-256 of another', (m) => file(m, { sha256: sha256(OTHER.files[`${OTHER.name}.dump`] ?? Buffer.alloc(0)) }), /has a different SHA-256/],
    ['a size that is none', (m) => file(m, { bytes: -1 }), /gives 2026\S+\.dump the size '-1'$/],
    ['a size like 1e5', (m) => file(m, { bytes: '1e5' }), /gives 2026\S+\.dump the size '1e5'$/],
    ['no size', (m) => file(m, { bytes: undefined }), /gives 2026\S+\.dump the size ''$/],
    ['a SHA-256 that is none', (m) => file(m, { sha256: 'abc' }), /gives 2026\S+\.dump the SHA-256 'abc'$/],
    ['no SHA-256', (m) => file(m, { sha256: null }), /gives 2026\S+\.dump the SHA-256 'null'$/],
    ['a file of another backup', (m) => file(m, { name: `${OTHER.name}.dump` }), /names a file of another backup: 20261120-093000-cdfghjkm\.dump$/],
    ['a file that only begins alike', (m) => file(m, { name: `${WANTED.name}x.dump` }), /names a file of another backup: /],
    ['a file in another folder', (m) => file(m, { name: `${WANTED.name}./../../x` }), /names a file '2026\S+\.\/\.\.\/\.\.\/x'$/],
    ['an absolute path', (m) => file(m, { name: '/etc/passwd' }), /names a file '\/etc\/passwd'$/],
    ['a file name of two lines', (m) => file(m, { name: `${WANTED.name}.dump\n${WANTED.name}.x` }), /names a file '2026\S+\.dump\\n2026\S+'$/],
    ['a file name with a blank', (m) => file(m, { name: `${WANTED.name}.dump 100000 ${SUM}` }), /names a file '/],
    ['a file without a name', (m) => file(m, { name: undefined }), /names a file ''$/],
    ['a file that is none', (m) => parts(m, 'files', { files: [{}] }), /names a file ''$/],
    ['two files of one name', (m) => file(m, { name: `${WANTED.name}.files.tar` }), /names two files 2026\S+\.files\.tar$/],
  ];
  // The checks are the same wherever the manifest came from.
  const here = place === 'S3' ? lies.filter((_, index) => index % 8 === 0) : lies;

  test.each(here)('rejects a manifest with %s', async (_, lie, reason) => {
    const truth = JSON.parse(stored()) as Manifest;
    expect((await lying(JSON.stringify(lie(truth)))).reason).toMatch(reason);
  });

  test('hints at the right version for a manifest of another version', async () => {
    const { hint } = await lying(stored().replace('backstay/v1', 'backstay/v7'));
    expect(hint).toBe('use the backstay of that version');
  });

  test('fetches every requested part and no other', async () => {
    const one = await fetchBackup(storages, { env: { ...ENV, FROM_STORAGE, PARTS: 'files volume tar' } });
    expect({ status: one.status, files: one.files }).toEqual({ status: 0, files: [`${WANTED.name}.files.tar`, 'files.facts', 'manifest.json'] });
    expect(one.lastWords).toMatchObject({ files: 1, bytes: 10_240 });
    expect((await refused({ FROM_STORAGE, PARTS: 'shop postgres dump\norders postgres dump' })).reason).toMatch(
      /has no part orders, but (shop, files|files, shop)$/,
    );
  });

  test('rejects a backup of another environment or source', async () => {
    expect((await refused({ FROM_STORAGE, ORIGIN_ENVIRONMENT: 'staging' })).reason).toMatch(/belongs to environment 'prod', not 'staging'$/);
    expect((await refused({ FROM_STORAGE, ORIGIN_SOURCES: 'sho\nshopp\norders' })).reason).toMatch(/belongs to source 'shop', not sho shopp orders$/);
  });
});

test('rejects a manifest that disappears between listing and reading', async () => {
  const forget = s3.gate.rule(({ method, path }) => (method !== 'PUT' && path.endsWith('.manifest.json') ? { status: 404 } : undefined));
  const { reason } = await refused({ FROM_STORAGE: '2' });
  forget();
  expect(reason).toMatch(/is not JSON, or is truncated$/);
});

test('rejects a folder or a link in place of a file', async () => {
  const file = `${WANTED.name}.dump`;
  renameSync(onClaim(file), onClaim('../away'));
  mkdirSync(onClaim(file));
  const { reason } = await refused({});
  rmSync(onClaim(file), { recursive: true });
  symlinkSync('/dev/zero', onClaim(file));
  const linked = await refused({});
  rmSync(onClaim(file));
  renameSync(onClaim('../away'), onClaim(file));
  expect([reason, linked.reason]).toEqual([expect.stringMatching(/\.dump is missing$/), expect.stringMatching(/\.dump is missing$/)]);
});

test('detects a change after the fetch, because it compares the copy', async () => {
  const spoil = `/usr/bin/cp "$1" "$2"; case $2 in *.dump) printf x | dd of="$2" conv=notrunc 2>/dev/null ;; esac`;
  const { reason } = await refused({}, { shell: ['dash'], path: ON_DEBIAN, standIns: { cp: spoil } });
  expect(reason).toMatch(/\.dump has a different SHA-256 than when it was stored$/);
});

test('tells a full scratch space from a full storage', async () => {
  const standIns = { cp: `echo half >"$2"; echo "cp: error writing '$2': No space left on device" >&2; exit 1` };
  const { status, lastWords, files } = await fetchBackup(storages, { env: ENV, shell: ['dash'], path: ON_DEBIAN, standIns });
  expect({ status, reason: lastWords?.reason, hint: lastWords?.hint, files }).toEqual({
    status: 73,
    reason: 'storage local: no room: the scratch space is full',
    hint: expect.stringContaining('give the pod more scratch space'),
    files: [],
  });
});

interface Manifest {
  readonly version: string;
  readonly parts: readonly { readonly name: string; readonly files: readonly object[] }[];
}

/** One part of it otherwise. */
function parts(manifest: Manifest, name: string, change: object): object {
  return { ...manifest, parts: manifest.parts.map((part) => (part.name === name ? { ...part, ...change } : part)) };
}

/** The artifact of the database otherwise. */
function file(manifest: Manifest, change: object): object {
  const [first, ...rest] = manifest.parts.find(({ name }) => name === 'shop')?.files ?? [];
  return parts(manifest, 'shop', { files: [{ ...first, ...change }, ...rest] });
}

function flipped(content: Buffer): Buffer {
  const spoiled = Buffer.from(content);
  const at = Math.floor(content.length / 2);
  spoiled[at] = (spoiled[at] ?? 0) ^ 1;
  return spoiled;
}

function dumpOf(letter: string): Record<string, Buffer | string> {
  return { '.dump': Buffer.alloc(100_000, `rows of ${letter}, `), '+globals.sql': `-- roles of ${letter}\n` };
}

/** The same run with a volume beside the database. */
function withVolume(staged: Staged, letter: string): Staged {
  const name = `${staged.name}.files.tar`;
  const content = Buffer.alloc(10_240, letter);
  const files = [{ name, role: 'artifact', bytes: content.length, sha256: sha256(content) }];
  writeFileSync(join(staged.work, 'out', name), content);
  writeFileSync(join(staged.work, 'facts/files.json'), JSON.stringify({ ...VOLUME_PART, files }));
  writeFileSync(join(staged.work, 'facts/files.sums'), `${sha256(content)}  ${name}\n`);
  return { ...staged, files: { ...staged.files, [name]: content } };
}
