import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { archiveOf, asNobody, type Backup, backupOf, fetched, keptIn, live, restore, stateOf } from '../support/restore-volume.ts';
import { bash, standIn, volumeOf } from '../support/volume.ts';

const OLD = 'mkdir d; echo old >a; echo precious >d/f';
const MODES = ['swap', 'beside', 'merge', 'clear'] as const;

/** Runs a restore that must be refused, and checks that the live files have not changed. */
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

describe.each(MODES)('a bad archive, mode %s', (mode) => {
  const env = { RESTORE_MODE: mode };

  test.each([
    ['a name with ..', "add('../x')", 'names outside the folder (1): "../x"'],
    ['a name with .. within', "add('./d/', D); add('./d/../../x')", 'names outside the folder (1): "./d/../../x"'],
    ['an absolute name', "add('/etc/backstay-was-here')", 'names outside the folder (1): "/etc/backstay-was-here"'],
    ['an absolute link', "add('./l', L, '/etc/passwd')", 'links that point outside the folder (1): "./l" to "/etc/passwd"'],
    ['a link to a folder above', "add('./d/', D); add('./d/l', L, '../../x')", 'links that point outside the folder (1): "./d/l" to "../../x"'],
    [
      'a link that leaves the folder through another link',
      "add('./d/', D); add('./d/e/', D); add('./d/e/up', L, '../..'); add('./d/e/out', L, 'up/../x')",
      'links that point outside the folder (1): "./d/e/out" to "up/../x"',
    ],
    ['a file below a link', "add('./l', L, '.'); add('./l/x')", 'names below a link (1): "./l/x"'],
    ['a file below a later link', "add('./l/x'); add('./l', L, 'd')", 'names below a link (1): "./l/x"'],
    ['a file below a hard link to a link', "add('./l', L, '.'); add('./h', H, './l'); add('./h/x')", 'names below a link (1): "./h/x"'],
    ['a link with the name of a folder', "add('./d', L, 'e'); add('./d/', D)", 'duplicate names (1): d'],
    ['a hard link to an absolute path', "add('./h', H, '/etc/passwd')", 'hard links without a target in the archive (1): "./h" to "/etc/passwd"'],
    ['a hard link to a folder above', "add('./h', H, '../volume/a')", 'hard links without a target in the archive (1): "./h" to "../volume/a"'],
    ['a hard link to a later entry', "add('./h', H, './x'); add('./x')", 'hard links without a target in the archive (1): "./h" to "./x"'],
    ['a hard link through a link', "add('./l', L, 'd'); add('./h', H, './l/f')", 'hard links without a target in the archive (1): "./h" to "./l/f"'],
    [
      'a hard link to a link that points outside from its new place',
      "add('./d/', D); add('./d/l', L, '../a'); add('./h', H, './d/l')",
      '"./h" to "./d/l"',
    ],
    ['a device', "add('./null', C, devmajor=1, devminor=3)", 'device files (1): "./null"'],
    [
      'a folder of a restore',
      "add('./.backstay-restore-kcdfghjm/', D); add('./.backstay-restore-kcdfghjm/journal')",
      'names reserved for restores (1)',
    ],
    ['an entry of unknown type', "add('./x', b'Z')", 'entries of unknown type (1): "./x"'],
    ['a name that looks like a link', "add('./a -> b', L, '/x')", '"./a -> b" to "/x"'],
  ])('is refused for %s', async (_what, python, reason) => {
    const outcome = await refused(archiveOf(python), env);
    expect(outcome.lastWords?.reason).toContain(reason);
    expect(outcome.status).toBe(65);
    expect(existsSync('/etc/backstay-was-here')).toBe(false);
  });

  test('is refused if it is not the file that the manifest names', async () => {
    const backup = archiveOf("add('./x')");
    const outcome = await refused(backup, env, (facts) => facts.replace(/(sha256\t).{8}/, '$101234567'));
    expect(outcome.lastWords).toMatchObject({ status: 65, reason: 'x.tar is not the file in the manifest: its SHA-256 differs' });
  });

  test.each([
    ['entries', 3],
    ['files', 2],
    ['bytes', 5],
  ])('is refused if its %s differ from the manifest', async (what, value) => {
    const outcome = await refused(archiveOf("add('./x')"), env, (facts) => facts.replace(new RegExp(`(volume.${what}\t).*`), `$1${value}`));
    expect(outcome.lastWords?.reason).toMatch(/^the archive has 2 entries, 1 files, 1 bytes, but the manifest says /);
    expect(outcome.status).toBe(65);
  });

  test.each([
    ['empty', 0],
    ['cut off', 50_000],
  ])('is refused if it is %s, although its hash is the one in the manifest', async (_what, bytes) => {
    const whole = archiveOf("add('./x', content='x' * 100000)");
    truncateSync(whole.archive, bytes);
    const sha256 = bash('/', `sha256sum <${whole.archive}`).slice(0, 64);
    const outcome = await refused({ archive: whole.archive, facts: whole.facts.replace(/(sha256\t).*/, `$1${sha256}`) }, env);
    expect(outcome.lastWords).toMatchObject({
      status: 65,
      reason: expect.stringMatching(/^the archive cannot be read to its end \(tar ended with status 2\)/),
    });
  });

  test('is refused if it lacks a name in paths:', async () => {
    const outcome = await refused(archiveOf("add('./x'); add('./y')"), { ...env, PATHS: 'x\nno such\nnor/this' });
    expect(outcome.lastWords).toMatchObject({
      status: 64,
      reason: expect.stringMatching(/^paths: not in this backup: (no such, nor\/this|nor\/this, no such)$/),
    });
  });

  test('is refused if paths: selects a hard link without its file', async () => {
    const outcome = await refused(archiveOf("add('./x'); add('./h', H, './x')"), { ...env, PATHS: 'h' });
    expect(outcome.lastWords).toMatchObject({ status: 64, reason: expect.stringContaining('./h x'), hint: 'add to paths: x ' });
  });
});

describe('unusual entries', () => {
  test('names every refused entry and no harmless one, and paths: can leave them out', async () => {
    const bad = "add('./d/', D); add('./d/null', C, devmajor=1); add('./abs', L, '/etc'); add('./ok', L, 'd/../d'); add('./x')";
    const outcome = await refused(archiveOf(bad));
    expect(outcome.lastWords?.reason).toBe(
      'the archive is refused: device files (1): "./d/null"; links that point outside the folder (1): "./abs" to "/etc"',
    );
    const data = volumeOf(OLD);
    expect((await restore({ data, backup: archiveOf(bad), env: { PATHS: 'ok\nx' } })).status).toBe(0);
    expect(bash(data, 'cat a x; readlink ok')).toBe('old\nxd/../d\n');
  });

  test('links: keep restores links that point outside, but no files below them', async () => {
    const backup = archiveOf("add('./abs', L, '/etc/passwd'); add('./up', L, '../x'); add('./x')");
    expect((await refused(backup)).lastWords?.hint).toContain('set links: keep to restore them unchanged');
    const data = volumeOf(OLD);
    expect((await restore({ data, backup, env: { LINKS: 'keep' } })).status).toBe(0);
    expect(bash(data, 'readlink abs up; cat x')).toBe('/etc/passwd\n../x\nx');
    expect((await refused(archiveOf("add('./l', L, '/etc'); add('./l/x')"), { LINKS: 'keep' })).lastWords?.reason).toContain('names below a link');
  });

  test('restores harmless ones: FIFOs, loops of links, links that go up and down again, names that look like options', async () => {
    const backup = archiveOf(
      "add('./p', P); add('./one', L, 'two'); add('./two', L, 'one'); add('./d/', D); add('./d/l', L, '../d/../x'); add('./x'); add('./--x=y'); add('./h', H, './one'); add('./..x')",
    );
    const data = volumeOf(OLD);
    const outcome = await restore({ data, backup });
    expect(outcome.status).toBe(0);
    expect(bash(data, "cat d/l ./--x=y ..x; readlink h; stat -c '%h %F' one p")).toBe('xxxtwo\n2 symbolic link\n1 fifo\n');
  });
});

describe('a wrong request', () => {
  const backup = archiveOf("add('./x')");
  test.each([
    ['an unknown mode', { RESTORE_MODE: 'replace' }, "RESTORE_MODE must be beside, swap, merge, clear or fill, got 'replace'"],
    ['an unknown action', { RESTORE_ACTION: 'undo' }, "RESTORE_ACTION must be restore, swap-back or drop-old, got 'undo'"],
    ['an unknown value of owners', { OWNERS: 'me' }, "OWNERS must be keep or none, got 'me'"],
    ['an unknown value of links', { LINKS: 'follow' }, "LINKS must be refuse or keep, got 'follow'"],
    ['an invalid id', { RESTORE_ID: '../x' }, "RESTORE_ID must be letters, digits and dashes, got '../x'"],
    ['paths outside the folder', { PATHS: 'a/../../x' }, 'paths: outside the folder: a/../../x '],
    ['a path that does not exist', { DATA_PATH: 'no such' }, "there is no folder 'no such' in claim 'app-data'"],
    ['missing variables', { CLAIM: '', DATA_PATH: '' }, 'not set or empty: CLAIM DATA_PATH'],
    ['a part that was not fetched', { PART: 'other' }, "there are no facts for part 'other'"],
    ['fill with a claim that is not empty', { RESTORE_MODE: 'fill' }, "'.' of claim 'app-data' is not empty: a d "],
  ])('%s: refused with 64, and nothing changes', async (_what, env, reason) => {
    const data = volumeOf(OLD);
    const before = live(data);
    const outcome = await restore({ data, backup, env });
    expect(outcome.lastWords).toMatchObject({ status: 64, reason });
    expect(live(data)).toBe(before);
    expect(keptIn(data)).toEqual([]);
  });

  test('the backup of a database is refused', async () => {
    const outcome = await refused(backup, {}, (facts) => facts.replace('kind\tvolume', 'kind\tpostgres'));
    expect(outcome.lastWords).toMatchObject({ status: 64, reason: "part 'volume' is not a volume archive, but postgres/tar" });
  });

  test('merge is refused if a live folder is in the way of a file', async () => {
    const outcome = await refused(archiveOf("add('./d')"), { RESTORE_MODE: 'merge' });
    expect(outcome.lastWords).toMatchObject({ status: 64, reason: "folders in '.' of claim 'app-data' are in the way of files: ./d " });
  });

  test('a link in place of the folder of the restore is refused, and nothing is written through it', async () => {
    const data = volumeOf(`${OLD}; mkdir trap; ln -s trap .backstay-restore-kcdfghjm`);
    const outcome = await restore({ data, backup });
    expect(outcome.lastWords).toMatchObject({ status: 77, reason: '.backstay-restore-kcdfghjm is a link, but restores create only folders' });
    expect(bash(data, 'ls -A trap')).toBe('');
  });

  test('merge replaces links of the live files and does not write through them', async () => {
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

  test('a backup that cannot fit is refused beforehand, for bytes and for inodes', async () => {
    fresh('head -c 6000000 /dev/urandom >old');
    const before = live(small);
    const outcome = await restore({ data: small, backup });
    expect(outcome.lastWords).toMatchObject({
      status: 73,
      reason: expect.stringMatching(/^2\.9 MiB does not fit into claim 'app-data', which has 2\.\d MiB free$/),
      hint: 'enlarge the claim, free space in it, or restore with mode: clear',
    });
    expect(live(small)).toBe(before);
    expect(keptIn(small)).toEqual([]);
    const many = await restore({ data: small, backup: await backupOf(volumeOf('seq 300 | xargs touch')) });
    expect(many.lastWords?.reason).toMatch(/^300 files and folders do not fit into claim 'app-data', whose file system has 19\d inodes free$/);
    expect(keptIn(small)).toEqual([]);
  });

  test('clear counts the space that it frees, and sparse files only by their data', async () => {
    fresh('head -c 6000000 /dev/urandom >old');
    expect((await restore({ data: small, backup, env: { RESTORE_MODE: 'clear' } })).status).toBe(0);
    expect(bash(small, 'cat a; ls; stat -c %s sparse')).toBe('new\n1\n2\n3\na\nd\nsparse\n1073741824\n');
  });

  test.each(['swap', 'beside', 'merge'])('a claim that fills up while %s unpacks ends with 73, untouched and without leftovers', async (mode) => {
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

  test('a claim that fills up while clear unpacks is neither old nor new, and the next attempt with room succeeds', async () => {
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

test('a tar that fails, is killed, or silently skips a file while it unpacks changes nothing', async () => {
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
    reason: 'unpacked 1 entries, 1 files, 4 bytes, but the archive has 2 entries, 2 files, 6 bytes',
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

test('a warning of tar is logged and does not fail the restore', async () => {
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

test('an unprivileged user cannot restore the files of others in any mode', async () => {
  const backup = archiveOf("add('./x', uid=33, gid=33)");
  const data = volumeOf(`${OLD}; chown -R 65534:65534 .`);
  for (const mode of MODES) expect((await asNobody({ data, backup, env: { RESTORE_MODE: mode } })).status).toBe(77);
  expect(keptIn(data)).toEqual([]);
});
