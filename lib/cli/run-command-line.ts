import { CommanderError } from 'commander';
import { ConfigError } from '../errors.ts';
import { ClusterError } from './cluster-error.ts';
import { commandLine } from './command-line.ts';
import { STATUS } from './statuses.ts';
import type { World } from './world.ts';

/** Runs one command of the user's and gives the status of the process. `argv` is without the names of node and the program. */
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
  // Commander has said already what it has to say.
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
    world.warn(`error: ${error.message}\n  HINT: nothing was changed; look at the rights and at the room on the disk`);
    return STATUS.fault;
  }
  world.warn(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  world.warn('  HINT: this is a fault of backstay and not of yours; nothing was changed. Please report it with the lines above');
  return STATUS.fault;
}

/** No right, no room, no such device: said by the system in words of its own. */
function isOfTheSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}
