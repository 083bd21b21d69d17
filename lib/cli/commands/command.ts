import type { Command } from 'commander';
import type { Outcome, World } from '../world.ts';

/** Ends the command line with the outcome of the command that ran. */
export type Finish = (outcome: Outcome) => void;

/** Adds commands of one group. Their modules are loaded when they run, so that `--help` is fast. */
export type CommandGroup = (program: Command, world: World, finish: Finish) => void;

/** Options that several commands share. */
export const CONFIG = ['--config <dir>', 'folder with the values', 'config'] as const;
export const CONTEXT = ['--context <name>', 'kubectl context to use instead of the current one'] as const;
export const STORAGE = ['--storage <name>', 'storage to read instead of the primary'] as const;
export const TIMEOUT = ['--timeout <duration>', 'how long to wait for the pod to start, such as 90s or 5m', '2m'] as const;

/** Adds a command with examples, and a hint that names it in errors of usage. */
export function command(program: Command, usage: string, summary: string, ...lines: readonly string[]): Command {
  const [name = ''] = usage.split(' ');
  return program
    .command(usage)
    .description(summary)
    .showHelpAfterError(`  HINT: see the usage with backstay ${name} --help`)
    .addHelpText('after', examples(...lines));
}

/** Examples below the help of a command. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}
