import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { FLAT } from './flat-scripts.ts';

/** The shells that every script must run under. `describe.each(SHELLS)('… under %s', (_, shell) => …)` */
export const SHELLS: readonly (readonly [string, readonly string[]])[] = [
  ['dash', ['dash']],
  ['busybox ash', ['busybox', 'ash']],
  ['bash --posix', ['bash', '--posix']],
];

export interface Call {
  readonly shell: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Bodies of stand-ins, first on PATH; calls are recorded. `''` succeeds and prints nothing. */
  readonly standIns?: Readonly<Record<string, string>>;
  /** Folders of real tools, behind the stand-ins and before /usr/bin. */
  readonly path?: readonly string[];
  /** Scratch space to continue with. @default - a new, empty one */
  readonly work?: string;
  /** Called once the script has started, for example to kill it. */
  readonly started?: (pid: number, work: string) => void;
}

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** How the stand-ins were called, in order: `pg_dump --format=custom …`. */
  readonly calls: readonly string[];
  /** The scratch space after the run. */
  readonly work: string;
  /** Files in `work/out`. */
  readonly out: readonly string[];
  /** The termination message, parsed. @default - none was written */
  readonly lastWords?: Record<string, unknown>;
}

/** Runs a real file of scripts/ like a container does: its environment is the only input. */
export async function runScript(script: string, call: Call): Promise<Outcome> {
  const bin = mkdtempSync(join(tmpdir(), 'bin-'));
  const work = call.work ?? mkdtempSync(join(tmpdir(), 'work-'));
  const notes = join(bin, 'calls.txt');
  const terminationLog = join(bin, 'termination-log');
  writeFileSync(notes, '');
  writeFileSync(terminationLog, '');
  // The script may run as another user.
  chmodSync(bin, 0o755);
  chmodSync(notes, 0o666);
  chmodSync(terminationLog, 0o666);
  mkdirSync(join(bin, 'home'));
  for (const [name, body] of Object.entries(call.standIns ?? {})) {
    writeFileSync(join(bin, name), `#!/bin/sh\nprintf '%s\\n' "${name} $*" >>'${notes}'\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const env = {
    PATH: [bin, ...(call.path ?? []), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
    HOME: join(bin, 'home'),
    WORK_DIR: work,
    TERMINATION_LOG: terminationLog,
    ...call.env,
  };
  const { status, stdout, stderr } = await run(call.shell, resolve(FLAT, script), env, (pid) => call.started?.(pid, work));
  return {
    status,
    stdout,
    stderr,
    calls: readFileSync(notes, 'utf8').split('\n').filter(Boolean),
    work,
    out: list(join(work, 'out')),
    lastWords: parse(readFileSync(terminationLog, 'utf8')),
  };
}

/** The environment of every step, which a test may override. */
export const COMMON_ENV = {
  ENVIRONMENT: 'test',
  SOURCE: 'shop',
  TIER: 'daily',
  POD_UID: '0123abcd-0000-4000-8000-000000000000',
  POD_NAME: 'backup-shop-daily-1-x',
  JOB_NAME: 'backup-shop-daily-1',
  FILENAME_TEMPLATE: '{{ .Timestamp }}-{{ .RunID }}',
  SCRATCH_BYTES: String(10 * 1024 ** 3),
  PART: 'part',
  PART_COUNT: '1',
} as const;

function run(shell: readonly string[], file: string, env: Record<string, string>, started: (pid: number) => void) {
  return new Promise<{ status: number | null; stdout: string; stderr: string }>((settle, reject) => {
    const [program = 'sh', ...flags] = shell;
    const child = spawn(program, [...flags, file], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (status) => settle({ status, stdout, stderr }));
    if (child.pid) started(child.pid);
  });
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  return text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
}
