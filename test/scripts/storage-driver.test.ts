import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { withReads } from '../../lib/script-headers.ts';
import { scriptFiles, scriptText } from '../../lib/scripts.ts';
import { STORAGE_KINDS } from '../../lib/storages/index.ts';
import { fetchBackup, record } from '../support/fetch.ts';
import { aClaim, ON_DEBIAN, publish, publishEnv, type StorageEnv, stage, withSettings } from '../support/publish.ts';
import { type Outcome, runScript, SHELLS } from '../support/run-script.ts';

const drivers = scriptFiles().filter((file) => file.startsWith('driver-'));
/** The functions that the header of storage.sh asks of a driver. */
const wanted = [...scriptText('storage.sh').matchAll(/^# {3}([a-z_]+)(?: [A-Z ]+?)? {2,}\S/gm)].map(([, name]) => name);
const definedBy = (file: string) => [...scriptText(file).matchAll(/^([a-z_0-9]+)\(\) \{/gm)].map(([, name]) => name);

test('each kind of storage has a driver, and each driver a kind', () => {
  expect(drivers).toEqual(STORAGE_KINDS.map(({ name }) => `driver-${name}.sh`).sort());
});

test('the header of storage.sh lists the functions of a driver', () => {
  expect(wanted).toEqual(expect.arrayContaining(['make_folder', 'upload', 'look', 'explain_own']));
  expect(wanted).toHaveLength(16);
});

describe.each(drivers)('%s', (file) => {
  test('defines every function that the header of storage.sh asks for', () => {
    expect(wanted.filter((name) => !withReads(file).flatMap(definedBy).includes(name))).toEqual([]);
  });

  test('redefines no function of a script that reads it', () => {
    const readers = scriptFiles().filter((script) => withReads(script).includes(file));
    const beside = new Set(readers.flatMap(withReads).filter((script) => !drivers.includes(script)));
    const others = [...beside].flatMap(definedBy);
    expect(others).toContain('explain');
    expect(definedBy(file).filter((name) => others.includes(name))).toEqual([]);
  });
});

test('a script that reaches a storage carries every driver', () => {
  for (const script of ['publish.sh', 'fetch.sh', 'record.sh', 'catalogue.sh']) expect(withReads(script)).toEqual(expect.arrayContaining(drivers));
});

test('no other script has an option or a header of one kind of store', () => {
  const strange = scriptFiles().filter((file) => !drivers.includes(file) && /--s3-|X-Amz|is_claim|case "?\$S_(REMOTE|KIND)/i.test(scriptText(file)));
  expect(strange).toEqual([]);
});

describe.each(SHELLS)('a storage of a kind without a driver, under %s,', (_, shell) => {
  const tools = { shell, path: ON_DEBIAN };
  const storages: readonly StorageEnv[] = [aClaim().storage, withSettings(aClaim().storage, { NAME: 'tape', KIND: 'tape' })];
  const scripts: Readonly<Record<string, () => Promise<Outcome>>> = {
    'publish.sh': () => publish(stage(), storages, tools),
    'fetch.sh': () => fetchBackup(storages, tools),
    'record.sh': () => record(stage().work, storages, { ...tools, env: { RECORD: 'verified' } }),
    'catalogue.sh': () => runScript('catalogue.sh', { ...tools, env: { ...publishEnv(storages), ACTION: 'list' } }),
  };

  test.each(Object.keys(scripts))('ends %s with 64, which names the kind and the missing file', async (script) => {
    const { status, lastWords } = (await scripts[script]?.()) ?? {};
    expect({ status, lastWords }).toMatchObject({
      status: 64,
      lastWords: {
        reason: "storage tape: there is no driver for the kind 'tape'",
        hint: expect.stringContaining(`driver-tape.sh belongs beside ${script}`),
      },
    });
  });
});

describe('a claim where nothing can be created', () => {
  const mounted: string[] = [];
  afterEach(() => {
    for (const folder of mounted.splice(0)) execFileSync('umount', [folder]);
  });

  /** A claim with the folders of a source and this many free inodes. A hard link takes one too. */
  function withInodes(free: number): ReturnType<typeof aClaim> {
    const folder = mkdtempSync(join(tmpdir(), 'inodes-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,nr_inodes=64', 'tmpfs', folder]);
    mounted.push(folder);
    for (const name of ['daily', 'restores']) mkdirSync(join(folder, 'prod/shop', name), { recursive: true });
    const taken = [];
    try {
      for (let nth = 0; nth < 64; nth++) taken.push(filler(join(folder, `taken-${nth}`)));
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' });
    }
    for (const file of taken.slice(0, free)) rmSync(file);
    return aClaim(folder);
  }
  function filler(file: string): string {
    writeFileSync(file, '');
    return file;
  }

  /** A scratch space after a restore. */
  function restored(): string {
    const { work, name } = stage();
    writeFileSync(join(work, 'run/backup'), name);
    writeFileSync(join(work, 'run/result-shop.json'), '{"part":"shop"}');
    return work;
  }
  const DONE = { RECORD: 'done', RESTORE_ID: 'hjkmnpqr', MARKER_STORAGES: '1', MARKER_PATH: 'shop/restores/hjkmnpqr' };
  const NO_ROOM = /no room: ln: .*No space left on device$/;

  test('ends a run with 73, which names no other owner, if owner.json cannot be linked', async () => {
    const { folder, storage } = withInodes(1);
    const { status, lastWords } = await publish(stage(), [storage]);
    expect({ status, reason: lastWords?.reason }).toEqual({ status: 73, reason: expect.stringMatching(NO_ROOM) });
    expect(readdirSync(join(folder, 'prod/shop'))).toEqual(['daily', 'restores']);
  });

  test('ends record.sh with 73, not as recorded earlier, if the marker cannot be linked', async () => {
    const { folder, storage } = withInodes(1);
    const { status, lastWords } = await record(restored(), [storage], { env: DONE });
    expect({ status, reason: lastWords?.reason }).toEqual({ status: 73, reason: expect.stringMatching(NO_ROOM) });
    expect(readdirSync(join(folder, 'prod/shop/restores'))).toEqual([]);
  });

  test('leaves a run degraded, not as already pinned, if the pin cannot be linked', async () => {
    // The owner, two files, the manifest, and the pin before it gets its name.
    const { folder, storage } = withInodes(5);
    const { status, stderr, lastWords } = await publish(stage(), [storage], { env: { PIN: 'true' } });
    expect({ status, reason: lastWords?.reason }).toEqual({ status: 10, reason: expect.stringMatching(/stored, but not pinned: no room: ln: /) });
    expect(stderr).not.toContain('already pinned');
    const endings = readdirSync(join(folder, 'prod/shop/daily')).map((file) => file.replace(/^[\d-]+-[a-z]+/, ''));
    expect(endings.sort()).toEqual(['+globals.sql', '.dump', '.manifest.json']);
  });

  test('still counts a marker that is there as recorded earlier', async () => {
    const { folder, storage } = withInodes(2);
    writeFileSync(join(folder, 'prod', `${DONE.MARKER_PATH}.done`), '{}');
    const { status, lastWords } = await record(restored(), [storage], { env: DONE });
    expect({ status, reason: lastWords?.reason }).toEqual({ status: 0, reason: expect.stringMatching(/: recorded earlier in local$/) });
  });

  const saying = (words: string) => `echo "ln: failed to create hard link '$2' => '$1': ${words}" >&2; exit 1`;
  test.each([
    ['No space left on device', 73, /no room: ln: .*No space left/],
    ['Operation not permitted', 64, /the file system of the claim has no hard links: ln: .*not permitted$/],
    ['Operation not supported', 64, /the file system of the claim has no hard links: ln: .*not supported$/],
    ['Not supported', 64, /the file system of the claim has no hard links: ln: .*Not supported$/],
    ['Function not implemented', 64, /the file system of the claim has no hard links: ln: .*not implemented$/],
    ['Permission denied', 77, /access denied: ln: .*Permission denied$/],
    ['Input/output error', 69, /the store refused: ln: .*Input\/output error$/],
  ])('where ln says %s ends publish.sh and record.sh with %i', async (words, expected, reason) => {
    const { folder, storage } = aClaim();
    const tools = { shell: ['dash'], path: ON_DEBIAN, standIns: { ln: saying(words) } };
    for (const end of [await publish(stage(), [storage], tools), await record(restored(), [storage], { ...tools, env: DONE })])
      expect({ status: end.status, reason: end.lastWords?.reason }).toEqual({ status: expected, reason: expect.stringMatching(reason) });
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files).toEqual([]);
  });
});
