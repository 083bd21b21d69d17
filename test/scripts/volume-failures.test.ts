import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copiedScripts } from '../support/flat-scripts.ts';
import type { Outcome } from '../support/run-script.ts';
import {
  artifactOf,
  BUSYBOX,
  bash,
  endsAt,
  factsOf,
  GNU,
  meanwhile,
  namesIn,
  portrait,
  standIn,
  TARS,
  take,
  unpacked,
  type Variant,
  volumeOf,
  withFunctions,
  withPidFile,
} from '../support/volume.ts';

/** A failed run leaves nothing that a later step could mistake for a backup. */
function expectNothingLeft({ work, out }: Outcome): void {
  expect(out).toEqual([]);
  expect(existsSync(join(work, 'facts')) ? readdirSync(join(work, 'facts')) : []).toEqual([]);
  expect(existsSync(join(work, 'tmp', 'volume'))).toBe(false);
}

/** A stand-in for a tool of one variant: on PATH, or as a function, because BusyBox prefers its applets to PATH. */
function instead(variant: Variant, tool: string, body: string): { readonly standIns?: Record<string, string>; readonly shell?: readonly string[] } {
  if (variant.tar === 'gnu') return { standIns: { [tool]: standIn(body) } };
  return { shell: withFunctions(`real() { t=$1; shift; busybox "$t" "$@"; }`, `${tool}() ( ${body}\n)`) };
}

/** The one of util-linux, not the applet of BusyBox. */
const SETPRIV = bash('/', 'command -v setpriv').trim();

const packer = ({ tar }: Variant) => (tar === 'gnu' ? 'zstd' : 'gzip');

/** Incompressible files between small ones: `meanwhile` acts while tar reads the first of them. */
const BUSY = 'mkdir d; head -c 4194304 /dev/urandom >big1; head -c 4194304 /dev/urandom >big2; echo s >small; echo a >a';

describe.each(TARS)('a volume that changes while it is read, %s tar', (_, variant) => {
  const during = (data: string, commands: string, onChange: string) =>
    take(variant, { data, env: { ON_CHANGE: onChange, DATA: data }, ...instead(variant, packer(variant), meanwhile(packer(variant), commands)) });

  test('a file that grows fails the run and is named', async () => {
    const data = volumeOf(BUSY);
    const outcome = await during(data, 'echo more >>"$DATA/big1"', 'fail');
    expect(outcome.lastWords).toMatchObject({ status: 65, reason: '1 of the files changed or disappeared while they were read: ./big1' });
    expect(outcome.lastWords?.hint).toContain('onChange: accept');
    expectNothingLeft(outcome);
  });

  test('a file that grows is counted with onChange: accept, and the archive is complete', async () => {
    const data = volumeOf(BUSY);
    const outcome = await during(data, 'echo more >>"$DATA/big1"', 'accept');
    expect(outcome.status).toBe(0);
    expect(outcome.stderr).toContain('warn volume-tar: 1 of the files changed or disappeared while they were read: ./big1');
    expect(factsOf(outcome)).toMatchObject({ volume: { changed: 1, entries: 6, files: 4 } });
    expect(namesIn(artifactOf(outcome))).toEqual(['./', './a', './big1', './big2', './d/', './small']);
    bash(data, `cmp big2 ${unpacked(artifactOf(outcome))}/big2`);
  });

  test('files deleted before they are read count as changed', async () => {
    const gone = 'rm "$DATA/small"; rmdir "$DATA/d"';
    expect((await during(volumeOf(BUSY), gone, 'fail')).lastWords).toMatchObject({
      status: 65,
      reason: '2 of the files changed or disappeared while they were read: ./d, ./small',
    });
    const outcome = await during(volumeOf(BUSY), gone, 'accept');
    expect(factsOf(outcome)).toMatchObject({ volume: { changed: 2, entries: 4 } });
    expect(namesIn(artifactOf(outcome))).toEqual(['./', './a', './big1', './big2']);
  });

  test('files created meanwhile are not in the backup and do not count as changes', async () => {
    const outcome = await during(volumeOf(BUSY), 'echo new >"$DATA/zzz"; echo new >"$DATA/d/new"', 'fail');
    expect(outcome.status).toBe(0);
    expect(factsOf(outcome)).toMatchObject({ volume: { changed: 0 } });
    expect(namesIn(artifactOf(outcome))).toEqual(['./', './a', './big1', './big2', './d/', './small']);
  });

  test('a file that is truncated counts as changed with GNU tar, and fails the run with BusyBox tar', async () => {
    const outcome = await during(volumeOf(BUSY), ': >"$DATA/big1"', 'accept');
    if (variant.tar === 'gnu') {
      expect(factsOf(outcome)).toMatchObject({ volume: { changed: 1, entries: 6 } });
    } else {
      expect(outcome.lastWords?.reason).toContain('a file shrank while it was read, and BusyBox tar stops there');
      expect(outcome.status).toBe(65);
      expectNothingLeft(outcome);
    }
  });

  test('a constantly writing application does not fail the run with onChange: accept', async () => {
    const data = volumeOf('head -c 100000000 /dev/zero >log; mkdir tmp');
    const writer = `i=0; while :; do i=$((i + 1)); echo line >>"${data}/log"; echo x >"${data}/tmp/$i"; rm -f "${data}/tmp/$((i - 20))"; done`;
    const started = (pid: number) => void execFileSync('sh', ['-c', `(${writer}) >/dev/null 2>&1 & echo $! >"${data}.pid"; : ${pid}`]);
    try {
      const outcome = await take(variant, { data, env: { ON_CHANGE: 'accept', EXCLUDE: 'tmp/**' }, started });
      expect(outcome.status).toBe(0);
      expect(factsOf(outcome)).toMatchObject({ volume: { changed: 1, entries: 3 } });
    } finally {
      bash('/', `kill $(cat "${data}.pid"); rm "${data}.pid"`);
    }
  });
});

test('BusyBox counts every one of many files that disappear during the backup', async () => {
  const data = volumeOf("for i in $(seq 300); do echo $i >f$i; done; head -c 2097152 /dev/urandom >a; touch $'new\\nline'");
  const outcome = await take(BUSYBOX, {
    data,
    env: { ON_CHANGE: 'accept', DATA: data },
    ...instead(BUSYBOX, 'gzip', meanwhile('gzip', 'rm "$DATA"/f1*')),
  });
  expect(factsOf(outcome)).toMatchObject({ volume: { changed: 111, entries: 192 } });
});

describe.each(TARS)('errors of the tools, %s tar', (_, variant) => {
  test.each([
    ['a read error', 'tar: ./a: Read error at byte 0, while reading 512 bytes: Input/output error', 1, 65],
    ['a read error that tar reports as a warning', 'tar: ./a: Warning: Read error at byte 0, while reading 512 bytes: Input/output error', 0, 65],
    ['an unknown message', 'tar: ./a: something odd', 0, 65],
    [
      'a file that has become unreadable',
      variant.tar === 'gnu' ? 'tar: ./a: Warning: Cannot open: Permission denied' : "tar: can't open './a': Permission denied",
      variant.tar === 'gnu' ? 0 : 1,
      77,
    ],
    ['status 2 without a message', '', 2, 70],
    ['a kill by the kernel', '', 137, 70],
  ])('%s fails the run, even where changes are accepted', async (_what, says, status, expected) => {
    const tool = variant.tar === 'gnu' ? 'tar' : 'xargs'; // xargs runs the tar of BusyBox
    const create = `case " $* " in *' --create '*|*'tar -c'*) real ${tool} "$@"; [ -z "${says}" ] || echo "${says}" >&2; exit ${status};; esac; real ${tool} "$@"`;
    const outcome = await take(variant, { data: volumeOf('echo a >a'), env: { ON_CHANGE: 'accept' }, ...instead(variant, tool, create) });
    expect([outcome.status, outcome.lastWords?.status]).toEqual([expected, expected]);
    expect(outcome.lastWords?.reason).toContain(says || `tar ended with status ${status}: no error message`);
    expectNothingLeft(outcome);
  });

  test('a compressor that exits early fails the run', async () => {
    const body = `case "$*" in *-d*|*version*) real ${packer(variant)} "$@";; *) dd bs=64k count=1 2>/dev/null | real ${packer(variant)} "$@"; echo broken >&2; exit 3;; esac`;
    const outcome = await take(variant, { data: volumeOf(BUSY), ...instead(variant, packer(variant), body) });
    expect(outcome.lastWords).toMatchObject({ status: 70, reason: `cannot write the archive (${packer(variant)} ended with status 3): broken ` });
    expectNothingLeft(outcome);
  });
});

describe.each(TARS)('a damaged archive, %s tar', (_, variant) => {
  const tool = packer(variant);
  const damage = (filter: string) =>
    take(variant, {
      data: volumeOf(BUSY),
      ...instead(variant, tool, `case "$*" in *-d*|*version*) real ${tool} "$@";; *) real ${tool} "$@" | ${filter};; esac`),
    });

  test.each([
    ['is cut off', '{ dd bs=1000 count=1500 iflag=fullblock 2>/dev/null; cat >/dev/null; }'],
    [
      'has a changed byte',
      '{ dd bs=1000 count=1500 iflag=fullblock 2>/dev/null; dd bs=1 count=1 2>/dev/null | tr "\\000-\\377" "\\001-\\377\\000"; cat; }',
    ],
    // BusyBox gzip ignores trailing data.
    ...(variant.tar === 'gnu' ? [['has trailing garbage', '{ cat; echo garbage; }']] : []),
    ['is empty', 'cat >/dev/null'],
  ])('is refused when it %s', async (_what, filter) => {
    const outcome = await damage(filter);
    expect(outcome.lastWords?.reason).toMatch(/^the archive (cannot be read to its end|differs from)/);
    expect(outcome.status).toBe(65);
    expectNothingLeft(outcome);
  });

  test('is refused when it is cut off in the last file without compression, where only tar can tell', async () => {
    const once = `[ "$#" = 0 ] && [ ! -e "$WORK_DIR/cut" ] || { real cat "$@"; exit; }; : >"$WORK_DIR/cut"; dd bs=1000 count=1200 iflag=fullblock 2>/dev/null; real cat >/dev/null`;
    const data = volumeOf('head -c 2000000 /dev/urandom >last');
    const outcome = await take(variant, { data, env: { COMPRESSION: 'none', COMPRESSION_LEVEL: '' }, ...instead(variant, 'cat', once) });
    expect(outcome.lastWords?.reason).toMatch(/^the archive cannot be read to its end \(tar ended with status \d\)/);
    expect(outcome.status).toBe(65);
    expectNothingLeft(outcome);
  });

  test('is refused when tar silently left out an entry', async () => {
    const skip =
      variant.tar === 'gnu'
        ? 'real tar --exclude=./small "$@"'
        : 'grep -v small "$TMP/lines" >"$TMP/l" && mv "$TMP/l" "$TMP/lines"; tr "\\0" "\\n" <"$TMP/arguments" | grep -v small | tr "\\n" "\\0" >"$TMP/a"; mv "$TMP/a" "$TMP/arguments"; real xargs "$@"';
    const name = variant.tar === 'gnu' ? 'tar' : 'xargs';
    const body = `case " $* " in *' --create '*|*'tar -c'*) ${skip};; *) real ${name} "$@";; esac`;
    const outcome = await take(variant, { data: volumeOf(BUSY), env: { ON_CHANGE: 'accept' }, ...instead(variant, name, body) });
    expect(outcome.lastWords?.reason).toMatch(/the archive has 5 entries, but 6 were listed|the archive differs from the list of files: \.\/small/);
    expect(outcome.status).toBe(65);
    expectNothingLeft(outcome);
  });
});

test('GNU: refuses a readable archive that is not the one tar wrote', async () => {
  const other = volumeOf('echo other >a');
  const body = `case "$*" in *--create*) real tar "$@" >/dev/null; real tar -b 128 -C ${other} -c ./a;; *) real tar "$@";; esac`;
  const outcome = await take(GNU, { data: volumeOf('echo one >a'), standIns: { tar: standIn(body) } });
  expect(outcome.lastWords).toMatchObject({ status: 65, reason: 'the archive differs from what tar wrote' });
  expectNothingLeft(outcome);
});

describe.each(TARS)('unreadable files, %s tar', (_, variant) => {
  const scripts = copiedScripts();
  /** As in a pod: an unprivileged user with its own scratch space. */
  const asNobody = (data: string, env: Record<string, string> = {}) => {
    const work = mkdtempSync(join(tmpdir(), 'work-'));
    bash(work, 'chown 65534:65534 .');
    const shell = [SETPRIV, '--reuid=65534', '--regid=65534', '--clear-groups', ...variant.shell];
    if (variant.env.PATH) chmodSync(variant.env.PATH, 0o755);
    return take(variant, {
      data,
      work,
      shell,
      script: join(scripts, 'volume-tar.sh'),
      env: { TERMINATION_LOG: join(work, 'last-words'), HOME: '/tmp', ...env },
    });
  };
  const hint = 'hint volume-tar: run as the user that owns the data (pod.runAsUser), or in a group that may read it (pod.supplementalGroups)';

  test('are all named before anything is read, and none is skipped', async () => {
    const data = volumeOf("touch ok one two $'th\\nree' four; chmod 600 one two t*; chmod 640 four; chgrp 65534 four; ln -s one link");
    const outcome = await asNobody(data);
    expect(outcome.status).toBe(77);
    expect(outcome.stderr).toContain('user 65534 may not read 3 of the files: ./one, ./th?ree, ./two');
    expect(outcome.stderr).toContain(hint);
    expect(outcome.stderr).not.toContain('writing');
    expectNothingLeft(outcome);
  });

  test.each([
    ['a folder that cannot be listed', 'mkdir d; chmod 711 d'],
    ['a folder that cannot be entered', 'mkdir d; touch d/f; chmod 744 d'],
  ])('%s fails the run', async (_what, commands) => {
    const outcome = await asNobody(volumeOf(commands));
    expect(outcome.status).toBe(77);
    expect(outcome.stderr).toMatch(/\.\/d.*Permission denied|may not read 1 of the files: \.\/d/);
    expect(outcome.stderr).toContain(hint);
    expectNothingLeft(outcome);
  });

  test('excluded files, and files outside an include, are not even opened', async () => {
    const data = volumeOf('mkdir -p mine closed/deeper; touch mine/f; chmod 700 closed');
    expect((await asNobody(data, { EXCLUDE: 'closed' })).status).toBe(0);
    expect((await asNobody(data, { INCLUDE: 'mine' })).status).toBe(0);
    expect((await asNobody(data)).status).toBe(77);
  });

  test('an unreadable lost+found does not fail the run', async () => {
    expect((await asNobody(volumeOf('mkdir -m 700 lost+found; touch f'))).status).toBe(0);
  });

  test('an unreadable data folder fails the run, with the claim and the path in the reason', async () => {
    const outcome = await asNobody(volumeOf('chmod 700 .'));
    expect([outcome.status, outcome.stderr]).toEqual([77, expect.stringContaining("user 65534 may not enter claim 'app-data'")]);
    const below = await asNobody(volumeOf('mkdir -m 700 d'), { DATA_PATH: 'd' });
    expect([below.status, below.stderr]).toEqual([77, expect.stringContaining("user 65534 may not enter 'd' of claim 'app-data'")]);
  });

  test('are found for root without capabilities too, although test -r trusts root', async () => {
    const data = volumeOf('echo secret >f; chown 4242:4242 f; chmod 600 f');
    const outcome = await take(variant, { data, shell: [SETPRIV, '--bounding-set=-all', ...variant.shell] });
    expect(outcome.status).toBe(77);
    expect(outcome.stderr).toContain('./f');
    expectNothingLeft(outcome);
  });
});

describe.each(TARS)('no room, %s tar', (_, variant) => {
  const work = mkdtempSync(join(tmpdir(), 'small-'));
  let data = '';
  beforeAll(() => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', work]);
    data = volumeOf('for i in 1 2 3 4; do head -c 5000000 /dev/urandom >$i; done');
  });
  afterAll(() => void execFileSync('umount', [work]));

  test.each(['compressed', 'plain'])('a full disk ends with 73, and the scratch space is clean again (%s)', async (kind) => {
    const env: Record<string, string> = kind === 'compressed' ? {} : { COMPRESSION: 'none', COMPRESSION_LEVEL: '', EXCLUDE: '[234]' };
    // Without compression the check for room would refuse it first, so something else fills the disk meanwhile.
    const filler = kind === 'compressed' ? {} : instead(variant, 'mkfifo', 'head -c 3700000 /dev/zero >"$WORK_DIR/filler"; real mkfifo "$@"');
    const outcome = await take(variant, { data, work, env, ...filler });
    expect(outcome.lastWords?.reason).toMatch(/^cannot write the archive .*(No space left|short write|Wrote only|no error message)/);
    expect(outcome.lastWords).toMatchObject({ status: 73, hint: 'give the run more scratch space: pod.scratch.size' });
    expectNothingLeft(outcome);
    expect(bash(work, 'rm -f filler; du -sk . | cut -f1')).toMatch(/^\d{1,2}\n$/);
  });

  test("exceeding the pod's own limit is a write error, not an eviction", async () => {
    const outcome = await take(variant, { data, env: { SCRATCH_BYTES: '3000000' } });
    expect(outcome.lastWords?.reason).toMatch(/^cannot write the archive .*File too large/);
    expect(outcome.lastWords?.status).toBe(73);
    expectNothingLeft(outcome);
  });

  test('refuses data that cannot fit before it writes anything', async () => {
    const outcome = await take(variant, { data, env: { SCRATCH_BYTES: '900000' } });
    expect(outcome.lastWords?.reason).toMatch(/^19\.1 MiB of data does not fit into \d+\.\d KiB of scratch space$/);
    expect(outcome.lastWords).toMatchObject({ status: 73, hint: 'give the run more scratch space: pod.scratch.size' });
    expect(outcome.status).toBe(73);
    expect(outcome.stderr).not.toContain('writing');
  });

  test('leaves data for which other pods use the disk to the next attempt, before it writes anything', async () => {
    const df = `printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\\n/dev/x 99999999 1 900 100%% /work\\n'`;
    const outcome = await take(variant, { data, ...instead(variant, 'df', df) });
    expect(outcome.status).toBe(75);
    expect(outcome.lastWords).toMatchObject({
      status: 75,
      reason: expect.stringMatching(/^the disk of the node has 900\.0 KiB free, and at least 976\.\d KiB is needed: other pods use it$/),
      hint: expect.stringContaining('pod.scratch.request'),
    });
    expect(outcome.stderr).not.toContain('writing');
    expectNothingLeft(outcome);
  });
});

test('handles sizes over 2 GiB', async () => {
  const data = volumeOf('truncate -s 3G f');
  const outcome = await take(BUSYBOX, { data, env: { COMPRESSION: 'none', COMPRESSION_LEVEL: '', SCRATCH_BYTES: '1000000000' } });
  expect(outcome.lastWords?.reason).toMatch(/^3\.0 GiB of data does not fit into 953\.\d MiB of scratch space$/);
});

describe.each(TARS)('wrong settings, %s tar', (_, variant) => {
  const data = volumeOf('mkdir -p d/e; touch d/f; ln -s d good; ln -s /etc out');
  test.each([
    ['a path that does not exist', { DATA_PATH: 'no such' }, "there is no folder 'no such' in claim 'app-data'"],
    ['a path to a file', { DATA_PATH: 'd/f' }, "there is no folder 'd/f' in claim 'app-data'"],
    ['a path through a link out of the claim', { DATA_PATH: 'out' }, "'out' is outside claim 'app-data'"],
    ['a path to the folder above', { DATA_PATH: 'd/../..' }, "'d/../..' is outside claim 'app-data'"],
    ['a claim that is not mounted', { DATA_DIR: '/no/such' }, "claim 'app-data' is not mounted: there is no folder /no/such"],
    ['an unknown policy', { ON_CHANGE: 'maybe' }, "ON_CHANGE must be fail or accept, got 'maybe'"],
    ['an unknown tar', { TAR: 'star' }, "TAR must be gnu or busybox, got 'star'"],
    ['an unknown compression', { COMPRESSION: 'lz4' }, `COMPRESSION 'lz4' is not supported with TAR '${variant.tar}'`],
    ['a level that is not a number', { COMPRESSION_LEVEL: '1; id' }, expect.stringMatching(/^COMPRESSION_LEVEL .*a whole number.* '1; id'$/)],
    ['missing variables', { CLAIM: '', DATA_PATH: '' }, 'not set or empty: DATA_PATH CLAIM'],
  ])('%s: refused with 64', async (_what, env, reason) => {
    const outcome = await take(variant, { data, env });
    expect(outcome.lastWords).toMatchObject({ status: 64, reason });
    expectNothingLeft(outcome);
  });

  test('follows a link within the claim to the data folder', async () => {
    const outcome = await take(variant, { data, env: { DATA_PATH: 'good' } });
    expect(namesIn(artifactOf(outcome))).toEqual(['./', './e/', './f']);
  });

  test('refuses scratch space inside the data', async () => {
    const outcome = await take(variant, { data, work: join(data, 'd', 'e') });
    expect(outcome.lastWords?.reason).toMatch(/^the scratch space .* is inside the data$/);
  });

  test('refuses an image with the other tar', async () => {
    const other = variant.tar === 'gnu' ? { PATH: String(BUSYBOX.env.PATH) } : {};
    const shell = variant.tar === 'gnu' ? BUSYBOX.shell : ['dash'];
    const outcome = await take(
      { ...variant, env: { ...variant.env, PATH: '/usr/bin:/bin', ...other } },
      { data, shell, env: variant.tar === 'gnu' ? { COMPRESSION: 'none' } : {} },
    );
    expect(outcome.lastWords?.status).toBe(64);
    expect(outcome.lastWords?.reason).toMatch(/^(tar: \w+ is set, but the image has|not in this image)/);
  });
});

/** Tools and words of their calls, in the order of the script. */
const GNU_STEPS = [
  ['find', ''],
  ['sort', '-zu'],
  ['tar', '--create'],
  ['zstd', '-1'],
  ['openssl', '-r'],
  ['zstd', '-dcq'],
  ['tar', '--list'],
  ['mv', 'archive'],
  ['mv', '.sums'],
  ['mv', '.json'],
] as const;
const BUSYBOX_STEPS = [
  ['find', ''],
  ['sort', '-zu'],
  ['xargs', 'stat'],
  ['xargs', 'tar -c'],
  ['gzip', '-6'],
  ['sha256sum', ''],
  ['gzip', '-dc'],
  ['tar', '-t'],
  ['mv', 'archive'],
  ['mv', '.sums'],
  ['mv', '.json'],
] as const;
const KILLS = ['TERM', 'KILL'].flatMap((signal) => [
  ...GNU_STEPS.map((step) => [signal, 'gnu', ...step] as const),
  ...BUSYBOX_STEPS.map((step) => [signal, 'busybox', ...step] as const),
]);

/** Processes left of a group, except zombies and the watchdog of `await_child`. */
function alive(group: string): readonly string[] {
  const all = bash('/', 'ps -eo pgid=,stat=,args=')
    .split('\n')
    .map((line) => line.trim());
  return all.filter((line) => line.startsWith(`${group} `) && !/^\d+ Z| sleep 5$/.test(line));
}

describe('killed at every step: no child survives, and the next run in the same scratch space succeeds', () => {
  const data = volumeOf("head -c 300000 /dev/urandom >big; mkdir d; touch d/f 'x y'");

  test.each(KILLS)('%s, %s tar, at %s %s', async (signal, tar, tool, words) => {
    const variant = tar === 'gnu' ? GNU : BUSYBOX;
    const work = mkdtempSync(join(tmpdir(), 'work-'));
    const { env, started } = withPidFile();
    const killed = await take(variant, { data, work, env, started, ...instead(variant, tool, endsAt(signal, tool, words)) });
    expect(killed.status).toBe(signal === 'TERM' ? 70 : null);
    if (signal === 'TERM') {
      expect(killed.lastWords?.reason).toContain('stopped by TERM');
      expect(existsSync(join(work, 'tmp', 'volume'))).toBe(false);
    }
    expect(existsSync(join(work, 'facts', 'volume.json'))).toBe(signal === 'TERM' && words === '.json');
    await expect.poll(() => alive(readFileSync(env.PID_FILE, 'utf8')), { timeout: 5000 }).toEqual([]);

    const again = await take(variant, { data, work });
    expect(again.status).toBe(0);
    expect(portrait(unpacked(artifactOf(again)), '%Ts')).toBe(portrait(data, '%Ts'));
    expect(readdirSync(join(work, 'facts')).sort()).toEqual(['volume.json', 'volume.sums']);
    bash(join(work, 'out'), 'sha256sum -c --quiet ../facts/volume.sums');
  });
});
