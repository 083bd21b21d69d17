import { CONFIG, CONTEXT, type CommandGroup, command, TIMEOUT } from './command.ts';

/** Commands that restore backups, or verify that they can be restored. */
export const restoring: CommandGroup = (program, world, finish) => {
  const several = (value: string, before: readonly string[] = []) => [...before, value];
  command(
    program,
    'restore <environment>/<source>',
    'print the Job that restores a source, or create it and follow it to its end',
    'backstay restore prod/shop --apply                                   # a copy next to the live data',
    'backstay restore prod/shop --at latest-verified --in-place --confirm prod/shop --scale-down deployment/shop --apply',
    'backstay restore prod/shop --at before:2026-11-21T09:30:00Z --from offsite | kubectl apply -f -',
    "backstay restore staging/shop --source prod/shop --set 'postgres.tables=[public.orders]'",
    'backstay restore prod/shop --swap-back --confirm prod/shop --apply    # back to the old data',
  )
    .option('--source <environment/source>', 'restore backups of another source')
    .option('--from <storage>', 'storage to restore from instead of the primary')
    .option('--tier <name>', 'tier to choose from instead of all')
    .option('--at <which>', 'backup to restore: a run id, latest (default), latest-verified, or before:TIME with a time zone')
    .option('--part <name>', 'one database or volume of a backup with several parts')
    .option('--in-place', 'replace the live data, which is kept until --drop-old')
    .option('--confirm <environment/source>', 'repeat the name to confirm that its data may be replaced or deleted')
    .option('--no-safety-backup', 'do not back up the live data first')
    .option('--scale-down <workload>', 'workload to stop during the restore: [namespace/]deployment/NAME or statefulset/NAME; repeatable', several)
    .option('--set <path=value>', 'any other key of restores in docs/values.md; repeatable', several)
    .option('--swap-back', 'undo the newest restore in place')
    .option('--drop-old', 'delete the old data that restores in place have kept')
    .option('--apply', 'create the Job with your kubectl and follow it; exits with the status of the restore')
    .option(...CONFIG)
    .option(...CONTEXT)
    .option(...TIMEOUT)
    .action(async (target, options) => finish(await (await import('../restore.ts')).restore(target, options, world)));
  command(
    program,
    'verify <environment>/<source>',
    'print the Job that verifies the newest backup, or create it and follow it to its end',
    'backstay verify prod/shop --apply',
    'backstay verify prod/shop | kubectl create -f -',
  )
    .option('--apply', 'create the Job with your kubectl and follow it; exits with the status of the verification')
    .option(...CONFIG)
    .option(...CONTEXT)
    .option(...TIMEOUT)
    .action(async (target, options) => finish(await (await import('../verify.ts')).verify(target, options, world)));
};
