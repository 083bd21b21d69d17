import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { archiveOf, asNobody, type Backup, backupOf, fetched, keptIn, live, restore, stateOf } from '../support/restore-volume.ts';
import { bash, standIn, volumeOf } from '../support/volume.ts';

const OLD = 'mkdir d; echo old >a; echo precious >d/f';
const MODES = ['swap', 'beside', 'merge', 'clear'] as const;

/** Restores into a volume with something in it, in one of the modes, and sees that nothing of that has changed. */
async function refused(backup: Backup, env: Record<string, string> = {}, change?: (facts: string) => string) {
  const parent = volumeOf('mkdir volume');
  const data = join(parent, 'volume');
  bash(data, OLD);
  const before = live(data);
  const outcome = await restore({ data, work: fetched(backup, change), env });
  expect(live(data)).toBe(before);
  expect(bash(parent, 'ls -A . volume')).toBe('.:\nvolume\n\nvolume:\na\nd\n');
  expect(stateOf(outcome)).toBe('old');
  expect(outcome.status).toBe(outcome.lastWords?.status);
  return outcome;
}

describe.each(MODES)('an archive that is not what it should be, mode %s', (mode) => {
  const env = { RESTORE_MODE: mode };

  test.each([
    ['a name with ..', "add('../x')", '1 names lead out of the folder: "../x"'],
    ['a name with .. within', "add('./d/', D); add('./d/../../x')", '1 names lead out of the folder: "./d/../../x"'],
    ['an absolute name', "add('/etc/backstay-was-here')", '1 names lead out of the folder: "/etc/backstay-was-here"'],
    ['an absolute link', "add('./l', L, '/etc/passwd')", '1 links lead out of the folder: "./l" to "/etc/passwd"'],
    ['a link that leads up', "add('./d/', D); add('./d/l', L, '../../x')", '1 links lead out of the folder: "./d/l" to "../../x"'],
    [
      'a link that leads up through another one',
      "add('./d/', D); add('./d/e/', D); add('./d/e/up', L, '../..'); add('./d/e/out', L, 'up/../x')",
      '1 links lead out of the folder: "./d/e/out" to "up/../x"',
    ],
    ['a link, and a file behind it', "add('./l', L, '.'); add('./l/x')", '1 names go through a link: "./l/x"'],
    ['a file behind what becomes a link later', "add('./l/x'); add('./l', L, 'd')", '1 names go through a link: "./l/x"'],
    ['a file behind a hard link to a link', "add('./l', L, '.'); add('./h', H, './l'); add('./h/x')", '1 names go through a link: "./h/x"'],
    ['a link under the name of a folder', "add('./d', L, 'e'); add('./d/', D)", '1 names are there twice: d'],
    ['a hard link out', "add('./h', H, '/etc/passwd')", '1 hard links lead to nothing in it: "./h" to "/etc/passwd"'],
    ['a hard link up', "add('./h', H, '../volume/a')", '1 hard links lead to nothing in it: "./h" to "../volume/a"'],
    ['a hard link to what comes later', "add('./h', H, './x'); add('./x')", '1 hard links lead to nothing in it: "./h" to "./x"'],
    ['a hard link through a link', "add('./l', L, 'd'); add('./h', H, './l/f')", '1 hard links lead to nothing in it: "./h" to "./l/f"'],
    ['a hard link to a link, which leads out from there', "add('./d/', D); add('./d/l', L, '../a'); add('./h', H, './d/l')", '"./h" to "./d/l"'],
    ['a device', "add('./null', C, devmajor=1, devminor=3)", '1 device files: "./null"'],
    ['a folder of a restore', "add('./.backstay-restore-kcdfghjm/', D); add('./.backstay-restore-kcdfghjm/journal')", '1 names belong to a restore'],
    ['a kind that nobody knows', "add('./x', b'Z')", '1 entries are of no known kind: "./x"'],
    ['a name that looks like a link', "add('./a -> b', L, '/x')", '"./a -> b" to "/x"'],
  ])('%s', async (_what, python, reason) => {
    const outcome = await refused(archiveOf(python), env);
    expect(outcome.lastWords?.reason).toContain(reason);
    expect(outcome.status).toBe(65);
    expect(existsSync('/etc/backstay-was-here')).toBe(false);
  });

  test('another file than the manifest names', async () => {
    const backup = archiveOf("add('./x')");
    const outcome = await refused(backup, env, (facts) => facts.replace(/(sha256\t).{8}/, '$101234567'));
    expect(outcome.lastWords).toMatchObject({ status: 65, reason: 'x.tar is not the file that the manifest names: its SHA-256 is another' });
  });

  test.each([
    ['entries', 3],
    ['files', 2],
    ['bytes', 5],
  ])('other %s than the manifest says', async (what, value) => {
    const outcome = await refused(archiveOf("add('./x')"), env, (facts) => facts.replace(new RegExp(`(volume.${what}\t).*`), `$1${value}`));
    expect(outcome.lastWords?.reason).toMatch(/^the archive has 2 entries, 1 files, 1 bytes, but the manifest says /);
    expect(outcome.status).toBe(65);
  });

  test('cut short, though the manifest was made of it', async () => {
    const whole = archiveOf("add('./x', content='x' * 100000)");
    writeFileSync(whole.archive, '');
    const cut = { archive: whole.archive, facts: whole.facts.replace(/(sha256\t).*/, `$1${bash('/', 'sha256sum </dev/null').slice(0, 64)}`) };
    const outcome = await refused(cut, env);
    expect(outcome.status).toBe(65);
  });

  test('a name among the paths that is not in it', async () => {
    const outcome = await refused(archiveOf("add('./x'); add('./y')"), { ...env, PATHS: 'x\nno such\nnor/this' });
    expect(outcome.lastWords).toMatchObject({
      status: 64,
      reason: expect.stringMatching(/^paths: not in this backup: (no such, nor\/this|nor\/this, no such)$/),
    });
  });

  test('a hard link without its file', async () => {
    const outcome = await refused(archiveOf("add('./x'); add('./h', H, './x')"), { ...env, PATHS: 'h' });
    expect(outcome.lastWords).toMatchObject({ status: 64, reason: expect.stringContaining('./h x'), hint: 'ask for both: x ' });
  });
});

describe('what is refused can be asked for', () => {
  test('all of it is named at once, and what does not matter is not', async () => {
    const bad = "add('./d/', D); add('./d/null', C, devmajor=1); add('./abs', L, '/etc'); add('./ok', L, 'd/../d'); add('./x')";
    const outcome = await refused(archiveOf(bad));
    expect(outcome.lastWords?.reason).toBe('the archive is refused: 1 device files: "./d/null"; 1 links lead out of the folder: "./abs" to "/etc"');
    const data = volumeOf(OLD);
    expect((await restore({ data, backup: archiveOf(bad), env: { PATHS: 'ok\nx' } })).status).toBe(0);
    expect(bash(data, 'cat a x; readlink ok')).toBe('old\nxd/../d\n');
  });

  test('links: keep', async () => {
    const backup = archiveOf("add('./abs', L, '/etc/passwd'); add('./up', L, '../x'); add('./x')");
    expect((await refused(backup)).lastWords?.hint).toContain('links: keep takes them as they were');
    const data = volumeOf(OLD);
    expect((await restore({ data, backup, env: { LINKS: 'keep' } })).status).toBe(0);
    expect(bash(data, 'readlink abs up; cat x')).toBe('/etc/passwd\n../x\nx');
    expect((await refused(archiveOf("add('./l', L, '/etc'); add('./l/x')"), { LINKS: 'keep' })).lastWords?.reason).toContain(
      'names go through a link',
    );
  });

  test('odd, but harmless: FIFOs, loops of links, links up and down again, names as of options', async () => {
    const backup = archiveOf(
      "add('./p', P); add('./one', L, 'two'); add('./two', L, 'one'); add('./d/', D); add('./d/l', L, '../d/../x'); add('./x'); add('./--x=y'); add('./h', H, './one'); add('./..x')",
    );
    const data = volumeOf(OLD);
    const outcome = await restore({ data, backup });
    expect(outcome.status).toBe(0);
    expect(bash(data, "cat d/l ./--x=y ..x; readlink h; stat -c '%h %F' one p")).toBe('xxxtwo\n2 symbolic link\n1 fifo\n');
  });
});

describe('a wrong wish', () => {
  const backup = archiveOf("add('./x')");
  test.each([
    ['a mode', { RESTORE_MODE: 'replace' }, "RESTORE_MODE is 'replace'"],
    ['an action', { RESTORE_ACTION: 'undo' }, "RESTORE_ACTION is 'undo'"],
    ['owners', { OWNERS: 'me' }, "OWNERS is 'me'"],
    ['links', { LINKS: 'follow' }, "LINKS is 'follow'"],
    ['an id', { RESTORE_ID: '../x' }, "RESTORE_ID is '../x'"],
    ['paths', { PATHS: 'a/../../x' }, 'paths: these lead out of the folder: a/../../x '],
    ['a folder that is not there', { DATA_PATH: 'no such' }, "there is no folder 'no such' in claim 'app-data'"],
    ['nothing at all', { CLAIM: '', DATA_PATH: '' }, 'not set or empty: CLAIM DATA_PATH'],
    ['a part that was not fetched', { PART: 'other' }, "there are no facts of the part 'other'"],
    ['a claim with something in it', { RESTORE_MODE: 'fill' }, "'.' of claim 'app-data' is not empty: a d "],
  ])('%s', async (_what, env, reason) => {
    const data = volumeOf(OLD);
    const before = live(data);
    const outcome = await restore({ data, backup, env });
    expect(outcome.lastWords).toMatchObject({ status: 64, reason });
    expect(live(data)).toBe(before);
    expect(keptIn(data)).toEqual([]);
  });

  test('a database', async () => {
    const outcome = await refused(backup, {}, (facts) => facts.replace('kind\tvolume', 'kind\tpostgres'));
    expect(outcome.lastWords).toMatchObject({ status: 64, reason: "the part 'volume' is no archive of a volume, but postgres/tar" });
  });

  test('merge: a folder in the way of a file', async () => {
    const outcome = await refused(archiveOf("add('./d')"), { RESTORE_MODE: 'merge' });
    expect(outcome.lastWords).toMatchObject({ status: 64, reason: "folders in '.' of claim 'app-data' are in the way of files: ./d " });
  });

  test('a link in the place of our own folder', async () => {
    const data = volumeOf(`${OLD}; mkdir trap; ln -s trap .backstay-restore-kcdfghjm`);
    const outcome = await restore({ data, backup });
    expect(outcome.lastWords).toMatchObject({ status: 77, reason: '.backstay-restore-kcdfghjm is a link, which no restore makes' });
    expect(bash(data, 'ls -A trap')).toBe('');
  });

  test('merge does not write through links of the live files', async () => {
    const data = volumeOf('mkdir -p volume outside/x; ln -s ../outside volume/d');
    const made = archiveOf("add('./d/', D); add('./d/x'); add('./d/e/', D); add('./d/e/y')");
    const outcome = await restore({ data: join(data, 'volume'), backup: made, env: { RESTORE_MODE: 'merge' } });
    expect(outcome.status).toBe(0);
    expect(bash(data, 'ls -A outside outside/x; cat volume/d/x volume/d/e/y; test ! -L volume/d')).toBe('outside:\nx\n\noutside/x:\nxx');
  });
});

describe('no room', () => {
  const small = mkdtempSync(join(tmpdir(), 'small-'));
  const DATA = 'head -c 3000000 /dev/urandom >old; echo old >a';
  let backup: Backup;
  beforeAll(async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,nr_inodes=200', 'tmpfs', small]);
    backup = await backupOf(volumeOf('for i in 1 2 3; do head -c 1000000 /dev/urandom >$i; done; mkdir d; echo new >a; truncate -s 1G sparse'));
  });
  afterAll(() => void execFileSync('umount', [small]));
  const fresh = (commands: string) => bash(small, `rm -rf ./* .backstay*; ${commands}`);

  test('what cannot fit is refused beforehand, in bytes and in files', async () => {
    fresh('head -c 6000000 /dev/urandom >old');
    const before = live(small);
    const outcome = await restore({ data: small, backup });
    expect(outcome.lastWords).toMatchObject({
      status: 73,
      reason: expect.stringMatching(/^2\.9 MiB do not fit into claim 'app-data', which has room for 2\.\d MiB$/),
      hint: 'make the claim larger, free room in it, or restore with mode: clear',
    });
    expect(live(small)).toBe(before);
    expect(keptIn(small)).toEqual([]);
    const many = await restore({ data: small, backup: await backupOf(volumeOf('seq 300 | xargs touch')) });
    expect(many.lastWords?.reason).toMatch(/^300 files and folders do not fit into claim 'app-data', whose file system takes 19\d more$/);
    expect(keptIn(small)).toEqual([]);
  });

  test('clear counts what it frees; sparse files are as small as they are', async () => {
    fresh('head -c 6000000 /dev/urandom >old');
    expect((await restore({ data: small, backup, env: { RESTORE_MODE: 'clear' } })).status).toBe(0);
    expect(bash(small, 'cat a; ls; stat -c %s sparse')).toBe('new\n1\n2\n3\na\nd\nsparse\n1073741824\n');
  });

  test.each(['swap', 'beside', 'merge'])('full while it unpacks: 73, the old files are whole, and nothing of ours is left (%s)', async (mode) => {
    fresh(DATA);
    const before = live(small);
    const tar = `case "$*" in *--extract*) head -c 9000000 /dev/zero >"$DATA_DIR/filler" 2>/dev/null;; esac; real tar "$@"`;
    const outcome = await restore({ data: small, backup, env: { RESTORE_MODE: mode }, standIns: { tar: standIn(tar) } });
    expect(outcome.lastWords).toMatchObject({ status: 73, reason: expect.stringMatching(/^cannot unpack .*(No space left|Wrote only)/) });
    bash(small, 'rm filler');
    expect(live(small)).toBe(before);
    expect(keptIn(small)).toEqual([]);
    expect(stateOf(outcome)).toBe('old');
  });

  test('clear: full while it unpacks is neither old nor new, which it says, and a second try with room goes on', async () => {
    fresh(DATA);
    const tar = `case "$*" in *--extract*) head -c 9000000 /dev/zero >"$DATA_DIR/filler" 2>/dev/null;; esac; real tar "$@"`;
    const env = { RESTORE_MODE: 'clear' };
    const outcome = await restore({ data: small, backup, env, standIns: { tar: standIn(tar) } });
    expect([outcome.status, stateOf(outcome)]).toEqual([73, 'between']);
    const worse = await restore({ data: small, work: fetched(backup, (facts) => facts.replace(/(sha256\t).{8}/, '$101234567')), env });
    expect([worse.status, stateOf(worse)]).toEqual([65, 'between']);
    bash(small, 'rm filler');
    const again = await restore({ data: small, backup, env });
    expect([again.status, stateOf(again)]).toEqual([0, 'new']);
    expect(bash(small, 'cat a; ls')).toBe('new\n1\n2\n3\na\nd\nsparse\n');
  });
});

test('a fault of tar while it unpacks, and a file that it left out without a word', async () => {
  const backup = await backupOf(volumeOf('echo new >a; echo b >b'));
  const data = volumeOf(OLD);
  const before = live(data);
  const silent = await restore({
    data,
    backup,
    standIns: { tar: standIn('case "$*" in *--extract*) real tar --exclude=./b "$@";; *) real tar "$@";; esac') },
  });
  expect(silent.lastWords).toMatchObject({
    status: 65,
    reason: 'unpacked are 1 entries, 1 files, 4 bytes, but in the archive are 2 entries, 2 files, 6 bytes',
  });
  const broken = await restore({
    data,
    backup,
    standIns: { tar: standIn('case "$*" in *--extract*) echo "tar: ./a: odd" >&2; exit 2;; *) real tar "$@";; esac') },
  });
  expect(broken.lastWords).toMatchObject({ status: 70, reason: 'cannot unpack (tar ended with status 2): tar: ./a: odd ' });
  const killed = await restore({ data, backup, standIns: { tar: standIn('case "$*" in *--extract*) kill -KILL $$;; *) real tar "$@";; esac') } });
  expect(killed.lastWords).toMatchObject({ status: 70, hint: expect.stringContaining('pod.resources.limits.memory') });
  expect(live(data)).toBe(before);
  expect(keptIn(data)).toEqual([]);
});

test('a warning of tar is passed on, and is no failure', async () => {
  const backup = await backupOf(volumeOf('echo new >a'));
  const data = volumeOf(OLD);
  const outcome = await restore({
    data,
    backup,
    standIns: { tar: standIn('case "$*" in *--extract*) echo "tar: ./a: Warning: odd" >&2;; esac; real tar "$@"') },
  });
  expect(outcome.status).toBe(0);
  expect(outcome.stderr).toContain('warn volume-restore: tar: ./a: Warning: odd');
});

test('a user of its own cannot restore devices or the files of others, whatever the mode', async () => {
  const backup = archiveOf("add('./x', uid=33, gid=33)");
  const data = volumeOf(`${OLD}; chown -R 65534:65534 .`);
  for (const mode of MODES) expect((await asNobody({ data, backup, env: { RESTORE_MODE: mode } })).status).toBe(77);
  expect(keptIn(data)).toEqual([]);
});
