import { KUSTOMIZED } from '../charts/outputs/index.ts';
import { keyOf, type ObjectName, objectsIn } from './object-names.ts';
import { isOurs, type OutputFolder, openOutput, refuseForeign } from './output-folder.ts';
import type { Tree } from './trees.ts';
import { isScripts, type Vanished } from './vanished.ts';
import type { Stage } from './world.ts';

/** A folder of `dist/`: its files, and those that belong there. */
export interface Built {
  readonly tree: Tree;
  /** Relative paths of the files that belong there. */
  readonly files: readonly string[];
  /** Whether the folder was missing or empty. */
  readonly isNew: boolean;
  readonly changes: readonly Difference[];
  readonly vanished: Vanished;
  /** The script ConfigMaps that it uses. */
  readonly scripts: readonly ObjectName[];
  /** The folder to swap in. @default - nothing changed, or only a comparison was requested */
  readonly stage?: Stage;
}

export interface Difference {
  readonly what: 'missing' | 'extra' | 'stale';
  readonly path: string;
}

export interface Wanted {
  readonly tree: Tree;
  readonly version: string;
  /** Starts the folder that replaces the old one. @default - only compare */
  readonly stage?: (folder: string) => Stage;
}

/** Generates the files of a folder and compares them with the existing ones, one at a time to save memory. */
export function buildTree({ tree, version, stage: begin }: Wanted): Built {
  const { folder } = tree;
  const before = openOutput(folder, version);
  const made = new Comparison(before, begin && (() => begin(folder)));
  try {
    for (const [path, text] of tree.files(version)) made.add(path, text);
    return { tree, ...made.end(folder) };
  } catch (error) {
    made.stage?.discard();
    throw error;
  }
}

/** Collects the differences while files are generated one by one. */
class Comparison {
  stage?: Stage;
  private readonly made = new Set<string>();
  private readonly same: string[] = [];
  private readonly changes: Difference[] = [];
  private readonly foreign: string[] = [];
  /** Objects that disappeared from a file, with that file, and keys of those that appeared in one. */
  private readonly gone = new Map<string, readonly [path: string, object: ObjectName]>();
  private readonly come = new Set<string>();
  private readonly scripts: ObjectName[] = [];

  constructor(
    private readonly folder: OutputFolder,
    private readonly begin?: () => Stage,
  ) {}

  add(path: string, text: string): void {
    this.made.add(path);
    if (isScripts(path)) this.scripts.push(...objectsIn(text));
    const old = this.folder.read(path);
    if (old === text) {
      this.same.push(path);
      return;
    }
    this.compare(path, old, text);
    this.changes.push({ what: old === undefined ? 'missing' : 'stale', path });
    this.stage ??= this.begin?.();
    this.stage?.write(path, text);
  }

  end(folder: string): Omit<Built, 'tree'> {
    for (const path of this.folder.paths) {
      if (this.made.has(path)) continue;
      this.compare(path, this.folder.read(path), '');
      this.changes.push({ what: 'extra', path });
    }
    refuseForeign(folder, this.foreign.sort());
    if (this.changes.length > 0) this.stage ??= this.begin?.();
    for (const path of this.stage ? this.same : []) this.stage?.keep(path);
    const gone = [...this.gone].filter(([key]) => !this.come.has(key)).map(([, entry]) => entry);
    const of = (kept: boolean) => gone.filter(([path]) => isKept(path) === kept).map(([, object]) => object);
    return {
      files: [...this.made],
      isNew: this.folder.paths.length === 0,
      changes: this.changes.sort((a, b) => (a.path < b.path ? -1 : 1)),
      vanished: { jobs: of(false), kept: of(true) },
      scripts: this.scripts,
      stage: this.stage,
    };
  }

  /** Records objects that disappeared from or appeared in a file. An object may move from one file to another. */
  private compare(path: string, old: string | undefined, text: string): void {
    if (this.folder.paths.length === 0) return;
    if (old !== undefined && !isOurs(old)) this.foreign.push(path);
    const before = new Map(objectsIn(old ?? '').map((object) => [keyOf(object), object]));
    const now = new Set(objectsIn(text).map(keyOf));
    for (const [key, object] of before) if (!now.has(key)) this.gone.set(key, [path, object]);
    for (const key of now) if (!before.has(key)) this.come.add(key);
  }
}

/** Whether no clean-up may delete the objects of a file. */
function isKept(path: string): boolean {
  return KUSTOMIZED.some(({ name, kept = false }) => kept && path.startsWith(`${name}/`));
}
