/** The output of catalogue.sh, in the format of its header. A container's log has both streams, so all other lines are log lines. */

/** What retention will do to a backup next. */
export type Next =
  | { readonly keep: true; readonly why: readonly string[] }
  | {
      readonly keep: false;
      /** No rule keeps it, but one run may not delete that many backups. */
      readonly refused?: true;
    };

/** A committed backup, for `list` and `get`. */
export interface Listed {
  readonly name: string;
  readonly pinned: boolean;
  readonly verified: boolean;
  /** The stored manifest, or `null` if it is not JSON. */
  readonly manifest: unknown;
  /** The record of its verification, or `null` if it is not JSON. @default - it was not verified, or an older script did not print it */
  readonly verification?: unknown;
  /** @default - the action is `get`, or an older script did not print it */
  readonly next?: Next;
}

/** What `prune` does to one backup, or would do without `--dry-run`. */
export interface Judged {
  readonly storage: string;
  readonly folder: string;
  readonly name: string;
  readonly action: 'keep' | 'delete' | 'sweep';
  readonly why: string;
}

/** The results of `prune` in one storage. Counts. */
export interface Pruned {
  readonly storage: string;
  readonly folder: string;
  readonly pruned: number;
  /** The store refused to delete them. */
  readonly retained: number;
  /** Deleted, but still stored as versions. */
  readonly hidden: number;
  readonly swept: number;
}

export function readListed(text: string): readonly Listed[] {
  const verifications = new Map(matches(text, /^verification (\S+) (.*)$/).map(([, name = '', record = '']) => [name, parsed(record)]));
  const nexts = new Map(
    matches(text, /^next (\S+) (keep|delete|refused) (.*)$/).map(([, name = '', action, why = '']) => [name, nextOf(action, why)]),
  );
  return matches(text, /^backup (\S+) (\S+) (\S+) (.*)$/).map(([, name = '', pinned, verified, manifest = '']) => ({
    name,
    pinned: pinned === 'pinned',
    verified: verified === 'verified',
    manifest: parsed(manifest),
    ...(verifications.has(name) && { verification: verifications.get(name) }),
    ...(nexts.has(name) && { next: nexts.get(name) }),
  }));
}

function nextOf(action: string | undefined, why: string): Next {
  if (action === 'keep') return { keep: true, why: why.split(',') };
  return action === 'refused' ? { keep: false, refused: true } : { keep: false };
}

export function readJudged(text: string): readonly Judged[] {
  return matches(text, /^(\S+) (\S+\/\S+) (\S+) (keep|delete|sweep) (.*)$/).map(([, storage = '', folder = '', name = '', action, why = '']) => ({
    storage,
    folder,
    name,
    action: action as Judged['action'],
    why,
  }));
}

export function readPruned(text: string): readonly Pruned[] {
  const done = /^(\S+) (\S+\/\S+): (\d+) pruned, (\d+) retained by the store, (\d+) only hidden, (\d+) swept$/;
  return matches(text, done).map(([, storage = '', folder = '', pruned, retained, hidden, swept]) => ({
    storage,
    folder,
    pruned: Number(pruned),
    retained: Number(retained),
    hidden: Number(hidden),
    swept: Number(swept),
  }));
}

function matches(text: string, pattern: RegExp): readonly RegExpExecArray[] {
  return text.split('\n').flatMap((line) => {
    const match = pattern.exec(line);
    return match ? [match] : [];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
