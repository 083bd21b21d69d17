import { CONFIG, CONTEXT, type CommandGroup, command } from './command.ts';

/** Commands that write files, or say what must exist before they are applied. */
export const writing: CommandGroup = (program, world, finish) => {
  command(program, 'init', 'write a first configuration, and pin this version in package.json', 'backstay init', 'backstay init --dir backups')
    .option('--dir <dir>', 'folder to write to', '.')
    .action(async ({ dir }) => finish((await import('../init.ts')).init(dir, world)));
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
    .action(async (environments, options) => finish((await import('../synth.ts')).synth(environments, options, world)));
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
    .action(async (environment, options) => finish(await (await import('../secrets.ts')).secrets(environment, options, world)));
};
