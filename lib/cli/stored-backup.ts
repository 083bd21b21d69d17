import * as z from 'zod';
import { ConfigError } from '../errors.ts';
import { MANIFEST_VERSION, type Manifest, parseManifest } from '../model/manifest.ts';
import type { PlannedRun, PlannedStorage } from '../model/model.ts';
import type { Listed, Next } from './catalogue-output.ts';

/** A committed backup in one storage, and what retention will do to it. */
export interface StoredBackup {
  readonly tier: string;
  readonly storage: string;
  readonly name: string;
  /** @default - its manifest cannot be read, but it still counts as a backup */
  readonly manifest?: Manifest;
  readonly pinned: boolean;
  readonly verified: boolean;
  /** When it was verified, in UTC. @default - it was not, or its record cannot be read */
  readonly verifiedAt?: string;
  /** How long that took, from the start of the fetch to the last check. Seconds. @default - as above */
  readonly verifiedSeconds?: number;
  /** @default - the script in the cluster does not report it */
  readonly next?: Next;
}

/** The backups of one tier in one storage, in the order of the script: the newest first. */
export function storedBackups({ tier }: PlannedRun, { name: storage }: PlannedStorage, listed: readonly Listed[]): readonly StoredBackup[] {
  return listed.map((entry) => {
    const { name, pinned, verified, next } = entry;
    return { tier, storage, name, manifest: manifestOf(entry), pinned, verified, ...verificationOf(entry), ...(next && { next }) };
  });
}

/** The keys of `<name>.verified.json`, from record.sh, that are shown. */
const verification = z.looseObject({
  version: z.literal(MANIFEST_VERSION),
  name: z.string(),
  verified: z.iso.datetime(),
  seconds: z.int().min(0),
});

/** Nothing if the record is broken, of another version, or of another backup. */
function verificationOf({ name, ...entry }: Listed): Pick<StoredBackup, 'verifiedAt' | 'verifiedSeconds'> {
  const read = verification.safeParse(entry.verification);
  if (!read.success || read.data.name !== name) return {};
  return { verifiedAt: read.data.verified, verifiedSeconds: read.data.seconds };
}

/** Nothing if it is broken, or of an unknown version. */
function manifestOf({ manifest }: Listed): Manifest | undefined {
  try {
    return manifest === null ? undefined : parseManifest(JSON.stringify(manifest));
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
