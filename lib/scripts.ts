import { existsSync, readFileSync } from 'node:fs';

/** `scripts/` of the package: beside `lib/` in the source, beside `build/` in what is installed. */
const FOLDER = ['../scripts/', '../../scripts/'].map((path) => new URL(path, import.meta.url)).find((url) => existsSync(new URL('common.sh', url)));

const read = new Map<string, string>();

/** The text of a file in `scripts/`, unchanged. Each is read once. */
export function scriptText(file: string): string {
  const known = read.get(file);
  if (known !== undefined) return known;
  if (FOLDER === undefined) throw new Error(`no folder scripts/ near ${import.meta.url}: the package is not complete`);
  const text = readFileSync(new URL(file, FOLDER), 'utf8');
  read.set(file, text);
  return text;
}
