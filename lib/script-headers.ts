import { scriptFiles, scriptText } from './scripts.ts';

/** What the header of a script says of one variable, or of several that belong together. */
export interface DocumentedVariable {
  /** `STORAGE_n_NAME`, where n counts; `RCLONE_CONFIG_*`, where anything may follow. */
  readonly names: readonly string[];
  readonly meaning: string;
}

export interface ScriptHeader {
  readonly file: string;
  /** What the script does, in one sentence. */
  readonly summary: string;
  readonly variables: readonly DocumentedVariable[];
  /** Files that it reads, which may have variables of their own. */
  readonly reads: readonly string[];
}

/** The contract of a script, as its header has it: the comment lines at its beginning. */
export function scriptHeader(file: string): ScriptHeader {
  const text = scriptText(file);
  const lines = headerLines(text);
  const summary = (lines[0] ?? '').replace(`${file} - `, '');
  return { file, summary, variables: variablesOf(lines), reads: readsOf(text) };
}

const closures = new Map<string, readonly string[]>();

/** A script with all that it reads, and what that reads in turn: what must lie beside it. Each is looked through once. */
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

/** Names of the variables that these scripts, and those that they read, name in their headers: all that they may be given. */
export function documentedBy(scripts: readonly string[]): ReadonlySet<string> {
  const key = scripts.join(' ');
  const known = documented.get(key);
  if (known) return known;
  const files = [...new Set(scripts.flatMap(withReads))];
  const names = new Set(files.flatMap((file) => scriptHeader(file).variables.flatMap((variable) => variable.names)));
  documented.set(key, names);
  return names;
}

/** A name with a variable in it, such as `driver-$S_KIND.sh`, stands for every file that it may be. */
function readsOf(text: string): readonly string[] {
  return [...text.matchAll(/^\s*(?:\w+\) )?\. "(?:\$\(dirname "\$0"\)|\$SCRIPTS)\/([a-z-]+)(\$\w+)?\.sh"/gm)].flatMap(([, name = '', variable]) =>
    variable === undefined ? [`${name}.sh`] : scriptFiles().filter((file) => file.startsWith(name)),
  );
}

/** Without the line that names the shell, and without the signs of comments. */
function headerLines(text: string): readonly string[] {
  const [, ...lines] = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('#'));
  return lines.slice(0, end).map((line) => line.replace(/^# ?/, ''));
}

/** The indented lines under `Environment`: names, two blanks, meaning; what is indented further goes on. */
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
