import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { load } from 'js-yaml';
import { toolsCache } from '../tools.ts';
import { merge } from './backups.ts';
import type { Told } from './command-line.ts';
import { KUBECONFIG } from './kubectl.ts';

/** A folder in which the unmodified commands of a document run. */
export interface Follower {
  /** Runs every `sh` block of a section in order. A failure is an error with the whole output. */
  readonly section: (file: string, heading: string, how?: How) => Promise<string>;
  /** Merges every `yaml` block of a section into the values file that it names. */
  readonly values: (file: string, heading: string, how?: Pick<How, 'names'>) => void;
  /** Runs the given commands. */
  readonly commands: (text: string, input?: string) => Promise<Told>;
}

export interface How {
  /** Names in the document, with the test's replacements, besides the namespace. */
  readonly names?: Readonly<Record<string, string>>;
  /** What a user does before a block with these words. */
  readonly before?: Readonly<Record<string, () => Promise<unknown>>>;
  /** What a user types into a command with these words. */
  readonly types?: Readonly<Record<string, string>>;
}

/**
 * Follows documents word for word in a separate folder. Only the namespace differs: `-n shop`, `namespace shop`,
 * `--namespace shop`. `npx backstay` is the real command line in a separate process, `kubectl` the test bed's.
 */
export function followerIn(folder: string, documented: string, namespace: string): Follower {
  const bin = join(folder, '.bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'npx'), npx(), { mode: 0o755 });
  const env = { ...process.env, KUBECONFIG, PATH: [bin, join(toolsCache, 'cluster/bin'), process.env.PATH].join(delimiter) };
  const here = new RegExp(`(-n |namespace[ =])${documented}\\b`, 'g');

  const commands = (text: string, input = ''): Promise<Told> =>
    new Promise((settle) => {
      const child = execFile('bash', ['--norc', '-euc', text], { cwd: folder, env, maxBuffer: 1 << 26 }, (_, stdout, stderr) =>
        settle({ status: child.exitCode, stdout, stderr }),
      );
      child.stdin?.on('error', () => {}).end(input);
    });

  const section = async (file: string, heading: string, { names = {}, before = {}, types = {} }: How = {}): Promise<string> => {
    const said: string[] = [];
    for (const block of blocksUnder(file, heading, 'sh')) {
      for (const [words, act] of Object.entries(before)) if (block.includes(words)) await act();
      for (const command of commandsIn(block)) {
        const typed = Object.entries(types).find(([words]) => command.includes(words))?.[1];
        const text = inOurNames(command.replaceAll(here, `$1${namespace}`), names);
        // There is no terminal here, so stdin has what a user types.
        const told = await commands(typed === undefined ? text : text.replaceAll(' -it ', ' -i '), typed);
        said.push(`$ ${text}\n${told.stdout}${told.stderr}`);
        if (told.status !== 0) throw new Error(`${file}, ${heading}: status ${told.status}\n${said.join('\n')}`);
      }
    }
    return said.join('\n');
  };

  const values = (file: string, heading: string, { names = {} }: Pick<How, 'names'> = {}) => {
    for (const block of blocksUnder(file, heading, 'yaml')) layOver(folder, inOurNames(block, names));
  };
  return { section, values, commands };
}

function inOurNames(text: string, names: Readonly<Record<string, string>>): string {
  return Object.entries(names).reduce((so, [name, ours]) => so.replaceAll(name, ours), text);
}

/** Merges `# config/prod.yaml, a part` by key, as a user adds it to the file. */
function layOver(folder: string, block: string): void {
  const [, name] = /^# (config\/\S+\.yaml)/.exec(block) ?? [];
  if (name === undefined) throw new Error(`block without a file name:\n${block}`);
  const file = join(folder, name);
  const before = existsSync(file) ? load(readFileSync(file, 'utf8')) : {};
  writeFileSync(file, JSON.stringify(merge(before, load(block)), undefined, 2));
}

/** The blocks of a language between a heading and the next one. */
function blocksUnder(file: string, heading: string, language: 'sh' | 'yaml'): readonly string[] {
  const [, text = ''] = readFileSync(file, 'utf8').split(new RegExp(`^## ${heading}$`, 'm'));
  const [section = ''] = text.split(/^## /m);
  const blocks = [...section.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, block = '']) => block);
  if (blocks.length === 0) throw new Error(`${file} has no ${language} under '${heading}'`);
  return blocks;
}

/** One command per line, unless a quote continues. */
function commandsIn(block: string): readonly string[] {
  const commands: string[] = [];
  let open = '';
  for (const line of block.split('\n')) {
    open += open === '' ? line : `\n${line}`;
    if ((open.match(/'/g) ?? []).length % 2 === 1) continue;
    if (open.trim() !== '') commands.push(open);
    open = '';
  }
  return commands;
}

function npx(): string {
  const tsx = import.meta.resolve('tsx');
  return `#!/bin/sh\n[ "$1" = backstay ] || exit 64\nshift\nexec '${process.execPath}' --import '${tsx}' '${resolve('main.ts')}' "$@"\n`;
}
