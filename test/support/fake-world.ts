import { disk } from '../../lib/cli/disk.ts';
import { runCommandLine } from '../../lib/cli/run-command-line.ts';
import type { Ran, World } from '../../lib/cli/world.ts';

/** Answers a call of kubectl with text to print or a result. `undefined` means that the call is unexpected. */
export type Kubectl = (args: string, input: string | undefined) => string | Partial<Ran> | undefined;

export interface Told {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Calls of kubectl, in order: `get pods --namespace backup …`. */
  readonly calls: readonly string[];
  /** The stdin of each call. */
  readonly inputs: readonly string[];
}

export interface FakeWorld {
  readonly kubectl?: Kubectl;
  /** Start time in seconds since 1970; sleeping advances it. @default 2026-11-21 12:00 UTC */
  readonly now?: number;
  /** Presses Ctrl-C during the n-th call of kubectl, which the terminal sends to kubectl too. */
  readonly interruptAt?: number;
  readonly changes?: Partial<World>;
}

/** Runs a command line with a real disk and a fake kubectl and clock. */
export async function backstay(argv: readonly string[], { kubectl, now = 1_795_262_400, interruptAt, changes }: FakeWorld = {}): Promise<Told> {
  const [stdout, stderr, calls, inputs]: string[][] = [[], [], [], []];
  const interruption = new AbortController();
  let clock = now;
  const world: World = {
    now: () => clock,
    sleep: async (seconds) => {
      clock += seconds;
    },
    say: (text) => stdout?.push(text),
    warn: (text) => stderr?.push(text),
    kubectl: async (args, input) => {
      calls?.push(args.join(' '));
      inputs?.push(input ?? '');
      if (calls?.length === interruptAt) interruption.abort();
      if (calls?.length === interruptAt) return { status: 130, stdout: '', stderr: '' };
      const answer = kubectl?.(args.join(' '), input);
      if (answer === undefined) throw new Error(`unexpected call: kubectl ${args.join(' ')}`);
      return { status: 0, stdout: '', stderr: '', ...(typeof answer === 'string' ? { stdout: answer } : answer) };
    },
    interrupted: interruption.signal,
    disk,
    ...changes,
  };
  const status = await runCommandLine(argv, world);
  return { status, stdout: stdout?.join('\n') ?? '', stderr: stderr?.join('\n') ?? '', calls: calls ?? [], inputs: inputs ?? [] };
}
