import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copiedScripts, FLAT } from './flat-scripts.ts';
import { COMMON_ENV, type Outcome, runScript, SHELLS } from './run-script.ts';
import { artifactOf, bash, factsOf, GNU, portrait, take, type Variant, WITH_GNU_TOOLS } from './volume.ts';

/** The output of the step fetch: the archive, and its part of the manifest. */
export interface Backup {
  readonly archive: string;
  readonly facts: string;
}

/** The shells, each with the tools of the image of PostgreSQL. */
export const RESTORE_SHELLS = SHELLS.map(([name, shell]) => [name, name === 'busybox ash' ? WITH_GNU_TOOLS : shell] as const);

/** A backup of a folder by volume-tar.sh. */
export async function backupOf(data: string, variant: Variant = GNU, env: Readonly<Record<string, string>> = {}): Promise<Backup> {
  const outcome = await take(variant, { data, env });
  if (outcome.status !== 0) throw new Error(outcome.stderr);
  return { archive: artifactOf(outcome), facts: flat(factsOf(outcome)) };
}

/** A hand-made archive with matching facts. `python` calls `add(name, type, target, content)`. */
export function archiveOf(python: string): Backup {
  const folder = mkdtempSync(join(tmpdir(), 'archive-'));
  chmodSync(folder, 0o755);
  const archive = join(folder, 'x.tar');
  const program = `
import io, tarfile
t = tarfile.open(${JSON.stringify(archive)}, 'w', format=tarfile.PAX_FORMAT)
def add(name, type=tarfile.REGTYPE, target='', content='x', **more):
    i = tarfile.TarInfo(name); i.type = type; i.linkname = target; i.mode = 0o755
    for k, v in more.items(): setattr(i, k, v)
    data = content.encode() if type == tarfile.REGTYPE else b''
    i.size = len(data); t.addfile(i, io.BytesIO(data))
D, F, L, H, C, P = tarfile.DIRTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE
add('./', D)
${python}
t.close()`;
  execFileSync('python3', ['-c', program]);
  return { archive, facts: flat(factsFor(archive)) };
}

function factsFor(archive: string) {
  const lines = bash('/', `tar -tvf ${archive} 2>/dev/null`).split('\n').filter(Boolean);
  const bytes = lines.filter((line) => line.startsWith('-')).reduce((sum, line) => sum + Number(line.split(/\s+/)[2]), 0);
  return {
    name: 'volume',
    kind: 'volume',
    method: 'tar',
    compression: { method: 'none' },
    tools: { tar: '1.34' },
    volume: { entries: lines.length, files: lines.filter((line) => /^[-h]/.test(line)).length, bytes, changed: 0 },
    files: [{ name: 'x.tar', bytes: statSync(archive).size, sha256: bash('/', `sha256sum <${archive}`).slice(0, 64) }],
  };
}

const flat = (facts: unknown) => execFileSync('sh', ['-c', `. ${FLAT}/json.sh; json_flatten`], { input: JSON.stringify(facts), encoding: 'utf8' });

/** A scratch space after the step fetch. */
export function fetched(backup: Backup, change: (facts: string) => string = (facts) => facts): string {
  const work = mkdtempSync(join(tmpdir(), 'work-'));
  chmodSync(work, 0o777);
  for (const folder of ['in', 'run', 'tmp']) mkdirSync(join(work, folder), { mode: 0o755 });
  const name = /^files\.0\.name\t(.*)$/m.exec(backup.facts)?.[1] ?? '';
  copyFileSync(backup.archive, join(work, 'in', name));
  chmodSync(join(work, 'in', name), 0o644);
  writeFileSync(join(work, 'in', 'volume.facts'), change(backup.facts));
  writeFileSync(join(work, 'run', 'backup'), '20261121-030000-bcdfpqrs\n');
  return work;
}

export interface Restore {
  readonly data: string;
  readonly backup?: Backup;
  readonly work?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly shell?: readonly string[];
  readonly standIns?: Readonly<Record<string, string>>;
  readonly script?: string;
  readonly started?: (pid: number, work: string) => void;
}

/** Runs volume-restore.sh on a folder, with new scratch space as in every attempt. */
export function restore({ data, backup, work, env, shell = ['dash'], script = 'volume-restore.sh', ...call }: Restore): Promise<Outcome> {
  const claim = {
    CLAIM: 'app-data',
    DATA_DIR: data,
    DATA_PATH: '.',
    RESTORE_ID: 'kcdfghjm',
    RESTORE_ACTION: 'restore',
    RESTORE_MODE: 'swap',
    OWNERS: 'keep',
  };
  const scratch = work ?? (backup ? fetched(backup) : mkdtempSync(join(tmpdir(), 'work-')));
  return runScript(script, { shell, work: scratch, env: { ...COMMON_ENV, ...claim, PART: 'volume', ...env }, ...call });
}

/** The state that a run recorded: old, between or new; none if it recorded none. */
export function stateOf({ work }: Outcome): string {
  const file = join(work, 'run', 'state-volume');
  return existsSync(file) ? String(readFileSync(file, 'utf8').split('\n')[0]) : 'none';
}

export function resultOf({ work }: Outcome): Record<string, unknown> {
  return JSON.parse(readFileSync(join(work, 'run', 'result-volume.json'), 'utf8')) as Record<string, unknown>;
}

/** A portrait of the live files: without folders of restores, and without the folder itself. */
export function live(folder: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'live-'));
  bash(folder, `tar -c --exclude='./.backstay-*' --exclude=./lost+found --format=posix . | tar -xp -C ${copy}`);
  return withoutRoot(portrait(copy));
}

/** A portrait without the entry of the folder itself. */
export function withoutRoot(text: string): string {
  return text
    .split('\0')
    .filter((entry) => !/^\. d /.test(entry))
    .join('\n');
}

/** Folders that restores left at the top of a folder, without their times. */
export function keptIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith('.backstay-'))
    .map((name) => name.replace(/\d{8}-\d{6}/, 'TIME'))
    .sort();
}

/** The only folder of this kind that restores left. */
export function keptFolder(folder: string, kind: 'before' | 'undone'): string {
  const [name, ...more] = readdirSync(folder).filter((entry) => entry.startsWith(`.backstay-${kind}-`));
  if (!name || more.length > 0) throw new Error(`expected one .backstay-${kind}-*: ${readdirSync(folder).join(' ')}`);
  return join(folder, name);
}

/** A copy of the scripts for users who may not enter the folder of the project. */
const scripts = copiedScripts();

/** Runs it as in a pod: an unprivileged user with its own scratch space. */
export function asNobody({ backup, script = 'volume-restore.sh', env, ...call }: Restore & { readonly backup: Backup }): Promise<Outcome> {
  const work = fetched(backup);
  bash(work, 'chown -R 65534:65534 .');
  const shell = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'dash'];
  return restore({ ...call, work, shell, script: join(scripts, script), env: { TERMINATION_LOG: join(work, 'last-words'), HOME: '/tmp', ...env } });
}

/**
 * A mv that does something before it renames the n-th file, over all its calls, which may rename several files each.
 *
 * The file `$COUNTER` counts the renames, and `$AT` is n.
 */
export const mvThat = (does: string): string => `
real=$(PATH=\${PATH#*:} command -v mv)
step() {
  n=$(($(cat "$COUNTER") + 1)); echo $n >"$COUNTER"
  if [ "$n" = "$AT" ]; then ${does}; fi
}
all=$*
case $1$2$3 in
-t*--) into=$2; shift 3; for f; do step "$f"; "$real" -t "$into" -- "$f" || exit; done ;;
-f-t*) into=$3; shift 4; for f; do step "$f"; "$real" -f -t "$into" -- "$f" || exit; done ;;
*) step "$*"; exec "$real" "$@" ;;
esac`;
