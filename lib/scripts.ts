import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** `scripts/` of the package: beside `lib/` in the repository, beside `build/` in the installed package. */
const ROOT = ['../scripts/', '../../scripts/'].map((path) => new URL(path, import.meta.url)).find((url) => existsSync(new URL('lib/common.sh', url)));

/** The folder of each file, by its base name. Base names are unique, because a pod has all files in one folder. */
let folders: ReadonlyMap<string, string> | undefined;

const read = new Map<string, string>();

/** Base names of all files below `scripts/`, or of those in one folder, sorted. */
export function scriptFiles(folder?: string): readonly string[] {
  return [...known()].filter(([, its]) => folder === undefined || its === folder).map(([file]) => file);
}

/** The folder of a file within `scripts/`, by its base name. */
export function folderOf(file: string): string {
  const folder = known().get(file);
  if (folder === undefined) throw new Error(`no script '${file}' in scripts/`);
  return folder;
}

/** The unchanged text of a file, by its base name. Cached. */
export function scriptText(file: string): string {
  const text = read.get(file) ?? readFileSync(new URL(`${folderOf(file)}/${file}`, root()), 'utf8');
  read.set(file, text);
  return text;
}

function known(): ReadonlyMap<string, string> {
  folders ??= new Map(
    readdirSync(root(), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => readdirSync(new URL(`${name}/`, root())).map((file) => [file, name] as const))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return folders;
}

function root(): URL {
  if (ROOT === undefined) throw new Error(`no folder scripts/ near ${import.meta.url}: the package is incomplete`);
  return ROOT;
}
