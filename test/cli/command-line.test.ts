import { describe, expect, test } from 'vitest';
import { commandLine } from '../../lib/cli/command-line.ts';
import type { World } from '../../lib/cli/world.ts';
import { packageVersion } from '../../lib/version.ts';
import { backstay } from '../support/fake-world.ts';
import { projectFolder } from '../support/project-folder.ts';

/** Taken from the program itself, so that no command can be left out. */
const COMMANDS = commandLine({} as World, () => undefined).commands.map((command) => command.name());

describe('help', () => {
  test.each(COMMANDS)('%s --help shows an example and describes every option', async (command) => {
    const { status, stdout } = await backstay([command, '--help']);
    expect(status).toBe(0);
    expect(stdout).toContain(`Examples:\n  $ backstay ${command}`);
    const options = stdout.match(/^ {2}(-\w, )?--.*$/gm) ?? [];
    expect(options.length).toBeGreaterThan(1);
    expect(options.filter((line) => !/ {2}\S/.test(line.trim()))).toEqual([]);
  });

  test('--help lists every command', async () => {
    expect(COMMANDS).toEqual(expect.arrayContaining(['init', 'synth', 'secrets', 'list', 'get', 'backup', 'restore', 'verify', 'prune']));
    const { status, stdout } = await backstay(['--help']);
    for (const command of COMMANDS) expect(stdout).toContain(`\n  ${command} `);
    expect(status).toBe(0);
  });

  test('--version prints the version', async () => {
    expect(await backstay(['--version'])).toMatchObject({ status: 0, stdout: packageVersion() });
  });

  test('no command prints the help on stderr and exits with 64', async () => {
    const { status, stdout, stderr } = await backstay([]);
    expect(stderr).toContain('Usage: backstay');
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
  });
});

describe('errors on the command line', () => {
  test.each([
    ['an unknown command', ['syth'], "unknown command 'syth'\n  HINT: did you mean 'synth'?"],
    ['an unknown option', ['synth', '--chek'], "unknown option '--chek'\n  HINT: did you mean '--check'?"],
    ['a missing argument', ['get', 'prod/shop'], "missing required argument 'id'"],
    ['a missing source', ['restore'], 'missing required argument <environment>/<source>'],
    ['an argument too many', ['backup', 'prod/shop', 'daily'], "too many arguments for 'backup'. Expected 1 argument but got 2."],
  ])('%s: suggests the nearest or the usage, and exits with 64', async (_, argv, message) => {
    const { status, stdout, stderr } = await backstay(argv);
    expect(stderr).toContain(`error: ${message}`);
    expect(stderr).toMatch(/HINT: .* with backstay .*--help/);
    expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
  });

  test.each([
    ['an unknown environment', ['secrets', 'prd'], "unknown environment 'prd' in config\n  HINT: did you mean 'prod'?"],
    ['an environment without a similar one', ['secrets', 'elsewhere'], "unknown environment 'elsewhere' in config\n  HINT: known environments: prod"],
    ['an unknown environment before a source', ['list', 'prd/shop'], "unknown environment 'prd' in config\n  HINT: did you mean 'prod'?"],
    ['an unknown source', ['backup', 'prod/shp'], "unknown source 'shp' in prod\n  HINT: did you mean 'shop'?"],
    ['a source without a similar one', ['backup', 'prod/warehouse'], "unknown source 'warehouse' in prod\n  HINT: known sources: shop"],
    ['no source', ['backup', 'prod'], "expected ENVIRONMENT/SOURCE, got 'prod'\n  HINT: write prod/shop; sources: shop"],
    ['no source after the slash', ['backup', 'prod/'], "expected ENVIRONMENT[/SOURCE], got 'prod/'\n  HINT: write it as prod or prod/shop"],
    ['too many parts', ['list', 'prod/shop/daily'], "expected ENVIRONMENT[/SOURCE], got 'prod/shop/daily'\n  HINT: write it as prod or prod/shop"],
    ['an unknown tier', ['backup', 'prod/shop', '--tier', 'dialy'], "unknown tier 'dialy' in shop\n  HINT: did you mean 'daily'?"],
    ['an unknown storage', ['list', 'prod', '--storage', 'offsit'], "unknown storage 'offsit' in shop\n  HINT: did you mean 'offsite'?"],
    ['an invalid timeout', ['list', 'prod', '--timeout', '5'], '--timeout: not a duration, got "5"\n  HINT: write 90s, 5m or 1h'],
    [
      'an invalid label',
      ['backup', 'prod/shop', '--label', 'a\nb'],
      '--label: invalid label, got "a\\nb"\n  HINT: use up to 63 letters, digits, spaces and . _ : / # + -, starting with a letter or a digit',
    ],
  ])('%s: a plain message without a stack trace, before kubectl is called', async (_, argv, message) => {
    const project = projectFolder();
    const { status, stdout, stderr, calls } = await backstay([...argv, ...project.config]);
    expect(project.plain(stderr)).toBe(`error: ${message}`);
    expect({ status, stdout, calls }).toEqual({ status: 64, stdout: '', calls: [] });
  });

  test('no config/: hints at the command that creates it', async () => {
    const project = projectFolder({});
    const { status, stderr } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stderr)).toMatchInlineSnapshot(`
      "error: folder config does not exist
        HINT: run backstay init to create one, or set --config to another folder"
    `);
    expect(status).toBe(64);
  });

  test('a bug prints its stack, says so, and exits with 70', async () => {
    const project = projectFolder();
    const changes = { kubectl: () => Promise.reject(new TypeError('x is not a function')) };
    const { status, stderr } = await backstay(['secrets', 'prod', '--check', ...project.config], { changes });
    expect(stderr).toMatch(/error: TypeError: x is not a function\n +at .*\n[\s\S]*HINT: this is a bug in backstay/);
    expect(status).toBe(70);
  });

  test('an error of the operating system prints its own message, without a stack trace', async () => {
    const project = projectFolder();
    project.write({ dist: 'a file\n' });
    const { status, stderr } = await backstay(['synth', ...project.folders]);
    expect(project.plain(stderr)).toMatch(/^error: E[A-Z]+: .*\n {2}HINT: nothing was changed; check the permissions and the free disk space$/);
    expect(status).toBe(70);
  });
});
