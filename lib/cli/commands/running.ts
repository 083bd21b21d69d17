import { CONFIG, CONTEXT, type CommandGroup, command, TIMEOUT } from './command.ts';

/** Commands that take or delete backups. */
export const running: CommandGroup = (program, world, finish) => {
  command(
    program,
    'backup <environment>/<source>',
    'print the Job of a manual run, or create it and follow it to its end',
    "backstay backup prod/shop --label 'before the move' --apply",
    'backstay backup prod/shop --tier daily | kubectl create -f -',
  )
    .option('--tier <name>', 'tier of the backup; required if the source has several')
    .option('--label <text>', 'what the backup is for; recorded in the manifest')
    .option('--apply', 'create the Job with your kubectl and follow it; exits with the status of the run')
    .option(...CONFIG)
    .option(...CONTEXT)
    .option(...TIMEOUT)
    .action(async (target, options) => finish(await (await import('../backup.ts')).backup(target, options, world)));
  command(
    program,
    'prune <environment>/<source>',
    'delete the backups that no keep rule covers, ignoring atMostDeleted',
    'backstay prune prod/shop --dry-run',
    'backstay prune prod/shop --confirm prod/shop',
  )
    .option('--dry-run', 'only show which backups would be deleted, and why the others stay')
    .option('--confirm <environment/source>', 'repeat the name to confirm the deletion')
    .option(...CONFIG)
    .option('--storage <name>', 'the only storage to prune, instead of every storage')
    .option(...CONTEXT)
    .option(...TIMEOUT)
    .action(async (target, options) => finish(await (await import('../prune.ts')).prune(target, options, world)));
};
