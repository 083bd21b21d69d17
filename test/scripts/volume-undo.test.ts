import { describe, expect, test } from 'vitest';
import { backupOf, keptIn, restore } from '../support/restore-volume.ts';
import { bash, volumeOf } from '../support/volume.ts';

/** A volume after two restores in place, with different files before each. */
async function restoredTwice(): Promise<string> {
  const data = volumeOf('echo before-first >a');
  const backup = await backupOf(volumeOf('echo new >a'));
  await restore({ data, backup, env: { RESTORE_ID: 'zfirst', NOW: '1795230000' } });
  bash(data, 'echo before-second >a');
  await restore({ data, backup, env: { RESTORE_ID: 'asecond', NOW: '1795240000' } });
  return data;
}

const undo = (data: string, action: string, id = 'undohand') => restore({ data, env: { RESTORE_ID: id, RESTORE_ACTION: action } });

describe('an undo with an id of its own, as the command line runs it', () => {
  test('swap-back undoes the newest restore, once', async () => {
    const data = await restoredTwice();
    const done = await undo(data, 'swap-back');
    expect(done.lastWords).toMatchObject({ status: 0, reason: expect.stringContaining('the files from before restore asecond are back') });
    expect(bash(data, 'cat a')).toBe('before-second\n');
    expect((await undo(data, 'swap-back')).lastWords).toMatchObject({ status: 0, reason: 'already done: restore asecond was swapped back' });
    expect(bash(data, 'cat a')).toBe('before-second\n');
  });

  test('swap-back with the id of a restore undoes that one', async () => {
    const data = await restoredTwice();
    await undo(data, 'swap-back', 'zfirst');
    expect(bash(data, 'cat a')).toBe('before-first\n');
  });

  test('drop-old deletes the files that all restores kept, and no live ones', async () => {
    const data = await restoredTwice();
    bash(data, 'mkdir .backstay-before-mine');
    const done = await undo(data, 'drop-old');
    expect(done.lastWords).toMatchObject({
      status: 0,
      reason: expect.stringMatching(/^deleted what restores kept in claim app-data: \.backstay-before-\d{8}-\d{6}, \.backstay-before-\d{8}-\d{6}$/),
    });
    expect(bash(data, 'cat a; ls -A')).toBe('new\n.backstay-before-mine\na\n');
    expect(keptIn(data)).toEqual(['.backstay-before-mine']);
  });
});
