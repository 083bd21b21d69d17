import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { FLAT } from './flat-scripts.ts';
import { COMMON_ENV } from './run-script.ts';

export interface TurnEnd {
  /** Null if a signal ended it. */
  readonly status: number | null;
  readonly stderr: string;
  /** The termination message, parsed. @default - none was written */
  readonly lastWords?: Record<string, unknown>;
}

/** A step of a pod whose steps run side by side: a separate process, like its container. */
export interface Turn {
  readonly kill: (signal: 'TERM' | 'KILL') => void;
  readonly end: Promise<TurnEnd>;
}

export interface TurnOptions {
  readonly work: string;
  readonly shell: readonly string[];
  readonly turn: string;
  /** @default - none, so it does not wait */
  readonly after?: string;
  /** The script to run, without its first line. */
  readonly body?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts turn.sh with a script. */
export function startTurn({ work, shell, turn, after = '', body = '', env = {} }: TurnOptions): Turn {
  const dir = mkdtempSync(join(tmpdir(), 'turn-'));
  const script = join(dir, `${turn}.sh`);
  writeFileSync(script, `#!/bin/sh\nset -eu\n${body}\n`);
  return startStep('turn.sh', [script], shell, { WORK_DIR: work, TURN: turn, TURN_AFTER: after, ...env });
}

/** Starts a script in its own process group. */
export function startStep(script: string, args: readonly string[], shell: readonly string[], env: Readonly<Record<string, string>>): Turn {
  const terminationLog = join(mkdtempSync(join(tmpdir(), 'turn-')), 'termination-log');
  writeFileSync(terminationLog, '');
  const [program = 'sh', ...flags] = shell;
  const child = spawn(program, [...flags, resolve(FLAT, script), ...args], {
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', TERMINATION_LOG: terminationLog, ...COMMON_ENV, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const end = new Promise<TurnEnd>((settle, reject) => {
    child.on('error', reject).on('exit', (status) => {
      const tell = () => {
        const words = readFileSync(terminationLog, 'utf8');
        settle({ status, stderr, lastWords: words === '' ? undefined : (JSON.parse(words) as Record<string, unknown>) });
      };
      // Output may arrive after its end, and processes that it left behind keep the pipe open.
      child.once('close', tell);
      setTimeout(tell, 1000).unref();
    });
  });
  return { kill: (signal) => child.kill(`SIG${signal}`), end };
}

/** How a turn ended, as other turns read it: its status, and the reason if its script never ran. */
export function endOfTurn(work: string, turn: string): string | undefined {
  const file = join(work, 'turns', turn);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}
