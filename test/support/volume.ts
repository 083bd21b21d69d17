import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COMMON_ENV, type Outcome, runScript } from './run-script.ts';

/** A tar under a shell, as an image has them. */
export interface Variant {
  readonly tar: 'gnu' | 'busybox';
  readonly shell: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Debian's BusyBox runs an applet before a program on PATH; only a function comes before an applet. */
const GNU_FUNCTIONS = ['tar', 'find', 'sort', 'gzip'].map((tool) => `${tool}() { "$(PATH=\${PATH#*:} which ${tool})" "$@"; }`);
const gnu = { TAR: 'gnu', COMPRESSION: 'zstd', COMPRESSION_LEVEL: '1' };

/** Nothing but applets, as in the image of BusyBox. */
export const applets = mkdtempSync(join(tmpdir(), 'applets-'));
execFileSync('busybox', ['--install', '-s', applets]);

export const GNU: Variant = { tar: 'gnu', shell: ['dash'], env: gnu };
export const BUSYBOX: Variant = {
  tar: 'busybox',
  shell: ['busybox', 'ash'],
  env: { TAR: 'busybox', COMPRESSION: 'gzip', COMPRESSION_LEVEL: '6', PATH: applets },
};

/** Both tars, the first of them under every shell. */
export const VARIANTS: readonly (readonly [string, Variant])[] = [
  ['gnu under dash', GNU],
  ['gnu under busybox ash', { ...GNU, shell: withFunctions(...GNU_FUNCTIONS) }],
  ['gnu under bash --posix', { ...GNU, shell: ['bash', '--posix'] }],
  ['busybox under its own ash', BUSYBOX],
];

export const TARS: readonly (readonly [string, Variant])[] = [
  ['gnu', GNU],
  ['busybox', BUSYBOX],
];

/** Functions stand before applets, where stand-ins on PATH do not. */
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

/** A folder with what the commands make in it. */
export function volumeOf(commands: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'volume-'));
  chmodSync(folder, 0o755);
  bash(folder, commands);
  return folder;
}

export function bash(cwd: string, commands: string): string {
  return execFileSync('bash', ['--norc', '-euc', commands], { cwd, encoding: 'latin1', env: { ...process.env, LC_ALL: 'C' } });
}

/** The one artifact that a run left. */
export function artifactOf({ work, out }: Outcome): string {
  if (out.length !== 1) throw new Error(`expected one file in out/, got ${out.length}: ${out.join(' ')}`);
  return join(work, 'out', String(out[0]));
}

/** What a run wrote into its facts. */
export function factsOf({ work }: Outcome, part = 'volume'): Record<string, unknown> {
  return JSON.parse(readFileSync(join(work, 'facts', `${part}.json`), 'utf8')) as Record<string, unknown>;
}

/** Names in an archive, sorted; newlines shown as `\n`. */
export function namesIn(archive: string): readonly string[] {
  const list = bash('/', `${UNPACK} ${archive} | tar -t --quoting-style=escape`);
  return list.split('\n').filter(Boolean).sort();
}

/** Writes any of the formats to stdout. */
export const UNPACK = 'unpack() { case $1 in *.zst) zstd -dcq "$1" ;; *.gz) gzip -dc "$1" ;; *) cat "$1" ;; esac; }; unpack';

/** Unpacks into a new folder, as docs/pull-by-hand.md says. */
export function unpacked(archive: string, tar = 'tar --numeric-owner -xpf -'): string {
  const folder = mkdtempSync(join(tmpdir(), 'unpacked-'));
  bash(folder, `${UNPACK} ${archive} | ${tar} 2>/dev/null`);
  return folder;
}

/** All there is to know about the files of a folder but sockets: kind, mode, owners, links, size, time, target, content. */
export function portrait(folder: string, time: '%T@' | '%Ts' = '%T@'): string {
  const known = bash(
    folder,
    `find . ! -type s ! -name lost+found -printf '%p %y %m %U %G %n %s ${time} %l\\0' | sed -z 's/^\\(\\S* d \\S* \\S* \\S*\\) \\S* \\S*/\\1/' | sort -z`,
  );
  const content = bash(folder, 'find . -type f -print0 | sort -z | xargs -0r sha256sum -z');
  return known + content;
}

/** Does something in the middle of reading: after the first MiB of the archive, while tar waits for its reader. */
export function meanwhile(tool: 'zstd' | 'gzip', commands: string): string {
  return `case "$*" in
*-d*|*version*) ;;
*) { dd bs=64k count=16 iflag=fullblock 2>/dev/null; { ${commands}
} >&2; cat; } | real ${tool} "$@"; exit ;;
esac
real ${tool} "$@"`;
}

/** A stand-in's way to the program it stands for. */
export function standIn(body: string): string {
  return `real() { tool=$1; shift; "$(PATH=\${PATH#*:} command -v "$tool")" "$@"; }\n${body}`;
}
