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
import { bash, endScript, endsAt, portrait, standIn, volumeOf, withPidFile } from '../support/volume.ts';

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

/** A volume with the old files, all with the same time, so that all these volumes have the same portrait. */
function volume(commands = OLD): string {
  const data = volumeOf(`${commands}; find . -exec touch -hd @1700000000 {} +`);
  old = live(data);
  return data;
}

/** Ends a restore before its n-th rename, like the kubelet: TERM to the first process, KILL to all. */
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
  const { env, started } = withPidFile();
  const acts = {
    TERM: `${endScript('TERM')}; sleep 0.1`,
    KILL: `${endScript('KILL')}; sleep 5`,
    // Renames within the scratch space succeed.
    fail: `case "$1" in *run/*) ;; *) echo "mv: cannot move: No space left on device" >&2; exit 1 ;; esac`,
  };
  const outcome = await run({
    ...call,
    started,
    standIns: { mv: mvThat(acts[does]), ...call.standIns },
    env: { ...call.env, ...env, COUNTER: counter, AT: String(n) },
  });
  const renames = Number(readFileSync(counter, 'utf8'));
  // Callers stop once there are fewer renames than n. Without any, they would check nothing.
  if (n === 1) expect(renames, 'renames to end before').toBeGreaterThan(0);
  return { outcome, renames };
}

/** Whether the run made fewer than n renames, so that all of them have been tried. A run always makes several. */
function isPastTheLast(n: number, renames: number): boolean {
  if (renames >= n) return false;
  expect(renames, 'renames of a run that nothing ended').toBeGreaterThan(3);
  return true;
}

/** Whether the next attempt would make a safety backup of the live files, judging by the journal. */
async function backsUp(data: string): Promise<boolean> {
  const work = mkdtempSync(join(tmpdir(), 'work-'));
  const script = join(work, 'take.sh');
  writeFileSync(script, 'echo ran >"$WORK_DIR/ran"');
  const env = { WORK_DIR: work, RESTORE_ID: 'kcdfghjm', DATA_DIR: data, DATA_PATH: '.' };
  expect((await startStep('once.sh', [script], ['dash'], env).end).status).toBe(0);
  return existsSync(join(work, 'ran'));
}

/** The state that a run leaves must be true: `old` and `new` are promises, and `none` means nothing has changed. */
function expectTruth(data: string, said: string, isNew: (data: string) => boolean): void {
  if (said === 'old' || said === 'none') expect(live(data)).toBe(old);
  if (said === 'new') expect(isNew(data)).toBe(true);
}

const isSwapped = (data: string) => live(data) === wanted && live(keptFolder(data, 'before')) === old;
const isBeside = (data: string) => live(data) === old && withoutRoot(portrait(join(data, '.backstay-restored-kcdfghjm'))) === wanted;
const isRestored = (data: string) => live(data) === wanted;
const isMerged = (data: string) =>
  bash(data, "cat a d/deep/f d/deep/mine only-old/x only-new/x ./-n $'old\\nline' $'new\\nline'; readlink l") ===
  'new\nnew\nmine\nx\nnew\ndash\nnl\nnl\nd\n';

test.each(['swap', 'merge'])('%s, killed at every rename: the next attempt restores the modes of read-only folders', async (mode) => {
  const nobodys = (commands: string) => `${commands}; chown -R 65534:65534 .`;
  const source = volumeOf(nobodys('mkdir closed both; echo new >closed/f; echo new >both/f; chmod 555 closed; chmod 511 both'));
  const call = { backup: await backupOf(source), env: { RESTORE_MODE: mode } };
  const merges = mode === 'merge';
  for (let n = 1; ; n++) {
    const data = volume(nobodys(`mkdir both shut; echo old >both/f; echo old >shut/f; chmod 550 both shut`));
    const { renames } = await endedAt(n, 'KILL', { ...call, data }, asNobody);
    if (isPastTheLast(n, renames)) break;
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

  test('SIGKILL: the recorded state is true, and the next attempt completes the restore', async () => {
    const states = new Set<string>();
    let halves = 0;
    for (let n = 1; ; n++) {
      const data = volume(commands);
      const { outcome, renames } = await endedAt(n, 'KILL', { data, backup, env });
      if (isPastTheLast(n, renames)) break;
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
    expect(states).toContain('old');
    expect(states.has('between')).toBe(mode !== 'beside');
  });

  test('TERM: it ends with the old files or the new ones, or its state is between', async () => {
    for (let n = 1; ; n++) {
      const data = volume(commands);
      const { outcome, renames } = await endedAt(n, 'TERM', { data, backup, env });
      if (isPastTheLast(n, renames)) break;
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

  test('a rename that fails: the recorded state is true, and the next attempt completes the restore', async () => {
    for (let n = 1; ; n++) {
      const data = volume(commands);
      const { outcome, renames } = await endedAt(n, 'fail', { data, backup, env });
      if (isPastTheLast(n, renames)) break;
      if (outcome.status === 0) expect(isNew(data)).toBe(true);
      else expect([70, 73]).toContain(outcome.lastWords?.status);
      expectTruth(data, stateOf(outcome), isNew);
      if (stateOf(outcome) === 'old') expect(keptIn(data)).toEqual([]);
      expect((await restore({ data, backup, env })).status).toBe(0);
      expect(isNew(data), `after ${n}`).toBe(true);
    }
  });
});

describe('an interrupted swap', () => {
  const PATHS = 'a\nd/deep/f\nonly-new';

  test('SIGKILL at every rename: swap-back restores all of the old files', async () => {
    for (let n = 1; ; n++) {
      const data = volume();
      const { outcome, renames } = await endedAt(n, 'KILL', { data, backup });
      if (isPastTheLast(n, renames)) break;
      const back = await restore({ data, env: { RESTORE_ACTION: 'swap-back' } });
      // Without a journal there is nothing to undo.
      expect([0, 64], `after ${n} (${stateOf(outcome)}): ${back.stderr}`).toContain(back.status);
      expect(live(data), `after ${n}`).toBe(old);
      if (stateOf(outcome) === 'between') expect([back.status, stateOf(back)]).toEqual([0, 'new']);
    }
  });

  test.each(['KILL', 'TERM', 'fail'] as const)('swap-back, ended by %s at every rename: the next attempt restores the old files', async (does) => {
    for (let n = 1; ; n++) {
      const data = volume();
      await restore({ data, backup });
      const { outcome, renames } = await endedAt(n, does, { data, env: { RESTORE_ACTION: 'swap-back' } });
      if (isPastTheLast(n, renames)) break;
      if (stateOf(outcome) === 'old') expect(isSwapped(data), `at ${n}`).toBe(true);
      if (stateOf(outcome) === 'new') expect(live(data), `at ${n}`).toBe(old);
      const again = await restore({ data, env: { RESTORE_ACTION: 'swap-back' } });
      expect(again.status, `again after ${n}: ${again.stderr}`).toBe(0);
      expect(live(data), `after ${n}`).toBe(old);
      expect(live(keptFolder(data, 'undone')), `after ${n}`).toBe(wanted);
    }
  });

  test('of some paths, SIGKILL at every rename: the next attempt completes it, and swap-back undoes it', async () => {
    const all = volume();
    await restore({ data: all, backup, env: { PATHS } });
    const restored = live(all);
    const withoutTimes = (text: string) => text.replace(/ d (\d+ \d+ \d+) \S+/g, ' d $1');
    for (let n = 1; ; n++) {
      const [data, other] = [volume(), volume()];
      const { renames } = await endedAt(n, 'KILL', { data, backup, env: { PATHS } });
      if (isPastTheLast(n, renames)) break;
      await endedAt(n, 'KILL', { data: other, backup, env: { PATHS } });
      expect((await restore({ data, backup, env: { PATHS } })).status).toBe(0);
      expect(withoutTimes(live(data)), `after ${n}`).toBe(withoutTimes(restored));
      await restore({ data: other, env: { RESTORE_ACTION: 'swap-back', PATHS } });
      expect(withoutTimes(live(other)), `back after ${n}`).toBe(withoutTimes(old));
    }
  });

  test('is resumed with the backup that was unpacked, even if another one was fetched', async () => {
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

  test('blocks another restore into the same folder, with a hint', async () => {
    const data = volume();
    await endedAt(10, 'KILL', { data, backup });
    const other = await restore({ data, backup, env: { RESTORE_ID: 'other' } });
    expect(other.lastWords).toMatchObject({
      status: 64,
      reason: 'restore kcdfghjm was interrupted during its swap',
      hint: expect.stringContaining('run it again'),
    });
    expect(keptIn(data)).not.toContain('.backstay-restore-other');
  });

  test('files that an application writes during a swap are set aside', async () => {
    const data = volume();
    const write = 'real mv "$@" || exit; case "$*" in *only-old*) echo stray >"$DATA_DIR/a" ;; esac';
    const outcome = await restore({ data, backup, standIns: { mv: standIn(write) } });
    expect(outcome.status).toBe(0);
    expect(bash(data, 'cat a .backstay-undone-*/a .backstay-before-*/a')).toBe('new\nstray\nold\n');
    expect(outcome.stderr).toMatch(/ warn volume-restore: an application wrote during the swap, set aside in \.backstay-undone-\d{8}-\d{6}: a $/m);
  });
});

describe.each(['merge', 'clear'])('%s, killed halfway', (mode) => {
  /** A volume after the first kill that leaves the state between. */
  async function killed(): Promise<string> {
    for (let n = 1; n < 40; n++) {
      const data = volume();
      const { outcome } = await endedAt(n, 'KILL', { data, backup, env: { RESTORE_MODE: mode } });
      if (stateOf(outcome) === 'between') return data;
    }
    throw new Error('never between');
  }

  test.each([
    ['a restore beside', { RESTORE_MODE: 'beside' }],
    ['a merge', { RESTORE_MODE: 'merge' }],
    ['a swap of some paths', { RESTORE_MODE: 'swap', PATHS: 'a' }],
  ])('refuses %s with another id, because the rest would stay half done and look complete', async (_, env) => {
    const data = await killed();
    const before = live(data);
    const other = await restore({ data, backup, env: { RESTORE_ID: 'other', ...env } });
    expect([other.lastWords?.status, stateOf(other)]).toEqual([64, 'between']);
    expect(other.lastWords?.reason).toBe('restore kcdfghjm was interrupted while it moved files into place');
    expect(live(data)).toBe(before);
    expect(keptIn(data)).toContain('.backstay-restore-kcdfghjm');
  });

  test('another restore of the whole folder takes over', async () => {
    const data = await killed();
    expect((await restore({ data, backup, env: { RESTORE_ID: 'other', RESTORE_MODE: 'swap' } })).status).toBe(0);
    expect(live(data)).toBe(wanted);
  });
});

describe('ended while unpacking', () => {
  const tools = [
    ['openssl', '-r'],
    ['tar', '--list'],
    ['tar', '--extract'],
    ['find', '-mindepth'],
    ['sync', ''],
  ] as const;

  test.each(['TERM', 'KILL'].flatMap((signal) => tools.map(([tool, words]) => [signal, tool, words] as const)))(
    '%s at %s %s: the live files are untouched, and the next attempt succeeds',
    async (signal, tool, words) => {
      const data = volume();
      const outcome = await restore({ data, backup, standIns: { [tool]: standIn(endsAt(signal, tool, words)) }, ...withPidFile() });
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

test('drop-old, killed halfway: swap-back of half-deleted files is refused, and the next drop-old finishes', async () => {
  const data = volume();
  await restore({ data, backup });
  const { env, started } = withPidFile();
  const body = `case "$*" in *before*) real rm -f "$2/a"; ${endScript('KILL')}; sleep 5;; esac; real rm "$@"`;
  await restore({ data, env: { RESTORE_ACTION: 'drop-old', ...env }, started, standIns: { rm: standIn(body) } });
  const back = await restore({ data, env: { RESTORE_ACTION: 'swap-back' } });
  expect(back.status).toBe(64);
  expect(live(data)).toBe(wanted);
  expect((await restore({ data, env: { RESTORE_ACTION: 'drop-old' } })).status).toBe(0);
  expect(keptIn(data)).toEqual([]);
});
