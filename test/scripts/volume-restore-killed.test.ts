import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  asNobody,
  type Backup,
  backupOf,
  fetched,
  keptFolder,
  keptIn,
  live,
  mvThat,
  type Restore,
  restore,
  stateOf,
  withoutRoot,
} from '../support/restore-volume.ts';
import type { Outcome } from '../support/run-script.ts';
import { startStep } from '../support/turns.ts';
import { bash, portrait, standIn, volumeOf } from '../support/volume.ts';

const OLD =
  "mkdir -p d/deep only-old; echo old >a; echo mine >d/deep/mine; echo old >d/deep/f; echo x >only-old/x; echo nl >$'old\\nline'; ln -s a l";
const NEW = "mkdir -p d/deep only-new; echo new >a; echo new >d/deep/f; echo new >only-new/x; echo dash >./-n; ln -s d l; echo nl >$'new\\nline'";

let backup: Backup;
let old = '';
let wanted = '';
beforeAll(async () => {
  const source = volumeOf(NEW);
  backup = await backupOf(source);
  wanted = withoutRoot(portrait(source));
});

/** A volume with the old files; times are all the same, so that every one has the same portrait. */
function volume(commands = OLD): string {
  const data = volumeOf(`${commands}; find . -exec touch -hd @1700000000 {} +`);
  old = live(data);
  return data;
}

/** Ends a restore before the n-th rename, whichever program makes it: as the kubelet does, TERM to the first process, KILL to all. */
async function endedAt<C extends Restore>(
  n: number,
  does: 'TERM' | 'KILL' | 'fail',
  call: C,
  run: (call: C) => Promise<Outcome> = restore,
): Promise<{ readonly outcome: Outcome; readonly renames: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'counter-'));
  const counter = join(folder, 'n');
  writeFileSync(counter, '0\n');
  bash(folder, 'chmod 777 .; chmod 666 n');
  const started = (pid: number) => writeFileSync(`${counter}.pid`, String(pid));
  const pid = `until [ -s "$COUNTER.pid" ]; do sleep 0.01; done`;
  const acts = {
    TERM: `${pid}; kill -TERM "$(cat "$COUNTER.pid")"; sleep 0.1`,
    KILL: `${pid}; kill -KILL "-$(cat "$COUNTER.pid")"; sleep 5`,
    // Not of what lies in the scratch space.
    fail: `case "$1" in *run/*) ;; *) echo "mv: cannot move: No space left on device" >&2; exit 1 ;; esac`,
  };
  const outcome = await run({
    ...call,
    started,
    standIns: { mv: mvThat(acts[does]), ...call.standIns },
    env: { ...call.env, COUNTER: counter, AT: String(n) },
  });
  const renames = Number(readFileSync(counter, 'utf8'));
  // Callers stop once there are fewer renames than n. Without any, they would check nothing.
  if (n === 1) expect(renames, 'renames to end before').toBeGreaterThan(0);
  return { outcome, renames };
}

/** Whether the next attempt would back up what is live: by the journal that this one has left. */
async function backsUp(data: string): Promise<boolean> {
  const work = mkdtempSync(join(tmpdir(), 'work-'));
  const script = join(work, 'take.sh');
  writeFileSync(script, 'echo ran >"$WORK_DIR/ran"');
  const env = { WORK_DIR: work, RESTORE_ID: 'kcdfghjm', DATA_DIR: data, DATA_PATH: '.' };
  expect((await startStep('once.sh', [script], ['dash'], env).end).status).toBe(0);
  return existsSync(join(work, 'ran'));
}

/** Whatever a run says of the volume must be so: `old` and `new` are promises. */
function expectTruth(data: string, said: string, isNew: (data: string) => boolean): void {
  if (said === 'old') expect(live(data)).toBe(old);
  if (said === 'new') expect(isNew(data)).toBe(true);
  if (said === 'none') expect(live(data)).toBe(old);
}

const isSwapped = (data: string) => live(data) === wanted && live(keptFolder(data, 'before')) === old;
const isBeside = (data: string) => live(data) === old && withoutRoot(portrait(join(data, '.backstay-restored-kcdfghjm'))) === wanted;
const isRestored = (data: string) => live(data) === wanted;
const isMerged = (data: string) =>
  bash(data, "cat a d/deep/f d/deep/mine only-old/x only-new/x ./-n $'old\\nline' $'new\\nline'; readlink l") ===
  'new\nnew\nmine\nx\nnew\ndash\nnl\nnl\nd\n';

test.each(['swap', 'merge'])('%s, killed at every rename: folders that are closed to their user are closed again in the end', async (mode) => {
  const nobodys = (commands: string) => `${commands}; chown -R 65534:65534 .`;
  const source = volumeOf(nobodys('mkdir closed both; echo new >closed/f; echo new >both/f; chmod 555 closed; chmod 511 both'));
  const call = { backup: await backupOf(source), env: { RESTORE_MODE: mode } };
  const merges = mode === 'merge';
  for (let n = 1; ; n++) {
    const data = volume(nobodys(`mkdir both shut; echo old >both/f; echo old >shut/f; chmod 550 both shut`));
    const { renames } = await endedAt(n, 'KILL', { ...call, data }, asNobody);
    if (renames < n) break;
    const again = await asNobody({ ...call, data });
    expect([again.status, stateOf(again)], `again after ${n}: ${again.stderr}`).toEqual([0, 'new']);
    expect(bash(data, 'stat -c "%a %n" closed both; cat */f'), `after ${n}`).toBe(
      merges ? '555 closed\n550 both\nnew\nnew\nold\n' : '555 closed\n511 both\nnew\nnew\n',
    );
    if (!merges) expect(live(keptFolder(data, 'before')), `after ${n}`).toBe(old);
  }
});

const MODES = [
  ['swap', isSwapped, OLD],
  ['beside', isBeside, OLD],
  ['merge', isMerged, OLD],
  ['clear', isRestored, OLD],
  ['fill', isRestored, ':'],
] as const;

describe.each(MODES)('%s, ended at every rename', (mode, isNew, commands) => {
  const env = { RESTORE_MODE: mode };

  test('SIGKILL: what is said of it is true, and another attempt brings all of it into place', async () => {
    const states = new Set<string>();
    let halves = 0;
    for (let n = 1; ; n++) {
      const data = volume(commands);
      const { outcome, renames } = await endedAt(n, 'KILL', { data, backup, env });
      if (renames < n) break;
      expect(outcome.status, `killed at rename ${n}`).toBe(null);
      states.add(stateOf(outcome));
      expectTruth(data, stateOf(outcome), isNew);
      if (await backsUp(data)) expect(live(data) === old || isNew(data), `backed up after ${n}`).toBe(true);
      else halves++;
      const again = await restore({ data, backup, env });
      expect([again.status, stateOf(again)], `again after ${n}: ${again.stderr}`).toEqual([0, 'new']);
      expect(isNew(data), `after ${n}`).toBe(true);
      expect(keptIn(data).filter((name) => !name.includes('kcdfghjm'))).toEqual(mode === 'swap' ? ['.backstay-before-TIME'] : []);
    }
    expect(halves > 0).toBe(mode !== 'beside');
    expect([...states].sort()).toEqual(
      mode === 'beside' ? ['new', 'none', 'old'].filter((state) => states.has(state)) : expect.arrayContaining(['between', 'old']),
    );
  });

  test('TERM: it ends with the old files, with the new ones, or says that it has neither', async () => {
    for (let n = 1; ; n++) {
      const data = volume(commands);
      const { outcome, renames } = await endedAt(n, 'TERM', { data, backup, env });
      if (renames < n) break;
      const end = `${outcome.status} ${stateOf(outcome)}`;
      expect(
        mode === 'clear' ? ['0 new', '70 old', '70 between', '70 none', '70 new'] : ['0 new', '70 old', '70 none', '70 new'],
        `at ${n}`,
      ).toContain(end);
      expectTruth(data, stateOf(outcome), isNew);
      if (outcome.status === 70) expect(outcome.lastWords?.reason).toMatch(/^stopped by TERM/);
      if (stateOf(outcome) === 'old') expect(keptIn(data)).toEqual([]);
      const again = await restore({ data, backup, env });
      expect([again.status, stateOf(again)], `again after ${n}: ${again.stderr}`).toEqual([0, 'new']);
      expect(isNew(data), `after ${n}`).toBe(true);
    }
  });

  test('a rename that fails: a swap moves all back, the others say what is there', async () => {
    for (let n = 1; ; n++) {
      const data = volume(commands);
      const { outcome, renames } = await endedAt(n, 'fail', { data, backup, env });
      if (renames < n) break;
      if (outcome.status === 0) expect(isNew(data)).toBe(true);
      else expect([70, 73]).toContain(outcome.lastWords?.status);
      expectTruth(data, stateOf(outcome), isNew);
      if (stateOf(outcome) === 'old') expect(keptIn(data)).toEqual([]);
      expect((await restore({ data, backup, env })).status).toBe(0);
      expect(isNew(data), `after ${n}`).toBe(true);
    }
  });
});

describe('swap, in the middle', () => {
  const PATHS = 'a\nd/deep/f\nonly-new';

  test('SIGKILL at every rename, and then swap-back: the old files, wholly', async () => {
    for (let n = 1; ; n++) {
      const data = volume();
      const { outcome, renames } = await endedAt(n, 'KILL', { data, backup });
      if (renames < n) break;
      const back = await restore({ data, env: { RESTORE_ACTION: 'swap-back' } });
      // Before the journal there is nothing to be undone.
      expect([0, 64], `after ${n} (${stateOf(outcome)}): ${back.stderr}`).toContain(back.status);
      expect(live(data), `after ${n}`).toBe(old);
      if (stateOf(outcome) === 'between') expect([back.status, stateOf(back)]).toEqual([0, 'new']);
    }
  });

  test.each(['KILL', 'TERM', 'fail'] as const)(
    'swap-back, ended by %s at every rename: an attempt after it brings the old files back',
    async (does) => {
      for (let n = 1; ; n++) {
        const data = volume();
        await restore({ data, backup });
        const { outcome, renames } = await endedAt(n, does, { data, env: { RESTORE_ACTION: 'swap-back' } });
        if (renames < n) break;
        if (stateOf(outcome) === 'old') expect(isSwapped(data), `at ${n}`).toBe(true);
        if (stateOf(outcome) === 'new') expect(live(data), `at ${n}`).toBe(old);
        const again = await restore({ data, env: { RESTORE_ACTION: 'swap-back' } });
        expect(again.status, `again after ${n}: ${again.stderr}`).toBe(0);
        expect(live(data), `after ${n}`).toBe(old);
        expect(live(keptFolder(data, 'undone')), `after ${n}`).toBe(wanted);
      }
    },
  );

  test('only some paths: SIGKILL at every rename, and both ways on', async () => {
    const all = volume();
    await restore({ data: all, backup, env: { PATHS } });
    const restored = live(all);
    const withoutTimes = (text: string) => text.replace(/ d (\d+ \d+ \d+) \S+/g, ' d $1');
    for (let n = 1; ; n++) {
      const [data, other] = [volume(), volume()];
      const { renames } = await endedAt(n, 'KILL', { data, backup, env: { PATHS } });
      if (renames < n) break;
      await endedAt(n, 'KILL', { data: other, backup, env: { PATHS } });
      expect((await restore({ data, backup, env: { PATHS } })).status).toBe(0);
      expect(withoutTimes(live(data)), `after ${n}`).toBe(withoutTimes(restored));
      await restore({ data: other, env: { RESTORE_ACTION: 'swap-back', PATHS } });
      expect(withoutTimes(live(other)), `back after ${n}`).toBe(withoutTimes(old));
    }
  });

  test('an attempt after it needs no backup, and goes on with the one that was unpacked', async () => {
    const data = volume();
    const before = old;
    const { outcome } = await endedAt(10, 'KILL', { data, backup });
    expect(stateOf(outcome)).toBe('between');
    const other = await backupOf(volumeOf('echo another backup >a'));
    const work = fetched(other);
    writeFileSync(join(work, 'run', 'backup'), '20991231-030000-other\n');
    const again = await restore({ data, work });
    expect(again.lastWords?.reason).toContain('of 20261121-030000-bcdfpqrs are in');
    expect(live(data)).toBe(wanted);
    expect(live(keptFolder(data, 'before'))).toBe(before);
  });

  test('another restore into the same folder is refused, and names what helps', async () => {
    const data = volume();
    await endedAt(10, 'KILL', { data, backup });
    const other = await restore({ data, backup, env: { RESTORE_ID: 'other' } });
    expect(other.lastWords).toMatchObject({
      status: 64,
      reason: 'restore kcdfghjm was stopped between the old and the restored files',
      hint: expect.stringContaining('run it again'),
    });
    expect(keptIn(data)).not.toContain('.backstay-restore-other');
  });

  test('what an application writes meanwhile is set aside', async () => {
    const data = volume();
    const write = 'real mv "$@" || exit; case "$*" in *only-old*) echo stray >"$DATA_DIR/a" ;; esac';
    const outcome = await restore({ data, backup, standIns: { mv: standIn(write) } });
    expect(outcome.status).toBe(0);
    expect(bash(data, 'cat a .backstay-undone-*/a .backstay-before-*/a')).toBe('new\nstray\nold\n');
    expect(outcome.stderr).toContain('warn volume-restore: something wrote a meanwhile');
  });
});

describe.each(['merge', 'clear'])('%s, killed in the middle', (mode) => {
  /** The first rename after which its state is between. */
  async function killed(): Promise<string> {
    for (let n = 1; n < 40; n++) {
      const data = volume();
      const { outcome } = await endedAt(n, 'KILL', { data, backup, env: { RESTORE_MODE: mode } });
      if (stateOf(outcome) === 'between') return data;
    }
    throw new Error('never between');
  }

  test.each([
    ['a copy beside', { RESTORE_MODE: 'beside' }],
    ['a merge', { RESTORE_MODE: 'merge' }],
    ['a part', { RESTORE_MODE: 'swap', PATHS: 'a' }],
  ])('%s of another restore is refused: the rest would stay half done, and look whole', async (_, env) => {
    const data = await killed();
    const before = live(data);
    const other = await restore({ data, backup, env: { RESTORE_ID: 'other', ...env } });
    expect([other.lastWords?.status, stateOf(other)]).toEqual([64, 'between']);
    expect(other.lastWords?.reason).toBe('restore kcdfghjm was stopped while files came into place');
    expect(live(data)).toBe(before);
    expect(keptIn(data)).toContain('.backstay-restore-kcdfghjm');
  });

  test('all of it by another restore takes over', async () => {
    const data = await killed();
    expect((await restore({ data, backup, env: { RESTORE_ID: 'other', RESTORE_MODE: 'swap' } })).status).toBe(0);
    expect(live(data)).toBe(wanted);
  });
});

describe('unpacking, ended', () => {
  const tools = [
    ['openssl', '-r'],
    ['tar', '--list'],
    ['tar', '--extract'],
    ['find', '-mindepth'],
    ['sync', ''],
  ] as const;

  test.each(['TERM', 'KILL'].flatMap((signal) => tools.map(([tool, words]) => [signal, tool, words] as const)))(
    '%s at %s %s: the old files are whole',
    async (signal, tool, words) => {
      const data = volume();
      const pidFile = join(mkdtempSync(join(tmpdir(), 'pid-')), 'pid');
      const victim = signal === 'TERM' ? '$(cat "$PID_FILE")' : '-$(cat "$PID_FILE")';
      const body = `case "$*" in *'${words}'*) until [ -s "$PID_FILE" ]; do sleep 0.01; done; kill -${signal} ${victim}; sleep 0.3;; esac; real ${tool} "$@"`;
      const outcome = await restore({
        data,
        backup,
        env: { PID_FILE: pidFile },
        standIns: { [tool]: standIn(body) },
        started: (pid) => writeFileSync(pidFile, String(pid)),
      });
      expect(outcome.status).toBe(signal === 'TERM' ? 70 : null);
      expect(stateOf(outcome)).toBe('old');
      expect(live(data)).toBe(old);
      if (signal === 'TERM') {
        expect(outcome.lastWords).toMatchObject({
          reason: expect.stringContaining('stopped by TERM'),
          hint: 'nothing has changed; run the restore again',
        });
        expect(keptIn(data)).toEqual([]);
      }
      const again = await restore({ data, backup });
      expect(again.status).toBe(0);
      expect(isSwapped(data)).toBe(true);
      expect(keptIn(data)).toEqual(['.backstay-before-TIME', '.backstay-restore-kcdfghjm']);
    },
  );
});

test('drop-old, killed in the middle: it goes on, and what is half deleted never comes back', async () => {
  const data = volume();
  await restore({ data, backup });
  const pidFile = join(mkdtempSync(join(tmpdir(), 'pid-')), 'pid');
  const body = `case "$*" in *before*) real rm -f "$2/a"; until [ -s "$PID_FILE" ]; do sleep 0.01; done; kill -KILL "-$(cat "$PID_FILE")"; sleep 5;; esac; real rm "$@"`;
  await restore({
    data,
    env: { RESTORE_ACTION: 'drop-old', PID_FILE: pidFile },
    standIns: { rm: standIn(body) },
    started: (pid) => writeFileSync(pidFile, String(pid)),
  });
  const back = await restore({ data, env: { RESTORE_ACTION: 'swap-back' } });
  expect(back.status).toBe(64);
  expect(live(data)).toBe(wanted);
  expect((await restore({ data, env: { RESTORE_ACTION: 'drop-old' } })).status).toBe(0);
  expect(keptIn(data)).toEqual([]);
});
