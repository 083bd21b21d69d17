import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COMMON_ENV, type Outcome, runScript } from './run-script.ts';

/** A tar and a shell, as in one of the images. */
export interface Variant {
  readonly tar: 'gnu' | 'busybox';
  readonly shell: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** BusyBox ash with GNU tools. Debian's BusyBox prefers its applets to PATH, and only functions to its applets. */
export const WITH_GNU_TOOLS = withFunctions(
  ...['tar', 'find', 'sort', 'gzip'].map((tool) => `${tool}() { "$(PATH=\${PATH#*:} which ${tool})" "$@"; }`),
);
const gnu = { TAR: 'gnu', COMPRESSION: 'zstd', COMPRESSION_LEVEL: '1' };

/** A PATH of applets only, as in the image of BusyBox. */
export const applets = mkdtempSync(join(tmpdir(), 'applets-'));
execFileSync('busybox', ['--install', '-s', applets]);

export const GNU: Variant = { tar: 'gnu', shell: ['dash'], env: gnu };
export const BUSYBOX: Variant = {
  tar: 'busybox',
  shell: ['busybox', 'ash'],
  env: { TAR: 'busybox', COMPRESSION: 'gzip', COMPRESSION_LEVEL: '6', PATH: applets },
};

/** Both tars, GNU tar under every shell. */
export const VARIANTS: readonly (readonly [string, Variant])[] = [
  ['gnu under dash', GNU],
  ['gnu under busybox ash', { ...GNU, shell: WITH_GNU_TOOLS }],
  ['gnu under bash --posix', { ...GNU, shell: ['bash', '--posix'] }],
  ['busybox under its own ash', BUSYBOX],
];

export const TARS: readonly (readonly [string, Variant])[] = [
  ['gnu', GNU],
  ['busybox', BUSYBOX],
];

/** BusyBox ash with functions, which come before applets. Stand-ins on PATH do not. */
export function withFunctions(...functions: readonly string[]): readonly string[] {
  return ['busybox', 'ash', '-c', `${functions.join('\n')}\n. "$0"`];
}

export interface Take {
  readonly data: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly standIns?: Readonly<Record<string, string>>;
  readonly shell?: readonly string[];
  readonly work?: string;
  readonly script?: string;
  readonly started?: (pid: number, work: string) => void;
}

/** Runs volume-tar.sh over a folder. */
export function take(variant: Variant, { data, env, script = 'volume-tar.sh', shell = variant.shell, ...call }: Take): Promise<Outcome> {
  const volume = { DATA_DIR: data, DATA_PATH: '.', CLAIM: 'app-data', ON_CHANGE: 'fail', PART: 'volume' };
  return runScript(script, { shell, env: { ...COMMON_ENV, ...volume, ...variant.env, ...env }, ...call });
}

/** A new folder in which the commands were run. */
export function volumeOf(commands: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'volume-'));
  chmodSync(folder, 0o755);
  bash(folder, commands);
  return folder;
}

export function bash(cwd: string, commands: string): string {
  return execFileSync('bash', ['--norc', '-euc', commands], { cwd, encoding: 'latin1', env: { ...process.env, LC_ALL: 'C' } });
}

/** The only artifact of a run. */
export function artifactOf({ work, out }: Outcome): string {
  if (out.length !== 1) throw new Error(`expected one file in out/, got ${out.length}: ${out.join(' ')}`);
  return join(work, 'out', String(out[0]));
}

/** The facts that a run wrote. */
export function factsOf({ work }: Outcome, part = 'volume'): Record<string, unknown> {
  return JSON.parse(readFileSync(join(work, 'facts', `${part}.json`), 'utf8')) as Record<string, unknown>;
}

/** Names in an archive, sorted; newlines shown as `\n`. */
export function namesIn(archive: string): readonly string[] {
  const list = bash('/', `${UNPACK} ${archive} | tar -t --quoting-style=escape`);
  return list.split('\n').filter(Boolean).sort();
}

/** A shell function that decompresses any of the formats to stdout. */
export const UNPACK = 'unpack() { case $1 in *.zst) zstd -dcq "$1" ;; *.gz) gzip -dc "$1" ;; *) cat "$1" ;; esac; }; unpack';

/** Unpacks into a new folder with the command of docs/pull-by-hand.md. */
export function unpacked(archive: string, tar = 'tar --numeric-owner -xpf -'): string {
  const folder = mkdtempSync(join(tmpdir(), 'unpacked-'));
  bash(folder, `${UNPACK} ${archive} | ${tar} 2>/dev/null`);
  return folder;
}

/** Everything about the files of a folder except sockets: type, mode, owners, links, size, time, target, content. */
export function portrait(folder: string, time: '%T@' | '%Ts' = '%T@'): string {
  const known = bash(
    folder,
    `find . ! -type s ! -name lost+found -printf '%p %y %m %U %G %n %s ${time} %l\\0' | sed -z 's/^\\(\\S* d \\S* \\S* \\S*\\) \\S* \\S*/\\1/' | sort -z`,
  );
  const content = bash(folder, 'find . -type f -print0 | sort -z | xargs -0r sha256sum -z');
  return known + content;
}

/** Runs commands while tar reads: after the first MiB of the archive, when tar waits for the compressor. */
export function meanwhile(tool: 'zstd' | 'gzip', commands: string): string {
  return `case "$*" in
*-d*|*version*) ;;
*) { dd bs=64k count=16 iflag=fullblock 2>/dev/null; { ${commands}
} >&2; cat; } | real ${tool} "$@"; exit ;;
esac
real ${tool} "$@"`;
}

/** A stand-in that can call the program behind it with `real`. */
export function standIn(body: string): string {
  return `real() { tool=$1; shift; "$(PATH=\${PATH#*:} command -v "$tool")" "$@"; }\n${body}`;
}

/** Options for a run whose stand-ins need its process id: they find it in `$PID_FILE`. */
export function withPidFile(): { readonly env: { readonly PID_FILE: string }; readonly started: (pid: number) => void } {
  const folder = mkdtempSync(join(tmpdir(), 'pid-'));
  chmodSync(folder, 0o755);
  const file = join(folder, 'pid');
  return { env: { PID_FILE: file }, started: (pid) => writeFileSync(file, String(pid)) };
}

/** Ends the script like the kubelet does: TERM to the first process, KILL to all. */
export function endScript(signal: string): string {
  const target = signal === 'TERM' ? '"$(cat "$PID_FILE")"' : '"-$(cat "$PID_FILE")"';
  return `until [ -s "$PID_FILE" ]; do sleep 0.01; done; kill -${signal} ${target}`;
}

/** The body of a stand-in that ends the script at a call with these words. */
export function endsAt(signal: string, tool: string, words: string): string {
  return `case "$*" in *'${words}'*) ${endScript(signal)}; sleep 0.3;; esac; real ${tool} "$@"`;
}
