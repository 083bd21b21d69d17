/** What scripts/catalogue.sh prints, a line of JSON each; see its header. */

/** A committed backup, for `list` and `get`. */
export interface Listed {
  readonly folder: string;
  readonly name: string;
  readonly pinned: boolean;
  readonly verified: boolean;
  /** Sum over its files as the storage has them, manifest and markers too. */
  readonly bytes: number;
  /** As it is stored; `null` when it is no JSON. */
  readonly manifest: unknown;
}

/** What `prune` does, or would do, to one backup. */
export interface Judged {
  readonly storage: string;
  readonly folder: string;
  readonly name: string;
  readonly action: 'keep' | 'delete' | 'sweep';
  readonly why: string;
}

/** What `prune` has done in one storage. Counts. */
export interface Pruned {
  readonly storage: string;
  readonly folder: string;
  readonly pruned: number;
  /** The store refused to delete them. */
  readonly retained: number;
  /** The store has versions: deleted, and still there. */
  readonly hidden: number;
  readonly swept: number;
}

export function readListed(text: string): readonly Listed[] {
  return linesOf(text).filter((line): line is Listed => 'manifest' in line);
}

export function readJudged(text: string): readonly Judged[] {
  return linesOf(text).filter((line): line is Judged => 'action' in line);
}

export function readPruned(text: string): readonly Pruned[] {
  return linesOf(text).filter((line): line is Pruned => 'pruned' in line && 'swept' in line);
}

/** A container's log has both of its streams: lines of ours are objects, those of the log are not. */
function linesOf(text: string): readonly object[] {
  return text.split('\n').flatMap((line) => (line.startsWith('{"') ? [JSON.parse(line) as object] : []));
}
