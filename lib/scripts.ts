import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** `scripts/` of the package: beside `lib/` in the source, beside `build/` in what is installed. */
const ROOT = ['../scripts/', '../../scripts/'].map((path) => new URL(path, import.meta.url)).find((url) => existsSync(new URL('lib/common.sh', url)));

/** Each file's base name, with the folder that it is in. Base names are unique: a pod has all of them in one folder. */
let folders: ReadonlyMap<string, string> | undefined;

const read = new Map<string, string>();

/** Base names of all files in the folders of `scripts/`, sorted; or of those in one of them. */
export function scriptFiles(folder?: string): readonly string[] {
  return [...known()].filter(([, its]) => folder === undefined || its === folder).map(([file]) => file);
}

/** The folder of `scripts/` that a file is in, by its base name. */
export function folderOf(file: string): string {
  const folder = known().get(file);
  if (folder === undefined) throw new Error(`no script '${file}' in scripts/`);
  return folder;
}

/** The text of a file, by its base name, unchanged. Each is read once. */
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
