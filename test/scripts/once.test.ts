import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../support/cluster/until.ts';
import { SHELLS } from '../support/run-script.ts';
import { endOfTurn, startStep } from '../support/turns.ts';

describe.concurrent.each(SHELLS)('once.sh under %s', (_, shell) => {
  /** A scratch space, and a script that notes that it ran. */
  function pod(body = '') {
    const work = mkdtempSync(join(tmpdir(), 'work-'));
    const [script, notes] = [join(work, 'take.sh'), join(work, 'notes')];
    writeFileSync(script, `#!/bin/sh\nset -eu\necho ran >>'${notes}'\n${body}\n`);
    const safe = (text: string) => {
      mkdirSync(join(work, 'run'));
      writeFileSync(join(work, 'run/safe'), text);
    };
    const start = () => startStep('once.sh', [script], shell, { WORK_DIR: work });
    const inTurn = () => startStep('turn.sh', [resolve('scripts/once.sh'), script], shell, { WORK_DIR: work, TURN: 'take' });
    return { work, safe, start, inTurn, ran: () => existsSync(notes), noted: () => (existsSync(notes) ? readFileSync(notes, 'utf8') : '') };
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

  test.each(['', '{"name":'])('that it was made counts although nobody can read its name: %j', async (text) => {
    const { safe, start, ran } = pod();
    safe(text);
    const { status, lastWords } = await start().end;
    expect({ status, reason: lastWords?.reason, ran: ran() }).toEqual({ status: 0, reason: 'backed up by an attempt before this one', ran: false });
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
  const { status, lastWords } = await startStep('once.sh', [], ['dash'], { WORK_DIR: mkdtempSync(join(tmpdir(), 'work-')) }).end;
  expect({ status, reason: lastWords?.reason }).toEqual({ status: 64, reason: 'expected a script to run' });
});
