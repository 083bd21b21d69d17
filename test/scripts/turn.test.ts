import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../support/cluster/until.ts';
import { FLAT } from '../support/flat-scripts.ts';
import { SHELLS } from '../support/run-script.ts';
import { endOfTurn, startTurn, type TurnOptions } from '../support/turns.ts';

describe.concurrent.each(SHELLS)('turn.sh under %s', (_, shell) => {
  /** A pod: its scratch space, and functions that start its steps. */
  function pod() {
    const work = mkdtempSync(join(tmpdir(), 'work-'));
    const start = (turn: string, options: Partial<TurnOptions> = {}) => startTurn({ work, shell, turn, ...options });
    const notes = join(work, 'notes');
    const note = (text: string) => `echo ${text} >>'${notes}'`;
    const noted = () => (existsSync(notes) ? readFileSync(notes, 'utf8').trim().split('\n') : []);
    const isNoted = (text: string) => until(`'${text}' in the notes`, 30, () => (noted().includes(text) ? true : undefined));
    const begun = (turn: string) => until(`${turn} begins`, 30, () => (existsSync(join(work, 'turns', `${turn}.begun`)) ? true : undefined));
    return { work, start, note, noted, isNoted, begun };
  }

  test('runs steps in order whatever order they start in, and each ends with its own status', async () => {
    const { work, start, note, noted, begun } = pod();
    const third = start('record', { after: 'restore', body: note('record') });
    await begun('record');
    const second = start('restore', { after: 'publish', body: `sleep 0.5; ${note('restore')}` });
    await begun('restore');
    const first = start('publish', { body: `sleep 0.5; ${note('publish')}` });
    const ends = await Promise.all([first.end, second.end, third.end]);
    expect(ends.map(({ status, lastWords }) => [status, lastWords])).toEqual([
      [0, undefined],
      [0, undefined],
      [0, undefined],
    ]);
    expect(noted()).toEqual(['publish', 'restore', 'record']);
    expect(['publish', 'restore', 'record'].map((turn) => endOfTurn(work, turn))).toEqual(['0', '0', '0']);
  });

  test('a failed step skips all later ones: each names it, and it alone fails', async () => {
    const { work, start, note, noted } = pod();
    const steps = [
      start('record', { after: 'restore', body: note('record') }),
      start('restore', { after: 'publish', body: note('restore') }),
      start('publish', { body: 'exit 69' }),
    ];
    const [record, restore, publish] = await Promise.all(steps.map(({ end }) => end));
    expect([publish?.status, restore?.status, record?.status]).toEqual([69, 0, 0]);
    expect(restore?.lastWords).toEqual({ phase: 'restore', status: 0, reason: 'skipped: publish ended with 69' });
    expect(record?.lastWords).toEqual({ phase: 'record', status: 0, reason: 'skipped: publish ended with 69' });
    expect(noted()).toEqual([]);
    expect(endOfTurn(work, 'publish')).toBe('69');
    expect(endOfTurn(work, 'restore')).toBe('75\npublish ended with 69');
  });

  test('a step that is killed while it works skips the later ones', async () => {
    const { work, start, note, noted, isNoted } = pod();
    const first = start('restore', { body: `${note('begun')}; exec sleep 60` });
    const second = start('record', { after: 'restore', body: note('record') });
    await isNoted('begun');
    first.kill('KILL');
    const end = await second.end;
    expect(end).toMatchObject({ status: 0, lastWords: { reason: 'skipped: restore was killed' } });
    expect(noted()).toEqual(['begun']);
    expect(endOfTurn(work, 'restore')).toBeUndefined();
  });

  test('a step that is killed while it waits skips the later ones, and the working step continues', async () => {
    const { work, start, note, noted, isNoted, begun } = pod();
    const first = start('publish', { body: `${note('begun')}; sleep 1.5; ${note('done')}` });
    await isNoted('begun');
    const second = start('restore', { after: 'publish', body: note('restore') });
    const third = start('record', { after: 'restore', body: note('record') });
    await Promise.all([begun('restore'), begun('record')]);
    second.kill('KILL');
    expect((await third.end).lastWords).toMatchObject({ reason: 'skipped: restore was killed' });
    expect(endOfTurn(work, 'publish')).toBeUndefined();
    expect((await first.end).status).toBe(0);
    expect(noted()).toEqual(['begun', 'done']);
  });

  test('TERM reaches the script, which leads its process group, and the turn ends with the status of the script', async () => {
    const { work, start, note, noted, isNoted } = pod();
    const body = `trap 'sleep 1; ${note('undone').replaceAll("'", '"')}; exit 73' TERM
      ps -o pgid= -p $$ | tr -d ' ' >"$WORK_DIR/group"; echo $$ >"$WORK_DIR/pid"
      ${note('begun')}; while :; do sleep 0.1; done`;
    const first = start('restore', { body });
    const second = start('record', { after: 'restore', body: note('record') });
    await isNoted('begun');
    first.kill('TERM');
    first.kill('TERM');
    expect((await first.end).status).toBe(73);
    expect((await second.end).lastWords).toMatchObject({ reason: 'skipped: restore ended with 73' });
    expect(noted()).toEqual(['begun', 'undone']);
    expect(readFileSync(join(work, 'group'), 'utf8')).toBe(readFileSync(join(work, 'pid'), 'utf8'));
  });

  test('TERM before its turn ends the step, and its script never runs', async () => {
    const { work, start, note, noted, begun } = pod();
    const step = start('restore', { after: 'guard', body: note('restore') });
    await begun('restore');
    step.kill('TERM');
    const end = await step.end;
    expect(end).toMatchObject({ status: 70, lastWords: { phase: 'restore', status: 70, reason: 'stopped by TERM before its turn' } });
    expect(endOfTurn(work, 'restore')).toBe('70');
    expect(noted()).toEqual([]);
  });

  test('a script that is killed gets last words', async () => {
    const { work, start } = pod();
    const end = await start('restore', { body: 'kill -KILL $$' }).end;
    expect(end).toMatchObject({ status: 137, lastWords: { phase: 'restore', status: 137, reason: 'killed by signal 9' } });
    expect(endOfTurn(work, 'restore')).toBe('137');
  });

  test('keeps last words that the script wrote itself', async () => {
    const { start } = pod();
    const end = await start('restore', { body: `echo '{"reason":"mine"}' >"$TERMINATION_LOG"; kill -KILL $$` }).end;
    expect(end.lastWords).toEqual({ reason: 'mine' });
  });

  test('a free turn starts although the turns are closed, so that a successful restore is always recorded', async () => {
    const { work, start, note, noted } = pod();
    mkdirSync(join(work, 'turns'));
    writeFileSync(join(work, 'turns/.closed'), '');
    writeFileSync(join(work, 'turns/restore'), '0\n');
    const end = await start('record', { after: 'restore', body: note('record'), env: { TURN_FREE: 'true' } }).end;
    expect([end.status, noted()]).toEqual([0, ['record']]);
  });

  test('no other turn starts once the turns are closed', async () => {
    const { work, start, note, noted } = pod();
    mkdirSync(join(work, 'turns'));
    writeFileSync(join(work, 'turns/.closed'), '');
    writeFileSync(join(work, 'turns/publish'), '0\n');
    const end = await start('restore', { after: 'publish', body: note('restore') }).end;
    expect(end).toMatchObject({ status: 0, lastWords: { reason: 'skipped: the guard has closed all turns' } });
    expect([noted(), readdirSync(join(work, 'turns')).includes('restore.working')]).toEqual([[], false]);
  });

  test('a server that the script leaves behind does not hold the lock', async () => {
    const { work, start } = pod();
    await start('restore', { body: 'sleep 30 & echo $! >"$WORK_DIR/left"' }).end;
    const free = spawnSync('flock', ['-n', join(work, 'turns/restore.lock'), 'true']).status;
    process.kill(Number(readFileSync(join(work, 'left'), 'utf8')));
    expect(free).toBe(0);
  });

  test('names a missing variable, and later turns do not wait for the failed one', async () => {
    const { work, start } = pod();
    const end = await startTurn({ work, shell, turn: 'restore', env: { TURN: '' } }).end;
    expect(end).toMatchObject({ status: 64, lastWords: { reason: 'not set or empty: TURN' } });
    const { status } = await start('restore', { body: 'exit 64' }).end;
    expect([status, endOfTurn(work, 'restore')]).toEqual([64, '64']);
  });

  test('a turn that is ending never looks killed, in a hundred rounds', async () => {
    const { work } = pod();
    const look = `#!/bin/sh
set -eu
. ${FLAT}/turns.sh
turns=$WORK_DIR/turns TURN=$1 TURN_AFTER=
if [ "$2" = end ]; then hold_turn; write_turn "$TURN" 0; exit; fi
until [ -e "$turns/$TURN.begun" ]; do :; done
until is_over "$TURN"; do :; done
[ "$(turn_status "$TURN")" = 0 ] || echo "killed?"`;
    const file = join(work, 'look.sh');
    writeFileSync(file, look);
    const [program = 'sh', ...flags] = shell;
    const command = [program, ...flags, file].join(' ');
    const rounds = 'i=0; while [ $i -lt 100 ]; do i=$((i + 1)); $RUN t$i look & $RUN t$i end; wait $!; done';
    const { stdout, stderr, status } = spawnSync('sh', ['-euc', rounds], { encoding: 'utf8', env: { ...process.env, WORK_DIR: work, RUN: command } });
    expect({ stdout, stderr, status }).toEqual({ stdout: '', stderr: '', status: 0 });
  });
});
