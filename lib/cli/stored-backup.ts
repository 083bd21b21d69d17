import { ConfigError } from '../errors.ts';
import { type Manifest, parseManifest } from '../model/manifest.ts';
import type { PlannedRun, PlannedStorage } from '../model/model.ts';
import { planRetention, type Verdict } from '../model/retention.ts';
import type { Listed } from './catalogue-output.ts';

/** A committed backup in one storage, and what becomes of it. */
export interface StoredBackup {
  readonly tier: string;
  readonly storage: string;
  readonly name: string;
  /** @default - its manifest cannot be read; it counts as a backup all the same */
  readonly manifest?: Manifest;
  readonly pinned: boolean;
  readonly verified: boolean;
  /** What the next run will do to it. */
  readonly next: Next;
}

export type Next = Verdict & {
  /** It would go, but so would more than one run may delete. */
  readonly refused?: boolean;
};

/** The backups of one tier in one storage, the newest first. */
export function storedBackups(
  { tier }: PlannedRun,
  { name: storage, keep }: PlannedStorage,
  listed: readonly Listed[],
  now: number,
): readonly StoredBackup[] {
  const { verdicts, refused } = planRetention(listed, keep ?? {}, now);
  const byName = new Map(listed.map((entry) => [entry.name, entry]));
  return [...verdicts].flatMap(([name, verdict]): readonly StoredBackup[] => {
    const entry = byName.get(name);
    if (!entry) return [];
    const next = verdict.keep || !refused ? verdict : { ...verdict, refused: true };
    return [{ tier, storage, ...entry, manifest: manifestOf(entry), next }];
  });
}

/** Nothing of one that is broken, or of a version that is not known. */
function manifestOf({ manifest }: Listed): Manifest | undefined {
  try {
    return manifest === null ? undefined : parseManifest(JSON.stringify(manifest));
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
