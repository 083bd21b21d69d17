import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copiedScripts } from '../support/flat-scripts.ts';
import type { Outcome } from '../support/run-script.ts';
import {
  artifactOf,
  BUSYBOX,
  bash,
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
} from '../support/volume.ts';

/** What a failed run leaves behind: nothing that a later step could take for a backup. */
function expectNothingLeft({ work, out }: Outcome): void {
  expect(out).toEqual([]);
  expect(existsSync(join(work, 'facts')) ? readdirSync(join(work, 'facts')) : []).toEqual([]);
  expect(existsSync(join(work, 'tmp', 'volume'))).toBe(false);
}

/** A stand-in for a tool of one variant: on PATH, or as a function before the applet. */
function instead(variant: Variant, tool: string, body: string): { readonly standIns?: Record<string, string>; readonly shell?: readonly string[] } {
  if (variant.tar === 'gnu') return { standIns: { [tool]: standIn(body) } };
  return { shell: withFunctions(`real() { t=$1; shift; busybox "$t" "$@"; }`, `${tool}() ( ${body}\n)`) };
}

/** That of util-linux: BusyBox has one too. */
const SETPRIV = bash('/', 'command -v setpriv').trim();

const packer = ({ tar }: Variant) => (tar === 'gnu' ? 'zstd' : 'gzip');

/** Files that do not pack, between small ones: `meanwhile` acts while tar is in the first of them. */
const BUSY =
  'mkdir d; for f in a d/b c/; do :; done; head -c 4194304 /dev/urandom >big1; head -c 4194304 /dev/urandom >big2; echo s >small; echo a >a';

describe.each(TARS)('a volume that changes while it is read, %s tar', (_, variant) => {
  const during = (data: string, commands: string, onChange: string) =>
    take(variant, { data, env: { ON_CHANGE: onChange, DATA: data }, ...instead(variant, packer(variant), meanwhile(packer(variant), commands)) });

  test('a file that grows is a failure, by name', async () => {
    const data = volumeOf(BUSY);
    const outcome = await during(data, 'echo more >>"$DATA/big1"', 'fail');
    expect(outcome.lastWords).toMatchObject({ status: 65, reason: '1 of the files changed or went while they were read: ./big1' });
    expect(outcome.lastWords?.hint).toContain('onChange: accept');
    expectNothingLeft(outcome);
  });

  test('where that is accepted, it is counted, and the archive is whole', async () => {
    const data = volumeOf(BUSY);
    const outcome = await during(data, 'echo more >>"$DATA/big1"', 'accept');
    expect(outcome.status).toBe(0);
    expect(outcome.stderr).toContain('warn volume-tar: 1 of the files changed or went while they were read: ./big1');
    expect(factsOf(outcome)).toMatchObject({ volume: { changed: 1, entries: 6, files: 4 } });
    expect(namesIn(artifactOf(outcome))).toEqual(['./', './a', './big1', './big2', './d/', './small']);
    bash(data, `cmp big2 ${unpacked(artifactOf(outcome))}/big2`);
  });

  test('a file that is gone before it is read is one too', async () => {
    const gone = 'rm "$DATA/small"; rmdir "$DATA/d"';
    expect((await during(volumeOf(BUSY), gone, 'fail')).lastWords).toMatchObject({
      status: 65,
      reason: '2 of the files changed or went while they were read: ./d, ./small',
    });
    const outcome = await during(volumeOf(BUSY), gone, 'accept');
    expect(factsOf(outcome)).toMatchObject({ volume: { changed: 2, entries: 4 } });
    expect(namesIn(artifactOf(outcome))).toEqual(['./', './a', './big1', './big2']);
  });

  test('a file that comes meanwhile is no change, and is not in the backup', async () => {
    const outcome = await during(volumeOf(BUSY), 'echo new >"$DATA/zzz"; echo new >"$DATA/d/new"', 'fail');
    expect(outcome.status).toBe(0);
    expect(factsOf(outcome)).toMatchObject({ volume: { changed: 0 } });
    expect(namesIn(artifactOf(outcome))).toEqual(['./', './a', './big1', './big2', './d/', './small']);
  });

  test('a file that shrinks under the reader', async () => {
    const outcome = await during(volumeOf(BUSY), ': >"$DATA/big1"', 'accept');
    if (variant.tar === 'gnu') {
      expect(factsOf(outcome)).toMatchObject({ volume: { changed: 1, entries: 6 } });
    } else {
      expect(outcome.lastWords?.reason).toContain("a file shrank while it was read, and BusyBox' tar ends there");
      expect(outcome.status).toBe(65);
      expectNothingLeft(outcome);
    }
  });

  test('an application that writes all the time', async () => {
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

test('BusyBox: many files go between two looks', async () => {
  const data = volumeOf("for i in $(seq 300); do echo $i >f$i; done; head -c 2097152 /dev/urandom >a; touch $'new\\nline'");
  const outcome = await take(BUSYBOX, {
    data,
    env: { ON_CHANGE: 'accept', DATA: data },
    ...instead(BUSYBOX, 'gzip', meanwhile('gzip', 'rm "$DATA"/f1*')),
  });
  expect(factsOf(outcome)).toMatchObject({ volume: { changed: 111, entries: 192 } });
});

describe.each(TARS)('what tar cannot do, %s tar', (_, variant) => {
  test.each([
    ['a read error', 'tar: ./a: Read error at byte 0, while reading 512 bytes: Input/output error', 1, 65],
    ['a read error that tar would let pass', 'tar: ./a: Warning: Read error at byte 0, while reading 512 bytes: Input/output error', 0, 65],
    ['words that nobody knows', 'tar: ./a: something odd', 0, 65],
    [
      'a file that may not be read any more',
      variant.tar === 'gnu' ? 'tar: ./a: Warning: Cannot open: Permission denied' : "tar: can't open './a': Permission denied",
      variant.tar === 'gnu' ? 0 : 1,
      77,
    ],
    ['status 2 without a word', '', 2, 70],
    ['an end by the kernel', '', 137, 70],
  ])('%s is a failure, also where changes are accepted', async (_what, says, status, expected) => {
    const tool = variant.tar === 'gnu' ? 'tar' : 'xargs'; // which runs the tar of BusyBox
    const create = `case " $* " in *' --create '*|*'tar -c'*) real ${tool} "$@"; [ -z "${says}" ] || echo "${says}" >&2; exit ${status};; esac; real ${tool} "$@"`;
    const outcome = await take(variant, { data: volumeOf('echo a >a'), env: { ON_CHANGE: 'accept' }, ...instead(variant, tool, create) });
    expect([outcome.status, outcome.lastWords?.status]).toEqual([expected, expected]);
    expect(outcome.lastWords?.reason).toContain(says || `tar ended with status ${status}, and nothing was said`);
    expectNothingLeft(outcome);
  });

  test('the compressor ends early', async () => {
    const body = `case "$*" in *-d*|*version*) real ${packer(variant)} "$@";; *) dd bs=64k count=1 2>/dev/null | real ${packer(variant)} "$@"; echo broken >&2; exit 3;; esac`;
    const outcome = await take(variant, { data: volumeOf(BUSY), ...instead(variant, packer(variant), body) });
    expect(outcome.lastWords).toMatchObject({ status: 70, reason: `cannot write the archive (${packer(variant)} ended with status 3): broken ` });
    expectNothingLeft(outcome);
  });
});

describe.each(TARS)('an archive that went bad, %s tar', (_, variant) => {
  const tool = packer(variant);
  const damage = (filter: string) =>
    take(variant, {
      data: volumeOf(BUSY),
      ...instead(variant, tool, `case "$*" in *-d*|*version*) real ${tool} "$@";; *) real ${tool} "$@" | ${filter};; esac`),
    });

  test.each([
    ['cut short', '{ dd bs=1000 count=1500 iflag=fullblock 2>/dev/null; cat >/dev/null; }'],
    [
      'a flipped bit',
      '{ dd bs=1000 count=1500 iflag=fullblock 2>/dev/null; dd bs=1 count=1 2>/dev/null | tr "\\000-\\377" "\\001-\\377\\000"; cat; }',
    ],
    // BusyBox' gzip does not look at what comes behind the end.
    ...(variant.tar === 'gnu' ? [['something behind it', '{ cat; echo garbage; }']] : []),
    ['empty', 'cat >/dev/null'],
  ])('%s: refused', async (_what, filter) => {
    const outcome = await damage(filter);
    expect(outcome.lastWords?.reason).toMatch(/^the archive (cannot be read to its end|does not hold)/);
    expect(outcome.status).toBe(65);
    expectNothingLeft(outcome);
  });

  test('cut short in the last file, where only tar can tell', async () => {
    const once = `[ "$#" = 0 ] && [ ! -e "$WORK_DIR/cut" ] || { real cat "$@"; exit; }; : >"$WORK_DIR/cut"; dd bs=1000 count=1200 iflag=fullblock 2>/dev/null; real cat >/dev/null`;
    const data = volumeOf('head -c 2000000 /dev/urandom >last');
    const outcome = await take(variant, { data, env: { COMPRESSION: 'none', COMPRESSION_LEVEL: '' }, ...instead(variant, 'cat', once) });
    expect(outcome.lastWords?.reason).toMatch(/^the archive cannot be read to its end \(tar ended with status \d\)/);
    expect(outcome.status).toBe(65);
    expectNothingLeft(outcome);
  });

  test('an entry that tar left out without a word', async () => {
    const skip =
      variant.tar === 'gnu'
        ? 'real tar --exclude=./small "$@"'
        : 'grep -v small "$TMP/lines" >"$TMP/l" && mv "$TMP/l" "$TMP/lines"; tr "\\0" "\\n" <"$TMP/arguments" | grep -v small | tr "\\n" "\\0" >"$TMP/a"; mv "$TMP/a" "$TMP/arguments"; real xargs "$@"';
    const name = variant.tar === 'gnu' ? 'tar' : 'xargs';
    const body = `case " $* " in *' --create '*|*'tar -c'*) ${skip};; *) real ${name} "$@";; esac`;
    const outcome = await take(variant, { data: volumeOf(BUSY), env: { ON_CHANGE: 'accept' }, ...instead(variant, name, body) });
    expect(outcome.lastWords?.reason).toMatch(/the archive has 5 entries, but 6 were listed|the archive does not hold what was listed: \.\/small/);
    expect(outcome.status).toBe(65);
    expectNothingLeft(outcome);
  });
});

test('GNU: an archive that is not the one which tar wrote, though each can be read', async () => {
  const other = volumeOf('echo other >a');
  const body = `case "$*" in *--create*) real tar "$@" >/dev/null; real tar -b 128 -C ${other} -c ./a;; *) real tar "$@";; esac`;
  const outcome = await take(GNU, { data: volumeOf('echo one >a'), standIns: { tar: standIn(body) } });
  expect(outcome.lastWords).toMatchObject({ status: 65, reason: 'the archive does not hold what tar wrote' });
  expectNothingLeft(outcome);
});

describe.each(TARS)('files that may not be read, %s tar', (_, variant) => {
  const scripts = copiedScripts();
  /** As a pod does: a user of its own, none of root's powers, its own scratch. */
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

  test('all of them are named before anything is read, none is skipped', async () => {
    const data = volumeOf("touch ok one two $'th\\nree' four; chmod 600 one two t*; chmod 640 four; chgrp 65534 four; ln -s one link");
    const outcome = await asNobody(data);
    expect(outcome.status).toBe(77);
    expect(outcome.stderr).toContain('user 65534 may not read 3 of the files: ./one, ./th?ree, ./two');
    expect(outcome.stderr).toContain(hint);
    expect(outcome.stderr).not.toContain('writing');
    expectNothingLeft(outcome);
  });

  test.each([
    ['a folder that may not be listed', 'mkdir d; chmod 711 d'],
    ['a folder that may not be entered', 'mkdir d; touch d/f; chmod 744 d'],
  ])('%s', async (_what, commands) => {
    const outcome = await asNobody(volumeOf(commands));
    expect(outcome.status).toBe(77);
    expect(outcome.stderr).toMatch(/\.\/d.*Permission denied|may not read 1 of the files: \.\/d/);
    expect(outcome.stderr).toContain(hint);
    expectNothingLeft(outcome);
  });

  test('what is excluded, or outside of what is included, is not even looked at', async () => {
    const data = volumeOf('mkdir -p mine closed/deeper; touch mine/f; chmod 700 closed');
    expect((await asNobody(data, { EXCLUDE: 'closed' })).status).toBe(0);
    expect((await asNobody(data, { INCLUDE: 'mine' })).status).toBe(0);
    expect((await asNobody(data)).status).toBe(77);
  });

  test('a closed lost+found is no obstacle', async () => {
    expect((await asNobody(volumeOf('mkdir -m 700 lost+found; touch f'))).status).toBe(0);
  });

  test('the folder itself', async () => {
    const outcome = await asNobody(volumeOf('chmod 700 .'));
    expect([outcome.status, outcome.stderr]).toEqual([77, expect.stringContaining("user 65534 may not enter claim 'app-data'")]);
    const below = await asNobody(volumeOf('mkdir -m 700 d'), { DATA_PATH: 'd' });
    expect([below.status, below.stderr]).toEqual([77, expect.stringContaining("user 65534 may not enter 'd' of claim 'app-data'")]);
  });

  test('root without its powers, which a shell takes to be almighty', async () => {
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

  test.each(['packed', 'plain'])('the disk is full: 73, and the rest is as before (%s)', async (kind) => {
    const env: Record<string, string> = kind === 'packed' ? {} : { COMPRESSION: 'none', COMPRESSION_LEVEL: '', EXCLUDE: '[234]' };
    // Without compression what does not fit is refused beforehand: so something else fills the disk meanwhile.
    const filler = kind === 'packed' ? {} : instead(variant, 'mkfifo', 'head -c 3700000 /dev/zero >"$WORK_DIR/filler"; real mkfifo "$@"');
    const outcome = await take(variant, { data, work, env, ...filler });
    expect(outcome.lastWords?.reason).toMatch(/^cannot write the archive .*(No space left|short write|Wrote only|nothing was said)/);
    expect(outcome.lastWords).toMatchObject({ status: 73, hint: 'give the run more scratch space: pod.scratch.size' });
    expectNothingLeft(outcome);
    expect(bash(work, 'rm -f filler; du -sk . | cut -f1')).toMatch(/^\d{1,2}\n$/);
  });

  test("the pod's own limit is a write error and no eviction", async () => {
    const outcome = await take(variant, { data, env: { SCRATCH_BYTES: '3000000' } });
    expect(outcome.lastWords?.reason).toMatch(/^cannot write the archive .*File too large/);
    expect(outcome.lastWords?.status).toBe(73);
    expectNothingLeft(outcome);
  });

  test('what can hardly fit is refused before the work', async () => {
    const outcome = await take(variant, { data, env: { SCRATCH_BYTES: '900000' } });
    expect(outcome.lastWords?.reason).toMatch(/^19\.1 MiB of data do not fit into \d+\.\d KiB of scratch space$/);
    expect(outcome.status).toBe(73);
    expect(outcome.stderr).not.toContain('writing');
  });
});

test('sizes over 2 GiB are numbers', async () => {
  const data = volumeOf('truncate -s 3G f');
  const outcome = await take(BUSYBOX, { data, env: { COMPRESSION: 'none', COMPRESSION_LEVEL: '', SCRATCH_BYTES: '1000000000' } });
  expect(outcome.lastWords?.reason).toMatch(/^3\.0 GiB of data do not fit into 953\.\d MiB of scratch space$/);
});

describe.each(TARS)('what the values may get wrong, %s tar', (_, variant) => {
  const data = volumeOf('mkdir -p d/e; touch d/f; ln -s d good; ln -s /etc out');
  test.each([
    ['a folder that is not there', { DATA_PATH: 'no such' }, "there is no folder 'no such' in claim 'app-data'"],
    ['a file', { DATA_PATH: 'd/f' }, "there is no folder 'd/f' in claim 'app-data'"],
    ['a link out of the claim', { DATA_PATH: 'out' }, "'out' leads out of claim 'app-data'"],
    ['the folder above', { DATA_PATH: 'd/../..' }, "'d/../..' leads out of claim 'app-data'"],
    ['no claim', { DATA_DIR: '/no/such' }, "claim 'app-data' is not mounted: there is no folder /no/such"],
    ['a policy', { ON_CHANGE: 'maybe' }, "ON_CHANGE is 'maybe'"],
    ['a tar', { TAR: 'star' }, "TAR is 'star'"],
    ['a compression', { COMPRESSION: 'lz4' }, `TAR is '${variant.tar}', COMPRESSION is 'lz4'`],
    ['a level', { COMPRESSION_LEVEL: '1; id' }, "COMPRESSION_LEVEL is not a whole number: '1; id'"],
    ['nothing at all', { CLAIM: '', DATA_PATH: '' }, 'not set or empty: DATA_PATH CLAIM'],
  ])('%s', async (_what, env, reason) => {
    const outcome = await take(variant, { data, env });
    expect(outcome.lastWords).toMatchObject({ status: 64, reason });
    expectNothingLeft(outcome);
  });

  test('a link within the claim is followed', async () => {
    const outcome = await take(variant, { data, env: { DATA_PATH: 'good' } });
    expect(namesIn(artifactOf(outcome))).toEqual(['./', './e/', './f']);
  });

  test('scratch inside the data', async () => {
    const outcome = await take(variant, { data, work: join(data, 'd', 'e') });
    expect(outcome.lastWords?.reason).toMatch(/^the scratch space .* lies inside the data$/);
  });

  test('the other tar', async () => {
    const other = variant.tar === 'gnu' ? { PATH: String(BUSYBOX.env.PATH) } : {};
    const shell = variant.tar === 'gnu' ? BUSYBOX.shell : ['dash'];
    const outcome = await take(
      { ...variant, env: { ...variant.env, PATH: '/usr/bin:/bin', ...other } },
      { data, shell, env: variant.tar === 'gnu' ? { COMPRESSION: 'none' } : {} },
    );
    expect(outcome.lastWords?.status).toBe(64);
    expect(outcome.lastWords?.reason).toMatch(/^(tar: \w+ is given, but this image has|not in this image)/);
  });
});

/** A tool and how it is called, in the order of the script. */
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

/** What is left of a process group, but for the dead and for the watch over a stubborn child. */
function alive(group: number): readonly string[] {
  const all = bash('/', 'ps -eo pgid=,stat=,args=')
    .split('\n')
    .map((line) => line.trim());
  return all.filter((line) => line.startsWith(`${group} `) && !/^\d+ Z| sleep 5$/.test(line));
}

describe('killed at every step, and run again in the same scratch', () => {
  const data = volumeOf("head -c 300000 /dev/urandom >big; mkdir d; touch d/f 'x y'");

  test.each(KILLS)('%s, %s tar, at %s %s', async (signal, tar, tool, words) => {
    const variant = tar === 'gnu' ? GNU : BUSYBOX;
    const work = mkdtempSync(join(tmpdir(), 'work-'));
    // As the kubelet does: TERM to the first process, KILL to all.
    const victim = signal === 'TERM' ? '$(cat "$PID_FILE")' : '-$(cat "$PID_FILE")';
    const body = `case "$*" in *'${words}'*) until [ -s "$PID_FILE" ]; do sleep 0.01; done; kill -${signal} ${victim}; sleep 0.3;; esac; real ${tool} "$@"`;
    let leader = 0;
    const started = (pid: number) => {
      leader = pid;
      writeFileSync(`${work}.pid`, String(pid));
    };
    const killed = await take(variant, { data, work, started, env: { PID_FILE: `${work}.pid` }, ...instead(variant, tool, body) });
    expect(killed.status).toBe(signal === 'TERM' ? 70 : null);
    if (signal === 'TERM') {
      expect(killed.lastWords?.reason).toContain('stopped by TERM');
      expect(existsSync(join(work, 'tmp', 'volume'))).toBe(false);
    }
    expect(existsSync(join(work, 'facts', 'volume.json'))).toBe(signal === 'TERM' && words === '.json');
    await expect.poll(() => alive(leader), { timeout: 5000 }).toEqual([]);

    const again = await take(variant, { data, work });
    expect(again.status).toBe(0);
    expect(portrait(unpacked(artifactOf(again)), '%Ts')).toBe(portrait(data, '%Ts'));
    expect(readdirSync(join(work, 'facts')).sort()).toEqual(['volume.json', 'volume.sums']);
    bash(join(work, 'out'), 'sha256sum -c --quiet ../facts/volume.sums');
  });
});
