import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../support/cluster/until.ts';
import { FLAT } from '../support/flat-scripts.ts';
import { SHELLS } from '../support/run-script.ts';
import { endOfTurn, startStep } from '../support/turns.ts';

describe.concurrent.each(SHELLS)('once.sh under %s', (_, shell) => {
  /** A scratch space, and a script that records that it ran. */
  function pod(body = '') {
    const work = mkdtempSync(join(tmpdir(), 'work-'));
    const [script, notes] = [join(work, 'take.sh'), join(work, 'notes')];
    writeFileSync(script, `#!/bin/sh\nset -eu\necho ran >>'${notes}'\n${body}\n`);
    const left = (file: string, text: string) => {
      mkdirSync(join(work, 'run'), { recursive: true });
      writeFileSync(join(work, 'run', file), text);
    };
    const safe = (text: string) => left('safe', text);
    const start = (env = {}) => startStep('once.sh', [script], shell, { WORK_DIR: work, RESTORE_ID: 'hjkmnpqr', ...env });
    const inTurn = () => startStep('turn.sh', [join(FLAT, 'once.sh'), script], shell, { WORK_DIR: work, RESTORE_ID: 'hjkmnpqr', TURN: 'take' });
    return { work, left, safe, start, inTurn, ran: () => existsSync(notes), noted: () => (existsSync(notes) ? readFileSync(notes, 'utf8') : '') };
  }

  test.each([0, 65])('runs the script when there is no safety backup yet, and exits with its status %d', async (status) => {
    const { start, ran } = pod(`exit ${status}`);
    expect((await start().end).status).toBe(status);
    expect(ran()).toBe(true);
  });

  test('skips the script when an earlier attempt has made the safety backup, and names that backup', async () => {
    const { safe, start, ran } = pod();
    safe('{"version":"backstay/v1","name":"20261121-093000-bcdfghjk"}\n');
    const { status, lastWords } = await start().end;
    expect({ status, lastWords, ran: ran() }).toEqual({
      status: 0,
      lastWords: { phase: 'once', status: 0, reason: 'safety backup made by an earlier attempt: 20261121-093000-bcdfghjk' },
      ran: false,
    });
  });

  test('makes no safety backup for a restore that is already done, whichever attempt made one before', async () => {
    const { left, start, ran } = pod();
    left('already', '{"version":"backstay/v1"}\n');
    left('outdated', '{"version":"backstay/v1","name":"20261121-093000-bcdfghjk"}\n');
    const { status, lastWords } = await start().end;
    expect({ status, reason: lastWords?.reason, ran: ran() }).toEqual({
      status: 0,
      reason: 'already done: nothing is replaced, so no safety backup is needed',
      ran: false,
    });
  });

  test.each(['', '{"name":'])('a safety backup counts even if its name is unreadable: %j', async (text) => {
    const { safe, start, ran } = pod();
    safe(text);
    const { status, lastWords } = await start().end;
    expect({ status, reason: lastWords?.reason, ran: ran() }).toEqual({ status: 0, reason: 'safety backup made by an earlier attempt', ran: false });
  });

  /** A claim in which an attempt left a journal. */
  function claimWith(phase: string, { id = 'hjkmnpqr', path = '.' } = {}) {
    const DATA_DIR = mkdtempSync(join(tmpdir(), 'claim-'));
    const own = join(DATA_DIR, path, `.backstay-restore-${id}`);
    mkdirSync(own, { recursive: true });
    if (phase) writeFileSync(join(own, 'journal'), `phase ${phase}\nbackup 20261121-093000-bcdfghjk\nmode swap\n`);
    return { DATA_DIR, DATA_PATH: path };
  }

  const BEFORE = '{"version":"backstay/v1","name":"20261101-093000-bcdfghjk"}\n';

  test('makes another safety backup when the earlier one is outdated', async () => {
    const { left, start, ran } = pod();
    left('outdated', BEFORE);
    expect([(await start().end).status, ran()]).toEqual([0, true]);
  });

  test.each(['', 'unpacking', 'done', 'undone', 'dropping'])('backs up files that are all old or all restored: phase %j', async (phase) => {
    const { left, start, ran } = pod();
    left('outdated', BEFORE);
    expect([(await start(claimWith(phase)).end).status, ran()]).toEqual([0, true]);
  });

  test.each(['clearing', 'swapping', 'undoing', 'merging'])(
    'never backs up half-restored data, in any step, and names the backup from before: phase %s',
    async (phase) => {
      const { left, start, ran } = pod();
      left('outdated', BEFORE);
      for (const env of [claimWith(phase, { path: 'shop/files' }), {}]) {
        const { status, lastWords } = await start(env).end;
        expect({ status, reason: lastWords?.reason, ran: ran() }).toEqual({
          status: 0,
          reason: 'no safety backup of half-restored data: 20261101-093000-bcdfghjk has the data from before',
          ran: false,
        });
      }
    },
  );

  test('never backs up half-restored data, and says so when the backup from before was deleted', async () => {
    const { start, ran } = pod();
    for (const env of [claimWith('clearing'), {}]) {
      const { status, lastWords, stderr } = await start(env).end;
      expect({ status, reason: lastWords?.reason, ran: ran() }).toEqual({
        status: 0,
        reason: 'no safety backup of half-restored data: no backup from before is stored any more',
        ran: false,
      });
      expect(stderr).toMatch(/ warn once: no safety backup of half-restored data/);
    }
  });

  test('backs up data that another restore left half restored, because this restore has no backup from before', async () => {
    const { start, ran } = pod();
    expect([(await start(claimWith('swapping', { id: 'zzzzzzzz' })).end).status, ran()]).toEqual([0, true]);
  });

  test('TERM reaches the script, which undoes its work', async () => {
    const { work, start, ran } = pod(`trap 'echo undone >"${'$'}WORK_DIR/undone"; exit 70' TERM\nwhile :; do sleep 0.1; done`);
    const step = start();
    await until('the script', 30, () => (ran() ? true : undefined));
    step.kill('TERM');
    expect((await step.end).status).toBe(70);
    expect(readFileSync(join(work, 'undone'), 'utf8')).toBe('undone\n');
  });

  test('takes its turn like any other step, whether or not it has work to do', async () => {
    const [first, later] = [pod('exit 69'), pod()];
    later.safe('{"name":"x"}');
    expect((await first.inTurn().end).status).toBe(69);
    expect([first.ran(), endOfTurn(first.work, 'take')]).toEqual([true, '69']);
    const { status, lastWords } = await later.inTurn().end;
    expect({ status, reason: lastWords?.reason, ran: later.ran(), turn: endOfTurn(later.work, 'take') }).toEqual({
      status: 0,
      reason: 'safety backup made by an earlier attempt: x',
      ran: false,
      turn: '0',
    });
  });
});

test('refuses to run without a script', async () => {
  const { status, lastWords } = await startStep('once.sh', [], ['dash'], { WORK_DIR: mkdtempSync(join(tmpdir(), 'work-')), RESTORE_ID: 'hjkmnpqr' })
    .end;
  expect({ status, reason: lastWords?.reason }).toEqual({ status: 64, reason: 'expected a script to run' });
});
