import { scriptFiles, scriptText } from './scripts.ts';

/** One variable in the header of a script, or several that belong together. */
export interface DocumentedVariable {
  /** In `STORAGE_n_NAME`, n is a number. In `RCLONE_CONFIG_*`, anything may follow. */
  readonly names: readonly string[];
  readonly meaning: string;
}

export interface ScriptHeader {
  readonly file: string;
  /** What the script does, in one sentence. */
  readonly summary: string;
  readonly variables: readonly DocumentedVariable[];
  /** Files that it reads, which may document more variables. */
  readonly reads: readonly string[];
}

/** The contract of a script, from its header: the comment lines at its beginning. */
export function scriptHeader(file: string): ScriptHeader {
  const text = scriptText(file);
  const lines = headerLines(text);
  const summary = (lines[0] ?? '').replace(`${file} - `, '');
  return { file, summary, variables: variablesOf(lines), reads: readsOf(text) };
}

const closures = new Map<string, readonly string[]>();

/** A script and every file that it reads, directly or through another. They must be in the same folder. Cached. */
export function withReads(file: string): readonly string[] {
  const known = closures.get(file);
  if (known) return known;
  const found = new Set<string>();
  const add = (name: string) => {
    if (found.has(name)) return;
    found.add(name);
    for (const read of readsOf(scriptText(name))) add(read);
  };
  add(file);
  const all = [...found];
  closures.set(file, all);
  return all;
}

const documented = new Map<string, ReadonlySet<string>>();

/** Names of all variables in the headers of these scripts and of the files that they read. No others may be set. Cached. */
export function documentedBy(scripts: readonly string[]): ReadonlySet<string> {
  const key = scripts.join(' ');
  const known = documented.get(key);
  if (known) return known;
  const files = [...new Set(scripts.flatMap(withReads))];
  const names = new Set(files.flatMap((file) => scriptHeader(file).variables.flatMap((variable) => variable.names)));
  documented.set(key, names);
  return names;
}

/** A name that contains a variable, such as `driver-$S_KIND.sh`, matches every file that it can be. */
function readsOf(text: string): readonly string[] {
  return [...text.matchAll(/^\s*(?:\w+\) )?\. "(?:\$\(dirname "\$0"\)|\$SCRIPTS)\/([a-z0-9-]+)(\$\w+)?\.sh"/gm)].flatMap(([, name = '', variable]) =>
    variable === undefined ? [`${name}.sh`] : scriptFiles().filter((file) => file.startsWith(name)),
  );
}

/** The header without the shebang line and the comment signs. */
function headerLines(text: string): readonly string[] {
  const [, ...lines] = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('#'));
  return lines.slice(0, end).map((line) => line.replace(/^# ?/, ''));
}

/** Parses the indented lines under `Environment`: names, two blanks, meaning. Lines with more indentation continue it. */
function variablesOf(lines: readonly string[]): readonly DocumentedVariable[] {
  const start = lines.findIndex((line) => line.startsWith('Environment'));
  const found: { names: readonly string[]; meaning: string }[] = [];
  for (const line of start < 0 ? [] : lines.slice(start + 1)) {
    const [, names, first = ''] = /^ {2}([A-Z]\S*(?:, [A-Z]\S*)*)(?: {2,}(\S.*))?$/.exec(line) ?? [];
    const last = found.at(-1);
    if (names !== undefined) found.push({ names: names.split(', '), meaning: first });
    else if (/^ {3,}\S/.test(line) && last) last.meaning = `${last.meaning} ${line.trim()}`.trim();
    else break;
  }
  return found;
}
