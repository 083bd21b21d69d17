import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../support/cluster/until.ts';
import { FLAT } from '../support/flat-scripts.ts';
import { SHELLS } from '../support/run-script.ts';
import { endOfTurn, startStep } from '../support/turns.ts';

describe.concurrent.each(SHELLS)('once.sh under %s', (_, shell) => {
  /** A scratch space, and a script that notes that it ran. */
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

  test.each([0, 65])('a script that has not made its backup yet runs, and ends as it ends: %d', async (status) => {
    const { start, ran } = pod(`exit ${status}`);
    expect((await start().end).status).toBe(status);
    expect(ran()).toBe(true);
  });

  test('where an attempt before this one has made the backup, the script does not run, and the last words name it', async () => {
    const { safe, start, ran } = pod();
    safe('{"version":"backstay/v1","name":"20261121-093000-bcdfghjk"}\n');
    const { status, lastWords } = await start().end;
    expect({ status, lastWords, ran: ran() }).toEqual({
      status: 0,
      lastWords: { phase: 'once', status: 0, reason: 'backed up by an attempt before this one: 20261121-093000-bcdfghjk' },
      ran: false,
    });
  });

  test('P91: of a restore that was done nothing is backed up, whoever made the backup before it', async () => {
    const { left, start, ran } = pod();
    left('already', '{"version":"backstay/v1"}\n');
    left('outdated', '{"version":"backstay/v1","name":"20261121-093000-bcdfghjk"}\n');
    const { status, lastWords } = await start().end;
    expect({ status, reason: lastWords?.reason, ran: ran() }).toEqual({
      status: 0,
      reason: 'already done: nothing gives way, so nothing is backed up',
      ran: false,
    });
  });

  test.each(['', '{"name":'])('that it was made counts although nobody can read its name: %j', async (text) => {
    const { safe, start, ran } = pod();
    safe(text);
    const { status, lastWords } = await start().end;
    expect({ status, reason: lastWords?.reason, ran: ran() }).toEqual({ status: 0, reason: 'backed up by an attempt before this one', ran: false });
  });

  /** A claim in which an attempt has left a journal. */
  function claimWith(phase: string, { id = 'hjkmnpqr', path = '.' } = {}) {
    const DATA_DIR = mkdtempSync(join(tmpdir(), 'claim-'));
    const own = join(DATA_DIR, path, `.backstay-restore-${id}`);
    mkdirSync(own, { recursive: true });
    if (phase) writeFileSync(join(own, 'journal'), `phase ${phase}\nbackup 20261121-093000-bcdfghjk\nmode swap\n`);
    return { DATA_DIR, DATA_PATH: path };
  }

  const BEFORE = '{"version":"backstay/v1","name":"20261101-093000-bcdfghjk"}\n';

  test('where that backup does not count any more, the script makes another', async () => {
    const { left, start, ran } = pod();
    left('outdated', BEFORE);
    expect([(await start().end).status, ran()]).toEqual([0, true]);
  });

  test.each(['', 'unpacking', 'done', 'undone', 'dropping'])('files that are all old or all restored are backed up: phase %j', async (phase) => {
    const { left, start, ran } = pod();
    left('outdated', BEFORE);
    expect([(await start(claimWith(phase)).end).status, ran()]).toEqual([0, true]);
  });

  test.each(['clearing', 'swapping', 'undoing', 'merging'])(
    'half of what is live is never backed up, by no step of the run: the backup from before that counts: phase %s',
    async (phase) => {
      const { left, start, ran } = pod();
      left('outdated', BEFORE);
      for (const env of [claimWith(phase, { path: 'shop/files' }), {}]) {
        const { status, lastWords } = await start(env).end;
        expect({ status, reason: lastWords?.reason, ran: ran() }).toEqual({
          status: 0,
          reason: 'what is live is neither old nor restored, and not backed up: 20261101-093000-bcdfghjk is from before that',
          ran: false,
        });
      }
    },
  );

  test('also where that backup was deleted, and then it is said', async () => {
    const { start, ran } = pod();
    for (const env of [claimWith('clearing'), {}]) {
      const { status, lastWords, stderr } = await start(env).end;
      expect({ status, reason: lastWords?.reason, ran: ran() }).toEqual({
        status: 0,
        reason: 'what is live is neither old nor restored, and not backed up: no backup from before that is stored any more',
        ran: false,
      });
      expect(stderr).toMatch(/ warn once: what is live is neither/);
    }
  });

  test('what another restore has left half done is backed up: this one has no backup from before that', async () => {
    const { start, ran } = pod();
    expect([(await start(claimWith('swapping', { id: 'zzzzzzzz' })).end).status, ran()]).toEqual([0, true]);
  });

  test('P43: TERM is for the script, which undoes what it has begun', async () => {
    const { work, start, ran } = pod(`trap 'echo undone >"${'$'}WORK_DIR/undone"; exit 70' TERM\nwhile :; do sleep 0.1; done`);
    const step = start();
    await until('the script', 30, () => (ran() ? true : undefined));
    step.kill('TERM');
    expect((await step.end).status).toBe(70);
    expect(readFileSync(join(work, 'undone'), 'utf8')).toBe('undone\n');
  });

  test('it has its turn as any other, whether there is something to do or not', async () => {
    const [first, later] = [pod('exit 69'), pod()];
    later.safe('{"name":"x"}');
    expect((await first.inTurn().end).status).toBe(69);
    expect([first.ran(), endOfTurn(first.work, 'take')]).toEqual([true, '69']);
    const { status, lastWords } = await later.inTurn().end;
    expect({ status, reason: lastWords?.reason, ran: later.ran(), turn: endOfTurn(later.work, 'take') }).toEqual({
      status: 0,
      reason: 'backed up by an attempt before this one: x',
      ran: false,
      turn: '0',
    });
  });
});

test('once.sh without a script is refused', async () => {
  const { status, lastWords } = await startStep('once.sh', [], ['dash'], { WORK_DIR: mkdtempSync(join(tmpdir(), 'work-')), RESTORE_ID: 'hjkmnpqr' })
    .end;
  expect({ status, reason: lastWords?.reason }).toEqual({ status: 64, reason: 'expected a script to run' });
});
