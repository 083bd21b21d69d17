import { Command } from 'commander';
import { packageVersion } from '../version.ts';
import type { Outcome, World } from './world.ts';

type Finish = (outcome: Outcome) => void;

const CONFIG = ['--config <dir>', 'folder with the values', 'config'] as const;
const CONTEXT = ['--context <name>', 'kubectl context to use instead of the current one'] as const;
const STORAGE = ['--storage <name>', 'storage to read instead of the primary'] as const;
const TIMEOUT = ['--timeout <duration>', 'how long to wait for the pod to start, such as 90s or 5m', '2m'] as const;

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
  addWriting(program, world, finish);
  addLooking(program, world, finish);
  addRunning(program, world, finish);
  return program;
}

/** Formats commander's suggestion like our hints, and argument names as in the usage. */
function asHint(text: string): string {
  return text.replace(/\n\(Did you mean (.*)\?\)/, "\n  HINT: did you mean '$1'?").replace("'environment>/<source'", '<environment>/<source>');
}

function command(program: Command, usage: string, summary: string, ...lines: readonly string[]): Command {
  const [name = ''] = usage.split(' ');
  return program
    .command(usage)
    .description(summary)
    .showHelpAfterError(`  HINT: see the usage with backstay ${name} --help`)
    .addHelpText('after', examples(...lines));
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}

function addWriting(program: Command, world: World, finish: Finish): void {
  command(program, 'init', 'write a first configuration, and pin this version in package.json', 'backstay init', 'backstay init --dir backups')
    .option('--dir <dir>', 'folder to write to', '.')
    .action(async ({ dir }) => finish((await import('./init.ts')).init(dir, world)));
  command(
    program,
    'synth [environment...]',
    'turn values into YAML, for all environments or those named',
    'backstay synth',
    'backstay synth prod --out deploy',
    'backstay synth --check   # in CI: status 1 if dist/ is stale',
  )
    .option(...CONFIG)
    .option('--out <dir>', 'folder for the YAML, with a subfolder for each environment', 'dist')
    .option('--check', 'write nothing, and exit with status 1 if anything is stale')
    .action(async (environments, options) => finish((await import('./synth.ts')).synth(environments, options, world)));
  command(
    program,
    'secrets <environment>',
    'list the Secrets that must exist, who reads them, and how to create them',
    'backstay secrets prod',
    'backstay secrets prod --check   # reads the names of keys from the cluster, never a value',
  )
    .option(...CONFIG)
    .option('--check', 'compare with the cluster, and exit with status 1 if anything is missing')
    .option(...CONTEXT)
    .action(async (environment, options) => finish(await (await import('./secrets.ts')).secrets(environment, options, world)));
}

function addLooking(program: Command, world: World, finish: Finish): void {
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
    .action(async (target, options) => finish(await (await import('./list.ts')).list(target, options, world)));
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
    .action(async (target, id, options) => finish(await (await import('./get.ts')).get(target, id, options, world)));
}

function addRunning(program: Command, world: World, finish: Finish): void {
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
    .action(async (target, options) => finish(await (await import('./backup.ts')).backup(target, options, world)));
  addRestoring(program, world, finish);
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
    .action(async (target, options) => finish(await (await import('./prune.ts')).prune(target, options, world)));
}

function addRestoring(program: Command, world: World, finish: Finish): void {
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
    .action(async (target, options) => finish(await (await import('./restore.ts')).restore(target, options, world)));
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
    .action(async (target, options) => finish(await (await import('./verify.ts')).verify(target, options, world)));
}
