import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { archiveOf, asNobody, type Backup, backupOf, fetched, RESTORE_SHELLS, restore } from '../support/restore-volume.ts';
import type { Outcome } from '../support/run-script.ts';
import { BUSYBOX, bash, endsAt, standIn, volumeOf, withPidFile } from '../support/volume.ts';

interface Verify {
  readonly env?: Readonly<Record<string, string>>;
  readonly shell?: readonly string[];
  readonly standIns?: Readonly<Record<string, string>>;
  readonly work?: string;
  readonly started?: (pid: number) => void;
}

const verify = (backup: Backup, { work = fetched(backup), ...call }: Verify = {}): Promise<Outcome> =>
  restore({ data: '/no/claim/in/this/pod', work, script: 'volume-verify.sh', ...call });

const resultOf = ({ work }: Outcome) => JSON.parse(readFileSync(join(work, 'verified', 'volume.json'), 'utf8')) as Record<string, unknown>;

/** No result, and no scratch space taken from other parts. */
function expectNothingLeft({ work }: Outcome): void {
  expect(existsSync(join(work, 'verified')) ? readdirSync(join(work, 'verified')) : []).toEqual([]);
  expect(existsSync(join(work, 'restored')) ? readdirSync(join(work, 'restored')) : []).toEqual([]);
  expect(readdirSync(join(work, 'tmp')).filter((name) => !/^d[fu]$/.test(name))).toEqual([]);
}

const sha256 = (text: string) => bash('/', `printf '${text}' | sha256sum`).slice(0, 64);

const FILES = `
mkdir -p conf/d closed; printf one >conf/one; printf two >conf/d/two; ln conf/one hard; ln -s conf/one link; ln -s d conf/current; ln -s /etc/passwd abs; ln -s nowhere broken
printf hidden >closed/h; chmod 400 closed/h; chmod 500 closed; : >nothing; chmod 000 nothing; truncate -s 2M sparse; mkfifo pipe; mknod null c 1 3
printf blank >'with blank'; printf dash >./-x; chown 33:33 conf/one; chmod 4755 hard
`;

describe.each(RESTORE_SHELLS)('volume-verify.sh under %s', (_, shell) => {
  let backup: Backup;
  beforeAll(async () => {
    backup = await backupOf(volumeOf(FILES));
  });
  const good = {
    ASSERT_ENTRIES: '18',
    ASSERT_PATHS: 'conf\nconf/\n./conf/d/two\nconf/current/two\nbroken\nabs\nwith blank\n-x\n.',
    ASSERT_SHA256: `${sha256('one')}  conf/one\n${sha256('one')}  link\n${sha256('two')}  conf/current/two\n${sha256('blank')}  with blank\n${sha256('')}  nothing\n`,
  };

  test('verifies a restorable backup whose assertions hold, and records counts and duration', async () => {
    const outcome = await verify(backup, { shell, env: good });
    expect(outcome.stderr).not.toContain(' error ');
    expect(outcome.status).toBe(0);
    expect(resultOf(outcome)).toEqual({
      name: 'volume',
      kind: 'volume',
      method: 'tar',
      seconds: expect.any(Number),
      checks: { entries: 18, files: 8, bytes: 2097152 + 3 + 3 + 6 + 5 + 4, paths: 9, hashes: 5 },
    });
    expect(outcome.lastWords).toMatchObject({
      phase: 'volume-verify',
      status: 0,
      reason: '18 entries unpacked, and every file compared with the archive',
    });
    expect(outcome.stderr).toContain('warn volume-verify: links that point outside the folder (1): a restore needs links: keep');
    expect(outcome.stderr).toContain('warn volume-verify: device files in the archive (1): a restore refuses them');
    expect(readdirSync(join(outcome.work, 'restored'))).toEqual([]);
    expect(outcome.stdout).toBe('');
  });

  test('names every failed assertion', async () => {
    const env = {
      ASSERT_ENTRIES: '19',
      ASSERT_PATHS: 'conf\nno/such\nconf/one/below\nabs/x\n../volume\nconf/current/none',
      ASSERT_SHA256: `${sha256('other')}  conf/one\n${sha256('x')}  gone\n${sha256('x')}  conf\n${sha256('x')}  abs\n${sha256('x')}  broken`,
    };
    const outcome = await verify(backup, { shell, env });
    expect(outcome.status).toBe(65);
    const said = outcome.stderr
      .split('\n')
      .filter((line) => line.includes(' error '))
      .map((line) => line.replace(/.*volume-verify: /, ''));
    expect(said.slice(0, -1)).toEqual([
      '18 entries, expected at least 19',
      'no/such does not exist',
      'conf/one/below does not exist',
      'abs/x does not exist',
      '../volume does not exist',
      'conf/current/none does not exist',
      `conf/one has a different SHA-256: ${sha256('one')}`,
      'gone does not exist',
      'conf is not a file in the backup',
      'abs is not a file in the backup',
      'broken is not a file in the backup',
    ]);
    expect(outcome.lastWords?.reason).toContain('assertions failed: 18 entries, expected at least 19; no/such does not exist; conf/one/below');
    expectNothingLeft(outcome);
  });

  test('verifies an archive of BusyBox, without devices', async () => {
    const made = await backupOf(volumeOf(FILES.replace('mknod null c 1 3', '')), BUSYBOX);
    const outcome = await verify(made, { shell, env: { ...good, ASSERT_ENTRIES: '17' } });
    expect(outcome.status).toBe(0);
    expect(resultOf(outcome)).toMatchObject({ checks: { entries: 17, files: 8 } });
  });
});

test('verifies as an unprivileged user, who can set no owner and create no device', async () => {
  const outcome = await asNobody({
    data: '/',
    backup: await backupOf(volumeOf(FILES)),
    script: 'volume-verify.sh',
    env: { ASSERT_PATHS: 'conf/one' },
  });
  expect(outcome.stderr).not.toContain(' error ');
  expect(outcome.status).toBe(0);
  expect(resultOf(outcome)).toMatchObject({ checks: { entries: 18, paths: 1 } });
});

test('verifies a backup without assertions', async () => {
  const outcome = await verify(await backupOf(volumeOf('')));
  expect(outcome.status).toBe(0);
  expect(resultOf(outcome)).toMatchObject({ checks: { entries: 1, files: 0, bytes: 0, paths: 0, hashes: 0 } });
});

describe('a bad archive', () => {
  test('is refused if it is not the file that the manifest names', async () => {
    const outcome = await verify(archiveOf("add('./x')"), {
      work: fetched(archiveOf("add('./x')"), (facts) => facts.replace(/(sha256\t).{8}/, '$101234567')),
    });
    expect(outcome.lastWords).toMatchObject({ status: 65, reason: 'x.tar is not the file in the manifest: its SHA-256 differs' });
    expectNothingLeft(outcome);
  });

  test.each([
    [
      'has other counts than the manifest',
      "add('./x')",
      (facts: string) => facts.replace(/(volume.files\t).*/, '$17'),
      'the archive has 2 entries, 1 files, 1 bytes',
    ],
    ['has a name outside the folder', "add('../x')", (facts: string) => facts, 'names outside the folder (1): "../x"'],
    ['has a file below a link', "add('./l', L, '/tmp'); add('./l/x')", (facts: string) => facts, 'names below a link (1): "./l/x"'],
  ])('is refused if it %s', async (_what, python, change, reason) => {
    const backup = archiveOf(python);
    const outcome = await verify(backup, { work: fetched(backup, change) });
    expect(outcome.lastWords).toMatchObject({ status: 65, reason: expect.stringContaining(reason) });
    expectNothingLeft(outcome);
  });

  test.each([
    ['content', 'printf X | dd of="$WORK_DIR/restored/volume/a" conv=notrunc 2>/dev/null', './a: Contents differ'],
    ['a link', 'ln -sfn other "$WORK_DIR/restored/volume/l"', './l: Symlink differs'],
    ['a hard link', 'cp "$WORK_DIR/restored/volume/a" "$WORK_DIR/c"; mv "$WORK_DIR/c" "$WORK_DIR/restored/volume/h"', './h: Not linked to ./a'],
    ['a time', 'touch "$WORK_DIR/restored/volume/a"', './a: Mod time differs'],
  ])('fails the verification if %s differs on disk', async (_what, damage, reason) => {
    const backup = await backupOf(volumeOf('echo content >a; ln a h; ln -s a l'));
    const outcome = await verify(backup, { standIns: { tar: standIn(`case "$*" in *--compare*) ${damage};; esac; real tar "$@"`) } });
    expect(outcome.lastWords).toMatchObject({ status: 65, reason: expect.stringContaining(reason) });
    expectNothingLeft(outcome);
  });

  test('fails the verification if the comparison ends early', async () => {
    const backup = await backupOf(volumeOf('echo content >a'));
    const outcome = await verify(backup, { standIns: { tar: standIn('case "$*" in *--compare*) exit 2;; esac; real tar "$@"') } });
    expect(outcome.lastWords).toMatchObject({ status: 70, reason: expect.stringContaining('cannot compare the unpacked files with the archive') });
    expectNothingLeft(outcome);
  });

  test.each([
    ['a minimum that is not a number', { ASSERT_ENTRIES: 'many' }, expect.stringMatching(/^ASSERT_ENTRIES .*a whole number.* 'many'$/)],
    ['a malformed hash', { ASSERT_SHA256: 'abc  x' }, "ASSERT_SHA256 must be lines of 64 hex digits, two blanks and a path, got 'abc  x'"],
    ['an unknown part', { PART: 'other' }, "there are no facts for part 'other'"],
  ])('%s: refused with 64', async (_what, env, reason) => {
    const outcome = await verify(archiveOf("add('./x')"), { env });
    expect(outcome.lastWords).toMatchObject({ status: 64, reason });
    expectNothingLeft(outcome);
  });
});

describe('no room', () => {
  const small = mkdtempSync(join(tmpdir(), 'small-'));
  let backup: Backup;
  beforeAll(async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small]);
    chmodSync(small, 0o777);
    backup = await backupOf(volumeOf('head -c 3000000 /dev/urandom >f'));
    cpSync(fetched(backup), small, { recursive: true });
  });
  afterAll(() => void execFileSync('umount', [small]));

  test("refuses a backup larger than the pod's own limit before it unpacks", async () => {
    const outcome = await verify(backup, { env: { SCRATCH_BYTES: '5000000' } });
    expect(outcome.lastWords).toMatchObject({
      status: 73,
      reason: expect.stringMatching(/^2\.9 MiB does not fit into 1\.\d MiB of scratch space$/),
      hint: 'give the verification more scratch space: verify.scratch.size',
    });
    expectNothingLeft(outcome);
  });

  test('a disk that fills up while it unpacks ends with 73 and leaves nothing', async () => {
    const fill = 'case "$*" in *--extract*) head -c 9000000 /dev/zero >"$WORK_DIR/filler" 2>/dev/null;; esac; real tar "$@"';
    const outcome = await verify(backup, { work: small, standIns: { tar: standIn(fill) } });
    expect(outcome.lastWords).toMatchObject({ status: 73, reason: expect.stringMatching(/^cannot unpack .*(No space left|no error message)/) });
    expectNothingLeft(outcome);
  });
});

test.each(['--list', '--extract', '--compare'])('TERM at tar %s leaves no result and no files', async (words) => {
  const backup = await backupOf(volumeOf('echo content >a'));
  const outcome = await verify(backup, { standIns: { tar: standIn(endsAt('TERM', 'tar', words)) }, ...withPidFile() });
  expect(outcome.lastWords).toMatchObject({ status: 70, reason: expect.stringContaining('stopped by TERM') });
  expectNothingLeft(outcome);
});
