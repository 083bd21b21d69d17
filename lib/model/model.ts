import type { Keep } from '../config/schema/keep.ts';
import type { Options } from '../config/schema/options.ts';
import type { ClaimSpec, Peer, SecretNeed } from '../pod.ts';
import type { Part } from '../sources/kind.ts';
import type { Access } from '../storages/kind.ts';

/** What will run and be kept in one environment, as plain data: no Kubernetes in it. */
export interface Model {
  readonly environment: string;
  /** References of images by name, overrides and registry applied. */
  readonly images: Readonly<Record<string, string>>;
  /** Namespaces to make; empty unless asked for. */
  readonly namespaces: readonly string[];
  /** Claims to make. */
  readonly claims: readonly ClaimSpec[];
  readonly sources: readonly PlannedSource[];
  /** What was noticed and lets the synthesis go on: one line each, with its HINT. */
  readonly warnings: readonly string[];
}

export interface PlannedSource {
  /** Its name in the values. */
  readonly name: string;
  readonly namespace: string;
  /** `backup-<source>`: its service account and its NetworkPolicy. */
  readonly objectName: string;
  /** Folder below a storage's prefix. */
  readonly folder: string;
  /** One per tier; for a source by hand only, the one named `once`, without a schedule. */
  readonly runs: readonly PlannedRun[];
  /** Whom any of its pods must reach; what is not here, the NetworkPolicy refuses. */
  readonly peers: readonly Peer[];
  readonly secrets: readonly SecretNeed[];
  readonly networkPolicy: Options['networkPolicy'];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface PlannedRun {
  /** `backup-<source>-<tier>`: the CronJob, at most 52 characters. */
  readonly name: string;
  readonly environment: string;
  readonly namespace: string;
  readonly source: string;
  readonly tier: string;
  /** `<source>/<tier>` below a storage's prefix. */
  readonly folder: string;
  /** Five cron fields, jitter applied. @default - by hand only */
  readonly schedule?: string;
  readonly timeZone: string;
  readonly suspend: boolean;
  readonly parts: readonly Part[];
  /** The first is the primary. */
  readonly storages: readonly PlannedStorage[];
  readonly filenameTemplate: string;
  /** Hash of what the user wrote that shapes the artifact; stands in the manifest. */
  readonly specHash: string;
  /** Seconds after which something without a manifest is abandoned: 48 h and twice the longest deadline. */
  readonly abandonedAfter: number;
  readonly pod: Options['pod'];
  readonly job: Options['job'];
}

export interface PlannedStorage {
  readonly name: string;
  readonly kind: string;
  readonly role: 'primary' | 'copy';
  /** @default - nothing is ever deleted: runs by hand only */
  readonly keep?: Keep;
  readonly access: Access;
}
