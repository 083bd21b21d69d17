import { Command } from 'commander';
import { packageVersion } from '../version.ts';
import type { Outcome, World } from './world.ts';

type Finish = (outcome: Outcome) => void;

const CONFIG = ['--config <dir>', 'folder of the values', 'config'] as const;
const CONTEXT = ['--context <name>', "context of your kubectl's configuration to use instead of the current one"] as const;
const STORAGE = ['--storage <name>', 'storage to look at instead of the primary'] as const;
const TIMEOUT = ['--timeout <duration>', 'how long to wait for the pod, such as 90s or 5m', '2m'] as const;

/** Every command with its arguments and help. What a command needs is loaded when it runs: `--help` answers at once. */
export function commandLine(world: World, finish: Finish): Command {
  const program = new Command('backstay')
    .description('Backups as code for Kubernetes: typed values in, plain reviewable YAML out')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError('  HINT: backstay --help shows the commands')
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

/** Commander's guess, as all our hints look; and the name of an argument as the usage has it. */
function asHint(text: string): string {
  return text.replace(/\n\(Did you mean (.*)\?\)/, "\n  HINT: did you mean '$1'?").replace("'environment>/<source'", '<environment>/<source>');
}

function command(program: Command, usage: string, summary: string, ...lines: readonly string[]): Command {
  const [name = ''] = usage.split(' ');
  return program
    .command(usage)
    .description(summary)
    .showHelpAfterError(`  HINT: backstay ${name} --help shows how it is meant`)
    .addHelpText('after', examples(...lines));
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}

function addWriting(program: Command, world: World, finish: Finish): void {
  command(program, 'init', 'write a first configuration, and the package.json that pins this version', 'backstay init', 'backstay init --dir backups')
    .option('--dir <dir>', 'folder to write to', '.')
    .action(async ({ dir }) => finish((await import('./init.ts')).init(dir, world)));
  command(
    program,
    'synth [environment...]',
    'turn values into YAML: all environments, or those named',
    'backstay synth',
    'backstay synth prod --out deploy',
    'backstay synth --check   # in CI: status 1 when dist/ is not what config/ says',
  )
    .option(...CONFIG)
    .option('--out <dir>', 'folder for the YAML, with a folder for each environment', 'dist')
    .option('--check', 'write nothing, and end with status 1 when something is stale')
    .action(async (environments, options) => finish((await import('./synth.ts')).synth(environments, options, world)));
  command(
    program,
    'secrets <environment>',
    'print which Secrets must exist, for whom, and how to create them',
    'backstay secrets prod',
    'backstay secrets prod --check   # asks the cluster for the names of keys, never for a value',
  )
    .option(...CONFIG)
    .option('--check', 'compare with the cluster; status 1 when something is missing')
    .option(...CONTEXT)
    .action(async (environment, options) => finish(await (await import('./secrets.ts')).secrets(environment, options, world)));
}

function addLooking(program: Command, world: World, finish: Finish): void {
  command(
    program,
    'list <environment[/source]>',
    'list what is stored, and what keep will do to it next',
    'backstay list prod',
    'backstay list prod/shop --storage offsite --json',
  )
    .option(...CONFIG)
    .option(...STORAGE)
    .option('--json', 'print JSON in place of a table')
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
    .option('--json', 'print the manifest as it is')
    .option(...CONTEXT)
    .option(...TIMEOUT)
    .action(async (target, id, options) => finish(await (await import('./get.ts')).get(target, id, options, world)));
}

function addRunning(program: Command, world: World, finish: Finish): void {
  command(
    program,
    'backup <environment>/<source>',
    'print the Job of a run by hand, or create it and follow it to its end',
    "backstay backup prod/shop --label 'before the move' --apply",
    'backstay backup prod/shop --tier daily | kubectl create -f -',
  )
    .option('--tier <name>', 'tier that the backup belongs to; needed where a source has several')
    .option('--label <text>', 'what it is for; it stands in the manifest')
    .option('--apply', 'create the Job with your kubectl and follow it; the status is that of the run')
    .option(...CONFIG)
    .option(...CONTEXT)
    .option(...TIMEOUT)
    .action(async (target, options) => finish(await (await import('./backup.ts')).backup(target, options, world)));
  addRestoring(program, world, finish);
  command(
    program,
    'prune <environment>/<source>',
    'delete what keep does not keep, also where it is more than one run may delete',
    'backstay prune prod/shop --dry-run',
    'backstay prune prod/shop --confirm prod/shop',
  )
    .option('--dry-run', 'only say what would go, and why the rest stays')
    .option('--confirm <environment/source>', 'the same name again: delete')
    .option(...CONFIG)
    .option(...STORAGE)
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
    'backstay restore prod/shop --apply                                   # a copy beside what is live',
    'backstay restore prod/shop --at latest-verified --in-place --confirm prod/shop --scale-down deployment/shop --apply',
    'backstay restore prod/shop --at before:2026-11-21T09:30:00Z --from offsite | kubectl apply -f -',
    "backstay restore staging/shop --source prod/shop --set 'postgres.tables=[public.orders]'",
    'backstay restore prod/shop --swap-back --confirm prod/shop --apply    # the old data again',
  )
    .option('--source <environment/source>', 'whose backups, when not its own')
    .option('--from <storage>', 'storage to restore from instead of the primary')
    .option('--tier <name>', 'tier to choose from instead of all')
    .option('--at <which>', 'run id, latest-verified, before:TIME with its zone, or latest, which is the default')
    .option('--part <name>', 'one part of a run that has several')
    .option('--in-place', 'the restored data takes the place of what is live, which is kept until --drop-old')
    .option('--confirm <environment/source>', 'the same name again: what is live may give way')
    .option('--no-safety-backup', 'do not back up what is live first')
    .option('--scale-down <kind/name>', 'application to stop meanwhile, such as deployment/shop; may be given several times', several)
    .option('--set <path=value>', 'any other key of restores in docs/values.md; may be given several times', several)
    .option('--swap-back', 'undo the newest restore in place')
    .option('--drop-old', 'delete what restores in place have kept')
    .option('--apply', 'create it with your kubectl and follow it; the status is that of the restore')
    .option(...CONFIG)
    .option(...CONTEXT)
    .option(...TIMEOUT)
    .action(async (target, options) => finish(await (await import('./restore.ts')).restore(target, options, world)));
  command(
    program,
    'verify <environment>/<source>',
    'print the Job that proves the newest backup, or create it and follow it to its end',
    'backstay verify prod/shop --apply',
    'backstay verify prod/shop | kubectl create -f -',
  )
    .option('--apply', 'create the Job with your kubectl and follow it; the status is that of the proof')
    .option(...CONFIG)
    .option(...CONTEXT)
    .option(...TIMEOUT)
    .action(async (target, options) => finish(await (await import('./verify.ts')).verify(target, options, world)));
}
