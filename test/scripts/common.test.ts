import { spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { busyboxBin } from '../support/busybox.ts';
import { copiedScripts } from '../support/flat-scripts.ts';
import { type Call, COMMON_ENV, runScript, SHELLS } from '../support/run-script.ts';

/** Debian's tools for dash and bash. Busybox ash gets busybox's awk, df and date too, as in images without any other. */
const PATHS: Readonly<Record<string, readonly string[]>> = { 'busybox ash': [busyboxBin()] };

/** What steps share, beside which a step of a test is written. */
const LIB = ['common.sh', 'run-id.sh', 'run-name.sh', 'scratch.sh'];

describe.each(SHELLS)('common.sh under %s', (name, shell) => {
  /** Runs a script that sources common.sh and its neighbours, and has the given body. */
  function script(body: string, call: Partial<Call> = {}) {
    const file = join(copiedScripts(LIB), 'step.sh');
    const sources = LIB.map((name) => `. "$(dirname "$0")/${name}"`).join('\n');
    writeFileSync(file, `#!/bin/sh\nset -eu\n${sources}\n${body}\n`);
    return runScript(file, { shell, path: PATHS[name] ?? [], ...call, env: { ...COMMON_ENV, ...call.env } });
  }

  describe('JSON', () => {
    test.each([
      [''],
      ['plain'],
      ['"quotes" and \\ back\\\\slashes \\n'],
      ["it's $(id) `id` $HOME %s %d & \\& \\1 * ?"],
      ['two\nlines\n\nand an empty one'],
      ['a newline at the end\n'],
      ['\ttab \r return \u0001 \u001b[31m red'],
      ['größe ☃ 𝄞'],
      ['-n'],
      ['/slashes/ and </tags>'],
    ])('json_text(%j) parses back to the same text', async (text) => {
      const { stdout } = await script('json_text "$TEXT"', { env: { TEXT: text } });
      expect(JSON.parse(stdout)).toBe(text);
    });

    test.each([['ü'], ['☃'], ['𝄞'], ['"'], ['\u0001'], ['\n'], ['x']])(
      'json_short cuts a long run of %j to fit, and never inside a character',
      async (letter) => {
        const { stdout } = await script('json_short "$TEXT"', { env: { TEXT: `a${letter.repeat(1000)}` } });
        expect(Buffer.from(stdout, 'utf8').length).toBeLessThan(400);
        expect(JSON.parse(stdout)).toMatch(new RegExp(`^a${letter}+\\.\\.\\.$`, 'u'));
      },
    );

    test('json_short leaves a short text unchanged', async () => {
      expect((await script('json_short "$TEXT"', { env: { TEXT: 'größe "x"' } })).stdout).toBe('"größe \\"x\\""');
    });
  });

  describe('the run', () => {
    test('its name comes from the template, its start and the uid of the pod', async () => {
      const env = { NOW: '1795246400', FILENAME_TEMPLATE: '{{.DatabaseName}}_{{ .Timestamp }}-{{  .RunID  }}', TEMPLATE_DATABASE: 'shop' };
      const { stdout } = await script('begin_run; echo "$START $RUN_ID $NAME"', { env });
      expect(stdout).toMatch(/^179524640\d bcdfpqrs shop_20261121-07332\d-bcdfpqrs\n$/);
    });

    test('a later step uses the name from the first step, whatever its own clock says', async () => {
      const first = await script('begin_run; echo "$START $NAME"', { env: { NOW: '1795246400' } });
      const second = await script('begin_run; echo "$START $NAME"', { env: { NOW: '1795250000' }, work: first.work });
      expect(second.stdout).toBe(first.stdout);
    });

    test('recovers from a step that was killed while it recorded the name', async () => {
      const { work } = await script('begin_run; rm "$WORK_DIR/run/name"', { env: { NOW: '1' } });
      const { stdout } = await script('begin_run; echo "$NAME"', { env: { NOW: '1795246400' }, work });
      expect(stdout).toMatch(/^20261121-/);
    });

    test.each([['a/b'], ['a b'], ['..'], ['ü'], ['a&b'], ['a\\b'], ['a.b']])('refuses a name that contains %j', async (database) => {
      const env = { FILENAME_TEMPLATE: '{{ .DatabaseName }}-{{ .RunID }}', TEMPLATE_DATABASE: database };
      const { status, lastWords, out } = await script('begin_run', { env });
      expect({ status, out }).toEqual({ status: 64, out: [] });
      expect(lastWords).toMatchObject({ reason: expect.stringContaining(`invalid file name '${database}-bcdfpqrs'`) });
    });

    test('refuses an unknown field, which would end up in the name', async () => {
      const { status } = await script('begin_run', { env: { FILENAME_TEMPLATE: '{{ .Hostname }}-{{ .RunID }}' } });
      expect(status).toBe(64);
    });

    test('the run id is 8 letters of the uid, never a number', async () => {
      const { stdout } = await script('run_id', { env: { POD_UID: '01234567-89ab-cdef-0000-000000000000' } });
      expect(stdout).toBe('bcdfghjk\n');
      expect((await script('run_id', { env: { POD_UID: '89abcdef-0000' } })).stdout).toBe('mnpqrstv\n');
    });

    test('only the owner and the group can read files', async () => {
      const { work } = await script('begin_run; : >"$WORK_DIR/out/file"');
      const mode = (path: string) => (statSync(join(work, path)).mode & 0o777).toString(8);
      expect([mode('out'), mode('facts'), mode('out/file')]).toEqual(['750', '750', '640']);
    });
  });

  describe('time and size', () => {
    test('formats times in UTC', async () => {
      const { stdout } = await script('stamp 1795246400; iso 1795246400; iso 0', { env: { TZ: 'America/New_York' } });
      expect(stdout).toBe('20261121-073320\n2026-11-21T07:33:20Z\n1970-01-01T00:00:00Z\n');
    });

    test('formats sizes beyond 2 GiB correctly', async () => {
      const { stdout } = await script('for n in 0 1023 1024 1536 3221225472 9007199254740992; do human $n; done');
      expect(stdout.split('\n')).toEqual(['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '3.0 GiB', '8.0 PiB', '']);
    });

    test.each([
      ['limited by the disk', 9_000_000_000, 7_000_000, 7_000_000 * 1024],
      ['limited by the pod', 5_000_000_000, 90_000_000, 5_000_000_000],
      ['used up by the pod', 1, 90_000_000, 0],
    ])('free space, %s: the lower of both, and never negative', async (_, scratch, disk, free) => {
      // As functions, because busybox ash has df and du built in.
      const df = `df() { printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\\n/dev/x 99999999999 1 ${disk} 1%% /work\\n'; }`;
      const du = `du() { echo "1 $WORK_DIR"; }`;
      const { stdout } = await script(`begin_run; ${df}; ${du}; free_bytes`, { env: { SCRATCH_BYTES: String(scratch) } });
      expect(Number(stdout)).toBe(Math.max(0, free === disk * 1024 ? free : free === 0 ? 0 : free - 1024));
    });

    test.each([
      ['the disk', 9_000_000_000, 99_999_999, 7000, 75],
      ['the limit', 7_000_000, 99_999_999, 90_000_000, 73],
      ['both', 7_000_000, 99_999_999, 7000, 73],
      ['even an empty disk', 9_000_000_000, 9000, 7000, 73],
    ])('refuses a run for which %s is too small: a limit of %i bytes, a disk of %i KiB with %i free', async (_, scratch, size, disk, expected) => {
      const df = `df() { printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\\n/dev/x ${size} 1 ${disk} 1%% /work\\n'; }`;
      const du = `du() { echo "1 $WORK_DIR"; }`;
      const refuse = 'refuse_room "$(free_bytes)" 10000000 "does not fit" "give it more"';
      const { status, lastWords } = await script(`begin_run; ${df}; ${du}; ${refuse}`, { env: { SCRATCH_BYTES: String(scratch) } });
      const busy = {
        reason: 'the disk of the node has 6.8 MiB free, and at least 9.5 MiB is needed: other pods use it',
        hint: 'set pod.scratch.request to reserve space on the node, or take the scratch from a storageClassName',
      };
      expect(status).toBe(expected);
      expect(lastWords).toMatchObject({ status: expected, ...(expected === 75 ? busy : { reason: 'does not fit', hint: 'give it more' }) });
    });

    test('free space of a real folder shrinks by the files in it', async () => {
      const { stdout } = await script('begin_run; free_bytes; dd if=/dev/zero of="$WORK_DIR/x" bs=1024 count=5000 2>/dev/null; free_bytes');
      const [before = 0, after = 0] = stdout.split('\n').map(Number);
      expect(before - after).toBeGreaterThanOrEqual(5_000_000);
      expect(before - after).toBeLessThan(6_000_000);
    });
  });

  describe('input', () => {
    test('reports all missing variables at once', async () => {
      const { status, stderr, lastWords } = await script('need_env SOURCE ONE TIER TWO', { env: { TWO: '' } });
      expect(status).toBe(64);
      expect(stderr).toMatch(/error step: not set or empty: ONE TWO\n.* hint step: docs\/environment.md lists every variable of step.sh/);
      expect(lastWords).toMatchObject({ phase: 'step', status: 64, reason: 'not set or empty: ONE TWO' });
    });

    test.each([['5m'], [''], ['-1'], ['1 + 1'], ['$(id)'], ['0x1'], ['1.5']])('refuses %j as a whole number', async (value) => {
      const { status, lastWords } = await script('need_number N', { env: { N: value } });
      expect(status).toBe(64);
      expect(lastWords).toMatchObject({ reason: `N must be a whole number, got '${value}'` });
    });

    test('reports all missing tools at once', async () => {
      const { lastWords } = await script('need_cmd awk no-such-tool nor-this');
      expect(lastWords).toMatchObject({ status: 64, reason: 'not in this image: no-such-tool nor-this' });
    });
  });

  describe('the end', () => {
    test('the last words are one line of JSON that fits a termination message', async () => {
      const { status, lastWords, stderr } = await script(`die $NO_ROOM "$TEXT" "$TEXT"`, { env: { TEXT: 'ü"\n'.repeat(500) } });
      expect(status).toBe(73);
      expect(JSON.stringify(lastWords).length).toBeLessThan(1024);
      expect(stderr.length).toBeGreaterThan(3000);
    });

    test('the status stays the same when the last words cannot be written', async () => {
      const { status, stderr } = await script('die $BUSY "come back later"', { env: { TERMINATION_LOG: '/nowhere/at/all' } });
      expect(status).toBe(75);
      expect(stderr).toMatch(/^\S+ error step: come back later\n$/);
    });

    test.each([[1], [64], [10], [127]])('an unhandled exit status %i of a tool becomes a fault', async (own) => {
      const { status, lastWords } = await script(`tidy() { echo tidied; }; trap on_exit EXIT; (exit ${own}); echo never`);
      expect({ status, lastWords }).toMatchObject({
        status: 70,
        lastWords: { status: 70, reason: expect.stringContaining(`unhandled exit status ${own}`) },
      });
    });

    test('die keeps its status and reason inside a command substitution, and the script tidies', async () => {
      const { status, stdout, lastWords } = await script('tidy() { echo tidied; }; trap on_exit EXIT; x=$(die $NOT_ALLOWED no); echo "$x"');
      expect({ status, stdout }).toEqual({ status: 77, stdout: 'tidied\n' });
      expect(lastWords).toMatchObject({ reason: 'no' });
    });

    test('a script that succeeds tidies too', async () => {
      expect(await script('tidy() { echo tidied; false; }; trap on_exit EXIT')).toMatchObject({ status: 0, stdout: 'tidied\n' });
    });

    test('TERM is handled at once, and ends the children and grandchildren of the step', async () => {
      const body = 'tidy() { echo tidied; }; trap on_exit EXIT; trap on_term TERM; run sh -c "sleep 61 & sleep 62; wait"; echo never';
      const began = Date.now();
      const { status, stdout, lastWords } = await script(body, { started: (pid) => setTimeout(() => process.kill(pid, 'SIGTERM'), 500) });
      expect(Date.now() - began).toBeLessThan(4500);
      expect({ status, stdout }).toEqual({ status: 70, stdout: 'tidied\n' });
      expect(lastWords).toMatchObject({ reason: expect.stringContaining('stopped by TERM') });
      expect(isRunning('sleep 61') || isRunning('sleep 62')).toBe(false);
    });

    test('TERM waits for a child that still talks to its server', async () => {
      const child = `sh -c 'trap "sleep 0.5; echo farewell; exit 1" TERM; sleep 61 & wait'`;
      const body = `tidy() { echo tidied; }; trap on_exit EXIT; trap on_term TERM; run ${child}`;
      const { stdout } = await script(body, { started: (pid) => setTimeout(() => process.kill(pid, 'SIGTERM'), 500) });
      expect(stdout).toBe('farewell\ntidied\n');
    });

    test('a child that ignores TERM is killed after five seconds', async () => {
      const body = `trap on_term TERM; run sh -c 'trap "" TERM; exec sleep 63'`;
      const began = Date.now();
      const { status } = await script(body, { started: (pid) => setTimeout(() => process.kill(pid, 'SIGTERM'), 300) });
      expect(status).toBe(70);
      expect(Date.now() - began).toBeGreaterThan(4000);
    });

    test('run returns the status of its command', async () => {
      expect((await script('code=0; run sh -c "exit 3" || code=$?; run true; echo $code')).stdout).toBe('3\n');
    });
  });
});

function isRunning(command: string): boolean {
  return spawnSync('pgrep', ['--full', '--exact', command]).status === 0;
}
