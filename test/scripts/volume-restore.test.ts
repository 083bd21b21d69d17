import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { give } from '../support/attributes.ts';
import {
  asNobody,
  type Backup,
  backupOf,
  keptFolder,
  keptIn,
  live,
  RESTORE_SHELLS,
  restore,
  resultOf,
  stateOf,
  withoutRoot,
} from '../support/restore-volume.ts';
import { BUSYBOX, bash, GNU, namesIn, portrait, volumeOf } from '../support/volume.ts';

/** The backup: everything that trips up a careless script. */
const NEW = `
mkdir -p deep/a/b empty 'with space' closed; echo new >same; echo only >only-new; echo dash >./-rf; echo newline >$'new\\nline'; echo bytes >$'\\xff\\xfe'
echo "it's" >"quoted \\"\\\\ \\$(id)"; echo one >deep/a/one; ln deep/a/one hard; ln -s deep/a/one link; ln -s ../../hard deep/a/up; ln -s nowhere broken
mkfifo pipe; truncate -s 3M sparse; echo x >closed/x; chmod 555 closed; chmod 4751 only-new; echo star >'*'; echo nested >deep/a/b/f; echo dot >.hidden
chown 12345:23456 deep/a/one; chown -h 777:888 link; chown 999:10999 empty; chmod 2770 empty
touch -d '2020-02-29 12:34:56.123456789' same; touch -d '2001-01-01 01:01:01.5' deep/a; touch -h -d '2010-10-10' broken
touch -d 2003-03-03 .; chown 65534:65534 .; chmod 2775 .
`;
/** The live files: some with names of the backup, some with their own, some of another type. */
const OLD = `
mkdir -p deep/a lost+found only-old; echo old >same; echo mine >deep/a/mine; echo old >deep/a/one; echo own >only-old/f; ln -s only-old link
echo precious >$'old\\nline'; echo hidden >.mine; mkdir '*'; echo x >'*/x'; touch -d 2005-05-05 same; chmod 750 .
`;

describe.each(RESTORE_SHELLS)('volume-restore.sh under %s', (_, shell) => {
  let backup: Backup;
  let wanted = '';
  beforeAll(async () => {
    const source = volumeOf(NEW);
    backup = await backupOf(source);
    wanted = withoutRoot(portrait(source));
  });

  test('swap keeps the old files and restores the backup exactly: owners, modes, times, links and content', async () => {
    const data = volumeOf(OLD);
    const before = live(data);
    const outcome = await restore({ data, backup, shell });
    expect(outcome.stderr).not.toMatch(/ (warn|error) /);
    expect(outcome.status).toBe(0);
    expect(live(data)).toBe(wanted);
    expect(live(keptFolder(data, 'before'))).toBe(before);
    expect(keptIn(data)).toEqual(['.backstay-before-TIME', '.backstay-restore-kcdfghjm']);
    expect(existsSync(join(data, 'lost+found'))).toBe(true);
    expect(bash(data, 'stat -c "%a %U" . .backstay-before-*')).toBe('750 root\n750 root\n');
    expect(stateOf(outcome)).toBe('new');
    expect(resultOf(outcome)).toEqual({
      part: 'volume',
      kind: 'volume',
      action: 'restore',
      mode: 'swap',
      backup: '20261121-030000-bcdfpqrs',
      claim: 'app-data',
      path: '.',
      into: '.',
      kept: expect.stringMatching(/^\.backstay-before-\d{8}-\d{6}$/),
      entries: 23,
      bytes: expect.any(Number),
      seconds: expect.any(Number),
    });
    expect(outcome.lastWords).toMatchObject({ phase: 'volume-restore', status: 0, hint: expect.stringContaining('swap-back undoes it') });
    expect(outcome.stdout).toBe('');
  });

  test('swap-back undoes a swap, and drop-old then deletes the restored files', async () => {
    const data = volumeOf(OLD);
    const before = live(data);
    await restore({ data, backup, shell });
    bash(data, 'echo written by the application >since');
    const restored = live(data);
    const back = await restore({ data, shell, env: { RESTORE_ACTION: 'swap-back' } });
    expect(back.status).toBe(0);
    expect(live(data)).toBe(before);
    expect(live(keptFolder(data, 'undone'))).toBe(restored);
    expect(keptIn(data)).toEqual(['.backstay-restore-kcdfghjm', '.backstay-undone-TIME']);
    const dropped = await restore({ data, shell, env: { RESTORE_ACTION: 'drop-old' } });
    expect(dropped.status).toBe(0);
    expect(keptIn(data)).toEqual([]);
    expect(live(data)).toBe(before);
  });

  test('beside restores into its own folder and changes nothing else', async () => {
    const data = volumeOf(OLD);
    const before = live(data);
    const outcome = await restore({ data, backup, shell, env: { RESTORE_MODE: 'beside' } });
    expect(outcome.status).toBe(0);
    expect(live(data)).toBe(before);
    expect(keptIn(data)).toEqual(['.backstay-restored-kcdfghjm']);
    expect(withoutRoot(portrait(join(data, '.backstay-restored-kcdfghjm')))).toBe(wanted);
    expect(bash(data, 'stat -c "%a %u" .backstay-restored-*')).toBe('2775 65534\n');
    expect(resultOf(outcome)).toMatchObject({ into: '.backstay-restored-kcdfghjm', kept: '' });
  });

  test('merge replaces files of the same names and keeps all others', async () => {
    const data = volumeOf(`${OLD} rm -r '*'; mkdir outside; rm link; ln -s outside empty`);
    const outcome = await restore({ data, backup, shell, env: { RESTORE_MODE: 'merge' } });
    expect(outcome.status).toBe(0);
    expect(bash(data, "cat same deep/a/one deep/a/mine only-old/f .mine .hidden $'old\\nline' './*' link")).toBe(
      'new\none\nmine\nown\nhidden\ndot\nprecious\nstar\none\n',
    );
    expect(bash(data, 'find empty outside -printf "%p %y\\n"')).toBe('empty d\noutside d\n');
    expect(bash(data, 'stat -c "%h %u" deep/a/one')).toBe('2 12345\n');
    expect(keptIn(data)).toEqual(['.backstay-restore-kcdfghjm']);
    expect(readdirSync(join(data, '.backstay-restore-kcdfghjm'))).not.toContain('new');
  });

  test('clear leaves none of the old files', async () => {
    const data = volumeOf(OLD);
    const outcome = await restore({ data, backup, shell, env: { RESTORE_MODE: 'clear' } });
    expect(outcome.status).toBe(0);
    expect(live(data)).toBe(wanted);
    expect(bash(data, 'stat -c "%a %u %y" .')).toMatch(/^2775 65534 2003-03-03/);
    expect(keptIn(data)).toEqual(['.backstay-restore-kcdfghjm']);
  });

  test('fill makes a new claim equal to the old one, including the folder itself', async () => {
    const data = volumeOf('mkdir lost+found');
    const outcome = await restore({ data, backup, shell, env: { RESTORE_MODE: 'fill' } });
    expect(outcome.status).toBe(0);
    expect(live(data)).toBe(wanted);
    expect(bash(data, 'stat -c "%a %u %y" .')).toMatch(/^2775 65534 2003-03-03/);
  });

  test('restores only the selected paths, in every mode', async () => {
    const env = { PATHS: './deep/a/one\n/empty/\n*\ndeep/a/b\nhard\ndeep/a/b/f' };
    const swapped = volumeOf(OLD);
    const before = live(swapped);
    expect((await restore({ data: swapped, backup, shell, env })).status).toBe(0);
    expect(bash(swapped, "cat deep/a/one deep/a/mine same '*' deep/a/b/f; stat -c '%u %h' deep/a/one; stat -c %a empty; ls -A")).toBe(
      `one\nmine\nold\nstar\nnested\n12345 2\n2770\n*\n${readdirSync(swapped).find((name) => name.startsWith('.backstay-before'))}\n.backstay-restore-kcdfghjm\n.mine\ndeep\nempty\nhard\nlink\nlost+found\nold\nline\nonly-old\nsame\n`,
    );
    expect(bash(keptFolder(swapped, 'before'), 'find . -type f | sort')).toBe('./*/x\n./deep/a/one\n');
    expect((await restore({ data: swapped, shell, env: { ...env, RESTORE_ACTION: 'swap-back' } })).status).toBe(0);
    expect(live(swapped).replace(/deep.*? d .*\n/g, '')).toBe(before.replace(/deep.*? d .*\n/g, ''));

    const cleared = volumeOf(OLD);
    expect((await restore({ data: cleared, backup, shell, env: { ...env, RESTORE_MODE: 'clear' } })).status).toBe(0);
    expect(bash(cleared, "cat deep/a/one deep/a/mine same '*'; stat -c '%u %h' deep/a/one")).toBe('one\nmine\nold\nstar\n12345 2\n');

    const beside = volumeOf(OLD);
    expect((await restore({ data: beside, backup, shell, env: { ...env, RESTORE_MODE: 'beside' } })).status).toBe(0);
    expect(bash(join(beside, '.backstay-restored-kcdfghjm'), 'find . | sort')).toBe(
      '.\n./*\n./deep\n./deep/a\n./deep/a/b\n./deep/a/b/f\n./deep/a/one\n./empty\n./hard\n',
    );
    expect(bash(beside, "stat -c '%y' .backstay-restored-kcdfghjm/deep/a")).toMatch(/^2001-01-01/);

    const filled = volumeOf('');
    expect((await restore({ data: filled, backup, shell, env: { ...env, RESTORE_MODE: 'fill' } })).status).toBe(0);
    expect(bash(filled, 'cat deep/a/one deep/a/b/f')).toBe('one\nnested\n');
  });

  test('restores archives of BusyBox', async () => {
    const source = volumeOf(NEW);
    const made = await backupOf(source, BUSYBOX);
    const data = volumeOf(OLD);
    expect((await restore({ data, backup: made, shell })).status).toBe(0);
    const seconds = (text: string) => text.replace(/(\d{9,10})\.\d+/g, '$1');
    expect(seconds(live(data))).toBe(seconds(withoutRoot(portrait(source))));
  });
});

describe('a restore that is run again', () => {
  const source = volumeOf('echo new >a; mkdir d; echo f >d/f');
  let backup: Backup;
  beforeAll(async () => {
    backup = await backupOf(source);
  });

  test.each(['beside', 'swap', 'merge', 'clear', 'fill'])('%s does nothing if it is already done, and keeps files written since', async (mode) => {
    const data = volumeOf(mode === 'fill' ? '' : 'echo old >a');
    const env = { RESTORE_MODE: mode };
    await restore({ data, backup, env });
    bash(data, 'echo since >a; echo since >b');
    const kept = keptIn(data);
    const again = await restore({ data, backup, env });
    expect(again.lastWords).toMatchObject({ status: 0, reason: 'already done: restore kcdfghjm is in claim app-data' });
    expect(stateOf(again)).toBe('new');
    expect(resultOf(again)).toMatchObject({ mode, backup: '20261121-030000-bcdfpqrs' });
    expect(bash(data, 'cat a b')).toBe('since\nsince\n');
    expect(keptIn(data)).toEqual(kept);
  });

  test('a second restore keeps the old files of the first, and removes leftovers that nothing needs', async () => {
    const data = volumeOf('echo old >a');
    await restore({ data, backup, env: { RESTORE_ID: 'first', NOW: '1795230000' } });
    bash(data, 'mkdir -p .backstay-restore-dead/new; echo litter >.backstay-restore-dead/new/f');
    await restore({ data, backup, env: { RESTORE_ID: 'merged', RESTORE_MODE: 'merge' } });
    expect((await restore({ data, backup, env: { RESTORE_ID: 'second', NOW: '1795240000' } })).status).toBe(0);
    expect(keptIn(data)).toEqual(['.backstay-before-TIME', '.backstay-before-TIME', '.backstay-restore-first', '.backstay-restore-second']);
  });

  test('ends at once if an earlier run left its marker', async () => {
    const data = volumeOf('echo old >a');
    const work = bash('/', 'mktemp -d').trim();
    mkdirSync(join(work, 'run'));
    bash(work, 'touch run/already');
    const outcome = await restore({ data, work });
    expect(outcome.lastWords).toMatchObject({ status: 0, reason: 'already done, in an earlier run of this restore' });
    expect(bash(data, 'cat a; ls -A')).toBe('old\na\n');
  });

  test('ends with 75, to be retried, while another restore holds the lock', async () => {
    const data = volumeOf('echo old >a');
    const outcome = await restore({ data, backup, shell: ['sh', '-c', 'exec 7<"$DATA_DIR"; flock 7; exec dash "$0"'] });
    expect(outcome.lastWords).toMatchObject({ status: 75, reason: "another restore is running in claim 'app-data'" });
    expect(keptIn(data)).toEqual([]);
  });
});

describe('swap-back and drop-old', () => {
  test.each([
    ['swap-back', "there is no restore kcdfghjm in '.' of claim 'app-data'"],
    ['drop-old', "there is no restore kcdfghjm in '.' of claim 'app-data'"],
  ])('%s of an unknown restore is refused', async (action, reason) => {
    const data = volumeOf('echo old >a; mkdir .backstay-before-20260101-000000');
    const outcome = await restore({ data, env: { RESTORE_ACTION: action } });
    expect(outcome.lastWords).toMatchObject({ status: 64, reason });
    expect(keptIn(data)).toEqual(['.backstay-before-TIME']);
  });

  test('swap-back is refused if the restore kept no old files or they are gone, and the journal stays', async () => {
    const backup = await backupOf(volumeOf('echo new >a'));
    const data = volumeOf('echo old >a');
    await restore({ data, backup, env: { RESTORE_MODE: 'merge' } });
    const merged = await restore({ data, env: { RESTORE_ACTION: 'swap-back' } });
    expect(merged.lastWords).toMatchObject({ status: 64, reason: 'restore kcdfghjm kept no old files: it ran with mode: merge' });
    await restore({ data, backup, env: { RESTORE_ID: 'other' } });
    bash(data, 'rm -r .backstay-before-*');
    const gone = await restore({ data, env: { RESTORE_ID: 'other', RESTORE_ACTION: 'swap-back' } });
    expect(gone.lastWords).toMatchObject({ status: 64, reason: expect.stringMatching(/^the files from before restore other are gone: /) });
    expect(keptIn(data)).toEqual(['.backstay-restore-other']);
    expect(bash(data, 'cat a')).toBe('new\n');
  });

  test('a repeated swap-back succeeds, and a restore that was swapped back does not run again', async () => {
    const backup = await backupOf(volumeOf('echo new >a'));
    const data = volumeOf('echo old >a');
    await restore({ data, backup });
    await restore({ data, env: { RESTORE_ACTION: 'swap-back' } });
    const again = await restore({ data, env: { RESTORE_ACTION: 'swap-back' } });
    expect(again.lastWords).toMatchObject({ status: 0, reason: 'already done: restore kcdfghjm was swapped back' });
    const restored = await restore({ data, backup });
    expect(restored.lastWords).toMatchObject({ status: 64, reason: 'restore kcdfghjm was done, and then swapped back' });
    expect(bash(data, 'cat a')).toBe('old\n');
  });

  test('drop-old deletes a restore beside', async () => {
    const data = volumeOf('echo old >a');
    await restore({ data, backup: await backupOf(volumeOf('echo new >a')), env: { RESTORE_MODE: 'beside' } });
    expect((await restore({ data, env: { RESTORE_ACTION: 'drop-old' } })).status).toBe(0);
    expect(bash(data, 'ls -A')).toBe('a\n');
  });
});

describe('a folder below the root of the claim', () => {
  test('is swapped within itself', async () => {
    const backup = await backupOf(volumeOf('echo new >a'));
    const data = volumeOf("mkdir -p 'sub dir/lost+found'; echo old >'sub dir/a'; echo other >other");
    const outcome = await restore({ data, backup, env: { DATA_PATH: 'sub dir' } });
    expect(outcome.status).toBe(0);
    expect(bash(data, "cat 'sub dir/a' other; ls -A; ls 'sub dir'")).toBe('new\nother\nother\nsub dir\na\n');
    expect(readdirSync(keptFolder(join(data, 'sub dir'), 'before')).sort()).toEqual(['a', 'lost+found']);
  });

  test('is created by fill', async () => {
    const backup = await backupOf(volumeOf('echo new >a; chmod 711 .'));
    const data = volumeOf('echo other >other');
    expect((await restore({ data, backup, env: { DATA_PATH: 'x/y', RESTORE_MODE: 'fill' } })).status).toBe(0);
    expect(bash(data, 'cat x/y/a; stat -c %a x/y')).toBe('new\n711\n');
  });
});

describe('the folder itself, with owners: none', () => {
  test.each(['clear', 'fill', 'swap'])('%s keeps owner, group and setgid bit, and files inherit the group', async (mode) => {
    const source = volumeOf('mkdir d; echo x >d/f; chown -R 33:33 .; chmod 755 .');
    give(source, "put('.', 'user.root', b'y')");
    const backup = await backupOf(source, GNU, { XATTRS: 'keep', ACLS: 'keep' });
    const data = volumeOf(`${mode === 'fill' ? '' : 'echo old >old;'} chown 1000:3000 .; chmod 2770 .`);
    expect((await restore({ data, backup, env: { RESTORE_MODE: mode, OWNERS: 'none' } })).status).toBe(0);
    expect(bash(data, 'stat -c "%u:%g %n" . d/f; stat -c %A . | cut -c 7')).toBe('1000:3000 .\n0:3000 d/f\ns\n');
  });
});

describe('as an unprivileged user', () => {
  const MINE =
    'mkdir -p d/closed; echo new >d/f; ln d/f hard; echo s >d/closed/s; chmod 500 d/closed; chmod 400 d/f; ln -s d l; chown -hR 65534:65534 *';

  test('restores its own files with owners, modes and times, even if the folder itself belonged to root', async () => {
    const source = volumeOf(`${MINE}; chown 0:10999 .; chmod 2775 .`);
    const backup = await backupOf(source);
    const data = volumeOf('chown 65534:65534 .; echo old >a');
    for (const mode of ['swap', 'beside', 'clear']) {
      const outcome = await asNobody({ data, backup, env: { RESTORE_MODE: mode, RESTORE_ID: mode } });
      expect(outcome.stderr).toContain('info volume-restore: the folder itself has another owner in the backup');
      expect(outcome.status).toBe(0);
      expect(live(mode === 'beside' ? join(data, '.backstay-restored-beside') : data)).toBe(withoutRoot(portrait(source)));
    }
  });

  test('swaps and merges read-only folders, and restores their modes', async () => {
    const source = volumeOf('mkdir closed both; echo new >closed/f; echo new >both/f; chmod 555 closed; chmod 511 both; chown -R 65534:65534 .');
    const backup = await backupOf(source);
    const old = 'mkdir both shut; echo old >both/f; echo old >shut/f; chmod 550 both shut; chown -R 65534:65534 .';
    const data = volumeOf(old);
    const before = live(data);
    expect((await asNobody({ data, backup })).status).toBe(0);
    expect(live(data)).toBe(withoutRoot(portrait(source)));
    expect(live(keptFolder(data, 'before'))).toBe(before);
    expect((await asNobody({ data, backup, env: { RESTORE_ACTION: 'swap-back' } })).status).toBe(0);
    expect(live(data)).toBe(before);
    expect(live(keptFolder(data, 'undone'))).toBe(withoutRoot(portrait(source)));

    const merged = volumeOf('mkdir both shut; echo own >both/own; echo old >shut/f; chmod 750 both; chmod 550 shut; chown -R 65534:65534 .');
    expect((await asNobody({ data: merged, backup, env: { RESTORE_MODE: 'merge' } })).status).toBe(0);
    expect(bash(merged, 'stat -c "%a %n" both closed shut; cat both/f both/own closed/f shut/f')).toBe(
      '750 both\n555 closed\n550 shut\nnew\nown\nnew\nold\n',
    );
  });

  test('fills a read-only folder even if the archive has a neighbour between its files', async () => {
    const source = volumeOf('mkdir a a-b; echo 1 >a/f; echo 2 >a-b/f; chmod 555 a; touch -d 2001-01-01 a; chown -R 65534:65534 .');
    const data = volumeOf('chown 65534:65534 .');
    const outcome = await asNobody({ data, backup: await backupOf(source) });
    expect([outcome.status, outcome.stderr]).toEqual([0, expect.not.stringContaining(' error ')]);
    expect(live(data)).toBe(withoutRoot(portrait(source)));
    expect(bash(data, 'stat -c %y a')).toMatch(/^2001-01-01/);
  });

  test('merge writes into read-only live folders, and restores their modes', async () => {
    const backup = await backupOf(volumeOf('mkdir closed; echo new >closed/f; echo new >z; chown -R 65534:65534 .'));
    const data = volumeOf('mkdir closed; echo old >closed/f; echo own >closed/own; chmod 555 closed; chown -R 65534:65534 .');
    const outcome = await asNobody({ data, backup, env: { RESTORE_MODE: 'merge' } });
    expect([outcome.status, stateOf(outcome)]).toEqual([0, 'new']);
    expect(bash(data, 'stat -c %a closed; cat closed/f closed/own z')).toBe('555\nnew\nown\nnew\n');
  });

  test.each(['swap', 'clear', 'merge'])('%s restores paths below a folder that is read-only, live and in the backup', async (mode) => {
    const source = volumeOf(
      'mkdir -p closed/deep open; echo new >closed/deep/f; echo new >closed/g; echo new >open/f; chmod 555 closed/deep closed; chown -R 65534:65534 .',
    );
    const env = { RESTORE_MODE: mode, PATHS: 'closed/deep/f\nclosed/g' };
    const data = volumeOf(
      'mkdir -p closed/deep; echo old >closed/deep/f; echo own >closed/own; chmod 511 closed/deep closed; chown -R 65534:65534 .',
    );
    const outcome = await asNobody({ data, backup: await backupOf(source), env });
    expect([outcome.status, stateOf(outcome)], outcome.stderr).toEqual([0, 'new']);
    expect(bash(data, 'stat -c %a closed closed/deep; cat closed/deep/f closed/g closed/own; ls')).toBe('511\n511\nnew\nnew\nown\nclosed\n');
    if (mode !== 'swap') return;
    expect((await asNobody({ data, backup: await backupOf(source), env: { ...env, RESTORE_ACTION: 'swap-back' } })).status).toBe(0);
    expect(bash(data, 'stat -c %a closed closed/deep; cat closed/deep/f closed/own; ls closed')).toBe('511\n511\nold\nown\ndeep\nown\n');
  });

  test.each(['clear', 'merge'])("%s refuses files in another user's read-only folder before anything changes", async (mode) => {
    const backup = await backupOf(volumeOf('mkdir -p a/theirs; echo new >a/theirs/f; echo new >b; chown -R 65534:65534 .'));
    const data = volumeOf('mkdir -p a/theirs; echo old >a/theirs/f; echo old >b; chown -R 65534:65534 .; chown 0:0 a/theirs');
    const before = live(data);
    const outcome = await asNobody({ data, backup, env: { RESTORE_MODE: mode } });
    expect([outcome.status, stateOf(outcome)]).toEqual([77, 'old']);
    expect(outcome.stderr).toContain("user 65534 may not write to folders of other users in claim 'app-data': ");
    expect(live(data)).toBe(before);
    expect(keptIn(data)).toEqual([]);
  });

  test('a failed swap-back can be repeated, even if the application made other folders read-only meanwhile', async () => {
    const backup = await backupOf(volumeOf('echo new >a; chown -R 65534:65534 .'));
    const data = volumeOf('echo old >a; chown -R 65534:65534 .');
    expect((await asNobody({ data, backup })).status).toBe(0);
    bash(data, 'mkdir theirs; chmod 755 theirs');
    const failed = await asNobody({ data, backup, env: { RESTORE_ACTION: 'swap-back' } });
    expect([failed.status, bash(data, 'cat a')]).toEqual([77, 'new\n']);
    bash(data, 'rmdir theirs; mkdir ours; chmod 555 ours; chown 65534:65534 ours');
    expect((await asNobody({ data, backup, env: { RESTORE_ACTION: 'swap-back' } })).status).toBe(0);
    expect(bash(data, 'cat a; stat -c %a .backstay-undone-*/ours')).toBe('old\n555\n');
  });

  test('swap-back undoes a swap stopped at its very end, even if both sides have a read-only folder of one name', async () => {
    const backup = await backupOf(volumeOf('mkdir both; echo new >both/f; chmod 555 both; chown -R 65534:65534 .'));
    const data = volumeOf('mkdir both; echo old >both/f; chmod 511 both; chown -R 65534:65534 .');
    expect((await asNobody({ data, backup })).status).toBe(0);
    bash(data, "sed -i 's/^phase done/phase swapping/; s/^kept .*/kept/' .backstay-restore-kcdfghjm/journal");
    const back = await asNobody({ data, backup, env: { RESTORE_ACTION: 'swap-back' } });
    expect([back.status, bash(data, 'cat both/f; stat -c %a both')], back.stderr).toEqual([0, 'old\n511\n']);
  });

  test('refuses files of others before anything is touched, with a hint', async () => {
    const backup = await backupOf(volumeOf(`${MINE}; touch a b c; chown 65534:1234 b; chown 33:33 c`));
    const data = volumeOf('chown 65534:65534 .; echo old >a');
    const outcome = await asNobody({ data, backup });
    expect([outcome.status, stateOf(outcome)]).toEqual([77, 'old']);
    expect(outcome.stderr).toMatch(/user 65534 may not restore files of other owners: (0\/0|65534\/1234|33\/33), .*\(user\/group\)/);
    expect(outcome.stderr).toContain('hint volume-restore: run as root in a namespace that allows it (pod.runAsUser: 0), or set owners: none');
    expect(bash(data, 'cat a; ls -A')).toBe('old\na\n');
    expect((await asNobody({ data, backup, env: { OWNERS: 'none' } })).status).toBe(0);
    expect(bash(data, 'stat -c "%u %g" a b c d/f')).toBe('65534 65534\n'.repeat(4));
  });

  test('does not check owners of files that paths: leaves out', async () => {
    const backup = await backupOf(volumeOf(`${MINE}; touch c`));
    const data = volumeOf('chown 65534:65534 .');
    expect((await asNobody({ data, backup, env: { PATHS: 'd\nhard' } })).status).toBe(0);
  });

  test('changes nothing in a claim that it may not write to, or with files that it may not move', async () => {
    const backup = await backupOf(volumeOf(MINE));
    const closed = volumeOf('echo old >a');
    const refused = await asNobody({ data: closed, backup });
    expect([refused.status, refused.stderr]).toEqual([77, expect.stringContaining("cannot write to claim 'app-data'")]);
    expect(bash(closed, 'cat a; ls -A')).toBe('old\na\n');

    const data = volumeOf('mkdir zz; echo keep >zz/f; echo old >a; chown 65534:65534 . a');
    const outcome = await asNobody({ data, backup });
    expect([outcome.status, stateOf(outcome)]).toEqual([77, 'old']);
    expect(outcome.stderr).toContain('the swap failed and was rolled back');
    expect(bash(data, 'cat a zz/f; ls -A')).toBe('old\nkeep\na\nzz\n');
  });

  test('root with only the capabilities of the pod restores everything', async () => {
    const source = volumeOf(NEW);
    const backup = await backupOf(source);
    const data = volumeOf(`${OLD} chown -R 33:33 .; chmod 700 .`);
    const shell = ['setpriv', '--bounding-set=-all,+chown,+dac_override,+fowner,+fsetid', 'dash'];
    expect((await restore({ data, backup, shell })).status).toBe(0);
    expect(live(data)).toBe(withoutRoot(portrait(source)));
    expect((await restore({ data, shell, env: { RESTORE_ACTION: 'drop-old' } })).status).toBe(0);
    expect(keptIn(data)).toEqual([]);
  });

  test('root without capabilities is refused like any other user', async () => {
    const backup = await backupOf(volumeOf('echo a >a; chown 33:33 a'));
    const data = volumeOf('echo old >a');
    const outcome = await restore({ data, backup, shell: ['setpriv', '--bounding-set=-all', 'dash'] });
    expect(outcome.lastWords).toMatchObject({ status: 77, reason: expect.stringContaining('user 0 may not restore files of other owners: 33/33') });
    expect(bash(data, 'cat a; ls -A')).toBe('old\na\n');
  });
});

test('a backup does not contain the folders of restores', async () => {
  for (const variant of [GNU, BUSYBOX]) {
    const kept = ['before-20260101-000000', 'restored-x', 'undone-20260101-000000', 'restore-x'];
    const data = volumeOf(
      `for k in ${kept.join(' ')}; do mkdir -p .backstay-$k/d deeper/.backstay-$k; echo x >.backstay-$k/f; done; touch .backstay-before-a-file .backstay-other a`,
    );
    const backup = await backupOf(data, variant);
    const names = namesIn(backup.archive);
    expect(names.filter((name) => !name.includes('deeper'))).toEqual(['./', './.backstay-before-a-file', './.backstay-other', './a']);
    expect(names.filter((name) => name.includes('deeper/.'))).toHaveLength(4);
  }
});
