import { CONFIG, CONTEXT, type CommandGroup, command, STORAGE, TIMEOUT } from './command.ts';

/** Commands that read what is stored, and change nothing. */
export const looking: CommandGroup = (program, world, finish) => {
  command(
    program,
    'list <environment[/source]>',
    'list the stored backups, and what retention decides about them now',
    'backstay list prod',
    'backstay list prod/shop --storage offsite --json',
  )
    .option(...CONFIG)
    .option(...STORAGE)
    .option('--json', 'print JSON instead of a table')
    .option(...CONTEXT)
    .option(...TIMEOUT)
    .action(async (target, options) => finish(await (await import('../list.ts')).list(target, options, world)));
  command(
    program,
    'get <environment>/<source> <id>',
    'show one backup: its manifest and its files',
    'backstay get prod/shop hkbdmnrt',
    'backstay get prod/shop latest --json',
  )
    .option(...CONFIG)
    .option(...STORAGE)
    .option('--json', 'print the unmodified manifest')
    .option(...CONTEXT)
    .option(...TIMEOUT)
    .action(async (target, id, options) => finish(await (await import('../get.ts')).get(target, id, options, world)));
};
