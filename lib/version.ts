import { existsSync, readFileSync } from 'node:fs';

/** `package.json` of this package: beside `lib/` in the repository, beside `build/` in the installed package. */
const FILE = ['../package.json', '../../package.json'].map((path) => new URL(path, import.meta.url)).find((url) => existsSync(url));

/** The version of this backstay, such as `0.1.0`. */
export function packageVersion(): string {
  if (FILE === undefined) throw new Error(`no package.json near ${import.meta.url}: the package is not complete`);
  return (JSON.parse(readFileSync(FILE, 'utf8')) as { readonly version: string }).version;
}

/** Whether a version is newer than another one. A pre-release is older than its release; build metadata is ignored. */
export function isNewer(version: string, than: string): boolean {
  const [ours, theirs] = [partsOf(version), partsOf(than)];
  for (const index of [0, 1, 2]) {
    const difference = (ours.numbers[index] ?? 0) - (theirs.numbers[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  if (ours.pre === theirs.pre) return false;
  if (ours.pre === '' || theirs.pre === '') return ours.pre === '';
  return ours.pre.localeCompare(theirs.pre, 'en', { numeric: true }) > 0;
}

function partsOf(version: string): { readonly numbers: readonly number[]; readonly pre: string } {
  const [core = '', ...pre] = (version.split('+', 1)[0] ?? '').split('-');
  return { numbers: core.split('.').map(Number), pre: pre.join('-') };
}
