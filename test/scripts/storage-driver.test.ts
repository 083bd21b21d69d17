import { describe, expect, test } from 'vitest';
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
