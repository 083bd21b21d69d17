import { CommanderError } from 'commander';
import { ConfigError } from '../errors.ts';
import { ClusterError } from './cluster-error.ts';
import { commandLine } from './command-line.ts';
import { STATUS } from './statuses.ts';
import type { World } from './world.ts';

/** Runs one command and returns the exit status. `argv` excludes node and the program. */
export async function runCommandLine(argv: readonly string[], world: World): Promise<number> {
  let status: number = STATUS.done;
  try {
    const program = commandLine(world, (outcome) => {
      status = outcome.status;
      if (outcome.text) world.say(outcome.text);
    });
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    return explain(error, world);
  }
}

function explain(error: unknown, world: World): number {
  // Commander has already printed its message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? STATUS.done : STATUS.wrongInput;
  if (error instanceof ConfigError) {
    world.warn(error.message.replace(/^(?! )/gm, 'error: '));
    return STATUS.wrongInput;
  }
  if (error instanceof ClusterError) {
    world.warn(`error: ${error.message}\n  HINT: ${error.hint}`);
    return error.status;
  }
  if (isOfTheSystem(error)) {
    world.warn(`error: ${error.message}\n  HINT: nothing was changed; check the permissions and the free disk space`);
    return STATUS.fault;
  }
  world.warn(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  world.warn('  HINT: this is a bug in backstay; nothing was changed. Please report it with the lines above');
  return STATUS.fault;
}

/** Errors of the operating system, such as no permission or no space, with its own message. */
function isOfTheSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}
