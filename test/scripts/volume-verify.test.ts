import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { archiveOf, asNobody, type Backup, backupOf, fetched, RESTORE_SHELLS, restore } from '../support/restore-volume.ts';
import type { Outcome } from '../support/run-script.ts';
import { BUSYBOX, bash, standIn, volumeOf } from '../support/volume.ts';

interface Verify {
  readonly env?: Readonly<Record<string, string>>;
  readonly shell?: readonly string[];
  readonly standIns?: Readonly<Record<string, string>>;
  readonly work?: string;
  readonly started?: (pid: number) => void;
}

const verify = (backup: Backup, { work = fetched(backup), ...call }: Verify = {}): Promise<Outcome> =>
  restore({ data: '/no/claim/in/this/pod', work, script: 'volume-verify.sh', ...call });

const verifiedOf = ({ work }: Outcome) => JSON.parse(readFileSync(join(work, 'verified', 'volume.json'), 'utf8')) as Record<string, unknown>;

/** No record of a verification, and no room taken from other parts. */
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

  test('what can be restored and holds what is asserted is proved, with counts and the time that it took', async () => {
    const outcome = await verify(backup, { shell, env: good });
    expect(outcome.stderr).not.toContain(' error ');
    expect(outcome.status).toBe(0);
    expect(verifiedOf(outcome)).toEqual({
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
    expect(outcome.stderr).toContain('warn volume-verify: 1 links lead out of the folder: a restore takes them with links: keep');
    expect(outcome.stderr).toContain('warn volume-verify: 1 device files are in the archive, which a restore refuses');
    expect(readdirSync(join(outcome.work, 'restored'))).toEqual([]);
    expect(outcome.stdout).toBe('');
  });

  test('every assertion that fails is named, all at once', async () => {
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
      '18 entries, and 19 are the least',
      'no/such is not there',
      'conf/one/below is not there',
      'abs/x is not there',
      '../volume is not there',
      'conf/current/none is not there',
      `conf/one has another SHA-256: ${sha256('one')}`,
      'gone is not there',
      'conf is no file of the backup',
      'abs is no file of the backup',
      'broken is no file of the backup',
    ]);
    expect(outcome.lastWords?.reason).toContain('asserted, but not so: 18 entries, and 19 are the least; no/such is not there; conf/one/below');
    expectNothingLeft(outcome);
  });

  test('archives of BusyBox, and without a device', async () => {
    const made = await backupOf(volumeOf(FILES.replace('mknod null c 1 3', '')), BUSYBOX);
    const outcome = await verify(made, { shell, env: { ...good, ASSERT_ENTRIES: '17' } });
    expect(outcome.status).toBe(0);
    expect(verifiedOf(outcome)).toMatchObject({ checks: { entries: 17, files: 8 } });
  });
});

test('as the user of a pod, who may give no file away nor make a device', async () => {
  const outcome = await asNobody({
    data: '/',
    backup: await backupOf(volumeOf(FILES)),
    script: 'volume-verify.sh',
    env: { ASSERT_PATHS: 'conf/one' },
  });
  expect(outcome.stderr).not.toContain(' error ');
  expect(outcome.status).toBe(0);
  expect(verifiedOf(outcome)).toMatchObject({ checks: { entries: 18, paths: 1 } });
});

test('nothing needs to be asserted', async () => {
  const outcome = await verify(await backupOf(volumeOf('')));
  expect(outcome.status).toBe(0);
  expect(verifiedOf(outcome)).toMatchObject({ checks: { entries: 1, files: 0, bytes: 0, paths: 0, hashes: 0 } });
});

describe('what is no backup', () => {
  test('another file than the manifest names', async () => {
    const outcome = await verify(archiveOf("add('./x')"), {
      work: fetched(archiveOf("add('./x')"), (facts) => facts.replace(/(sha256\t).{8}/, '$101234567')),
    });
    expect(outcome.lastWords).toMatchObject({ status: 65, reason: 'x.tar is not the file that the manifest names: its SHA-256 is another' });
    expectNothingLeft(outcome);
  });

  test.each([
    ['other counts', "add('./x')", (facts: string) => facts.replace(/(volume.files\t).*/, '$17'), 'the archive has 2 entries, 1 files, 1 bytes'],
    ['a name that leads out', "add('../x')", (facts: string) => facts, '1 names lead out of the folder: "../x"'],
    ['a file behind a link', "add('./l', L, '/tmp'); add('./l/x')", (facts: string) => facts, '1 names go through a link: "./l/x"'],
  ])('%s', async (_what, python, change, reason) => {
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
  ])('%s on the disk that is not what the archive holds', async (_what, damage, reason) => {
    const backup = await backupOf(volumeOf('echo content >a; ln a h; ln -s a l'));
    const outcome = await verify(backup, { standIns: { tar: standIn(`case "$*" in *--compare*) ${damage};; esac; real tar "$@"`) } });
    expect(outcome.lastWords).toMatchObject({ status: 65, reason: expect.stringContaining(reason) });
    expectNothingLeft(outcome);
  });

  test('a comparison that ends early', async () => {
    const backup = await backupOf(volumeOf('echo content >a'));
    const outcome = await verify(backup, { standIns: { tar: standIn('case "$*" in *--compare*) exit 2;; esac; real tar "$@"') } });
    expect(outcome.lastWords).toMatchObject({ status: 70, reason: expect.stringContaining('what was unpacked cannot be compared') });
    expectNothingLeft(outcome);
  });

  test.each([
    ['a floor', { ASSERT_ENTRIES: 'many' }, "ASSERT_ENTRIES is not a whole number: 'many'"],
    ['a hash', { ASSERT_SHA256: 'abc  x' }, "ASSERT_SHA256 has the line 'abc  x'"],
    ['a part', { PART: 'other' }, "there are no facts of the part 'other'"],
  ])('a wrong wish: %s', async (_what, env, reason) => {
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

  test("more than the pod's own limit is refused beforehand", async () => {
    const outcome = await verify(backup, { env: { SCRATCH_BYTES: '5000000' } });
    expect(outcome.lastWords).toMatchObject({
      status: 73,
      reason: expect.stringMatching(/^2\.9 MiB do not fit into 1\.\d MiB of scratch space$/),
      hint: 'give the verification more room: verify.scratch.size in the values',
    });
    expectNothingLeft(outcome);
  });

  test('a disk that fills while it unpacks', async () => {
    const fill = 'case "$*" in *--extract*) head -c 9000000 /dev/zero >"$WORK_DIR/filler" 2>/dev/null;; esac; real tar "$@"';
    const outcome = await verify(backup, { work: small, standIns: { tar: standIn(fill) } });
    expect(outcome.lastWords).toMatchObject({ status: 73, reason: expect.stringMatching(/^cannot unpack .*(No space left|nothing was said)/) });
    expectNothingLeft(outcome);
  });
});

test.each(['--list', '--extract', '--compare'])('TERM at tar %s leaves no proof and no files', async (words) => {
  const backup = await backupOf(volumeOf('echo content >a'));
  const folder = mkdtempSync(join(tmpdir(), 'pid-'));
  const body = `case "$*" in *'${words}'*) until [ -s "$PID_FILE" ]; do sleep 0.01; done; kill -TERM "$(cat "$PID_FILE")"; sleep 0.3;; esac; real tar "$@"`;
  const started = (pid: number) => void execFileSync('sh', ['-c', `echo ${pid} >${folder}/pid`]);
  const outcome = await verify(backup, { standIns: { tar: standIn(body) }, started, env: { PID_FILE: join(folder, 'pid') } });
  expect(outcome.lastWords).toMatchObject({ status: 70, reason: expect.stringContaining('stopped by TERM') });
  expectNothingLeft(outcome);
});
