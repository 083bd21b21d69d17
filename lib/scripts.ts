import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** `scripts/` of the package: beside `lib/` in the source, beside `build/` in what is installed. */
const FOLDER = ['../scripts/', '../../scripts/'].map((path) => new URL(path, import.meta.url)).find((url) => existsSync(new URL('common.sh', url)));

const read = new Map<string, string>();

/** Names of all files in `scripts/`. */
export function scriptFiles(): readonly string[] {
  return readdirSync(folder()).sort();
}

/** The text of a file in `scripts/`, unchanged. Each is read once. */
export function scriptText(file: string): string {
  const known = read.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(new URL(file, folder()), 'utf8');
  read.set(file, text);
  return text;
}

function folder(): URL {
  if (FOLDER === undefined) throw new Error(`no folder scripts/ near ${import.meta.url}: the package is not complete`);
  return FOLDER;
}
