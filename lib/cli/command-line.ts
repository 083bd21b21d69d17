import { Command } from 'commander';
import { packageVersion } from '../version.ts';
import { type CommandGroup, examples, type Finish } from './commands/command.ts';
import { looking } from './commands/looking.ts';
import { restoring } from './commands/restoring.ts';
import { running } from './commands/running.ts';
import { writing } from './commands/writing.ts';
import type { World } from './world.ts';

/** In the order of `--help`. A new group is a file in `commands/` and a name here. */
const GROUPS: readonly CommandGroup[] = [writing, looking, running, restoring];

/** All commands with their arguments and help. A command's modules are loaded when it runs, so `--help` is fast. */
export function commandLine(world: World, finish: Finish): Command {
  const program = new Command('backstay')
    .description('Backups as code for Kubernetes: typed values in, plain reviewable YAML out')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError('  HINT: list the commands with backstay --help')
    .configureOutput({
      writeOut: (text) => world.say(text.trimEnd()),
      writeErr: (text) => world.warn(asHint(text).trimEnd()),
    })
    .addHelpText('after', examples('backstay init', 'backstay synth', 'backstay list prod'));
  for (const add of GROUPS) add(program, world, finish);
  return program;
}

/** Formats commander's suggestion like our hints, and argument names as in the usage. */
function asHint(text: string): string {
  return text.replace(/\n\(Did you mean (.*)\?\)/, "\n  HINT: did you mean '$1'?").replace("'environment>/<source'", '<environment>/<source>');
}
