import * as z from 'zod';
import { ConfigError } from '../errors.ts';
import { MANIFEST_VERSION, type Manifest, parseManifest } from '../model/manifest.ts';
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
  /** When it was verified, in UTC. @default - it was not, or its record cannot be read */
  readonly verifiedAt?: string;
  /** How long that took, from fetching it to the last check. Seconds. @default - as above */
  readonly verifiedSeconds?: number;
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
    const { pinned, verified } = entry;
    return [{ tier, storage, name, manifest: manifestOf(entry), pinned, verified, ...verificationOf(entry), next }];
  });
}

/** `<name>.verified.json`, as record.sh writes it: what is shown of it. */
const verification = z.looseObject({
  version: z.literal(MANIFEST_VERSION),
  name: z.string(),
  verified: z.iso.datetime(),
  seconds: z.int().min(0),
});

/** Nothing of one that is broken, of another version, or of another backup. */
function verificationOf({ name, ...entry }: Listed): Pick<StoredBackup, 'verifiedAt' | 'verifiedSeconds'> {
  const read = verification.safeParse(entry.verification);
  if (!read.success || read.data.name !== name) return {};
  return { verifiedAt: read.data.verified, verifiedSeconds: read.data.seconds };
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
