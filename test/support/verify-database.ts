import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DumpCall, dump } from './dump.ts';
import { copiedScripts, FLAT } from './flat-scripts.ts';
import type { PostgresServer } from './postgres.ts';
import { COMMON_ENV, type Outcome, runScript } from './run-script.ts';

/** PostgreSQL refuses root, so a test that runs as root runs the script as `nobody`, which also has a name. */
const UNPRIVILEGED = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];

export interface VerifyCall {
  /** Scratch after fetch: see {@link fetched}. */
  readonly work: string;
  readonly env?: Readonly<Record<string, string>>;
  /** @default - dash */
  readonly shell?: readonly string[];
  /** Bodies of stand-ins, first on PATH. */
  readonly standIns?: Readonly<Record<string, string>>;
  /** Runs the script in place of an unprivileged user who has a name. */
  readonly user?: readonly string[];
  readonly started?: (pid: number, work: string) => void;
}

export interface Verified extends Outcome {
  /** `verified/postgres.json`. @default - was not written */
  readonly record?: Readonly<Record<string, unknown>>;
}

/** Runs postgres-verify.sh with the programs of a server that has nothing else to do with it. */
export async function verify(
  server: PostgresServer,
  { work, env, shell = ['dash'], standIns, user = UNPRIVILEGED, started }: VerifyCall,
): Promise<Verified> {
  const lastWords = join(work, 'last-words');
  writeFileSync(lastWords, '');
  chmodSync(lastWords, 0o666);
  const done = await runScript(join(scriptsForAll(), 'postgres-verify.sh'), {
    shell: [...user, ...shell],
    path: [...(standIns ? [standInsForAll(standIns)] : []), server.bin],
    work,
    env: { ...COMMON_ENV, ...VERIFY_ENV, SERVER_MAJOR: String(server.major), HOME: '/nonexistent', TERMINATION_LOG: lastWords, ...env },
    started,
  });
  const words = readFileSync(lastWords, 'utf8');
  const record = join(work, 'verified', 'postgres.json');
  return {
    ...done,
    ...(words && { lastWords: JSON.parse(words) as Record<string, unknown> }),
    ...(existsSync(record) && { record: JSON.parse(readFileSync(record, 'utf8')) as Record<string, unknown> }),
  };
}

const VERIFY_ENV = {
  TIER: 'verify',
  PART: 'postgres',
  DATABASE: 'shop',
  RESTORE_JOBS: '2',
  AMCHECK: 'false',
  ASSERT_QUERY_COUNT: '0',
} as const;

/** The variables of queries with their expected answers. */
export function queries(...pairs: readonly (readonly [sql: string, answer: string])[]): Readonly<Record<string, string>> {
  const lines = pairs.flatMap(([sql, answer], index) => [
    [`ASSERT_QUERY_${index + 1}`, sql],
    [`ASSERT_ANSWER_${index + 1}`, answer],
  ]);
  return { ...Object.fromEntries(lines), ASSERT_QUERY_COUNT: String(pairs.length) };
}

/** Takes a backup; fails when that fails. */
export async function taken(server: PostgresServer, call: DumpCall = {}): Promise<Outcome> {
  const done = await dump(server, call);
  if (done.status !== 0) throw new Error(done.stderr);
  return done;
}

export interface Fetch {
  /** Changes the files after they were stored, and their sums with them: `in/` is the working directory. */
  readonly stored?: (folder: string) => void;
  /** Changes them after they were fetched: the sums stay. */
  readonly damaged?: (folder: string) => void;
  /** Changes the lines of `in/postgres.facts`. */
  readonly facts?: (lines: string) => string;
  /** The target folder. @default - a new folder */
  readonly work?: string;
}

/** A stand-in that runs `before`, and then becomes the real tool. Two folders of stand-ins come before that tool on PATH. */
export function real(tool: string, before: string): string {
  return `${before}\nexec "$(PATH=\${PATH#*:*:} && command -v ${tool})" "$@"`;
}

/** The output of fetch.sh for a backup. */
export function fetched(
  { work: from }: Outcome,
  { stored, damaged, facts = (lines) => lines, work = mkdtempSync(join(tmpdir(), 'work-')) }: Fetch = {},
): string {
  const folder = join(work, 'in');
  chmodSync(work, 0o777);
  mkdirSync(folder);
  for (const name of readdirSync(join(from, 'out'))) {
    copyFileSync(join(from, 'out', name), join(folder, name));
    chmodSync(join(folder, name), 0o644);
  }
  stored?.(folder);
  writeFileSync(join(folder, 'postgres.facts'), facts(withSums(flattened(from), folder)));
  chmodSync(join(folder, 'postgres.facts'), 0o644);
  damaged?.(folder);
  return work;
}

function flattened(work: string): string {
  const input = readFileSync(join(work, 'facts', 'postgres.json'));
  return execFileSync('dash', ['-c', `. ${FLAT}/json.sh; json_flatten`], { input, encoding: 'utf8' });
}

/** The sums of the files as they are now. */
function withSums(facts: string, folder: string): string {
  return facts.replace(/^(files\.\d+)\.sha256\t.*$/gm, (_, file: string) => {
    const name = new RegExp(`^${file}\\.name\t(.*)$`, 'm').exec(facts)?.[1] ?? '';
    return `${file}.sha256\t${execFileSync('sha256sum', [join(folder, name)], { encoding: 'utf8' }).slice(0, 64)}`;
  });
}

/** The one artifact in `in/`. */
export function artifactIn(folder: string): string {
  const [name = ''] = readdirSync(folder).filter((file) => !/globals|facts/.test(file));
  return join(folder, name);
}

/** Sets one line of facts. */
export function fact(path: string, value: string): (lines: string) => string {
  return (lines) => `${lines.replace(new RegExp(`^${path.replaceAll('.', '\\.')}\t.*\n`, 'm'), '')}${path}\t${value}\n`;
}

/** Processes whose arguments name a folder: servers, initdb, psql that a script left. */
export function processesOf(work: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
        return line.includes(work) ? [line] : [];
      } catch {
        return [];
      }
    });
}

let scripts: string | undefined;

/** A copy of the scripts for users who may not enter the project's folder. */
function scriptsForAll(): string {
  scripts ??= copiedScripts();
  return scripts;
}

function standInsForAll(standIns: Readonly<Record<string, string>>): string {
  return copyForAll(Object.entries(standIns).map(([name, body]) => [name, `#!/bin/sh\n${body}\n`, 0o755]));
}

function copyForAll(files: readonly (readonly [name: string, text: string, mode: number])[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'for-all-'));
  chmodSync(folder, 0o755);
  for (const [name, text, mode] of files) {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), mode);
  }
  return folder;
}
