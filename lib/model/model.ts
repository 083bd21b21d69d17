import type { Keep } from '../config/schema/keep.ts';
import type { Options } from '../config/schema/options.ts';
import type { ClaimSpec, Peer, SecretNeed } from '../pod.ts';
import type { Part, RestoreAction, RestorePart, VerifyPart } from '../sources/kind.ts';
import type { Access } from '../storages/kind.ts';

/** The plan of one environment: what runs and what is kept, as plain data without Kubernetes. */
export interface Model {
  readonly environment: string;
  /** References of images by name, overrides and registry applied. */
  readonly images: Readonly<Record<string, string>>;
  /** Namespaces to create. Empty unless the values request them. */
  readonly namespaces: readonly string[];
  /** Claims to create. */
  readonly claims: readonly ClaimSpec[];
  readonly sources: readonly PlannedSource[];
  /** Restores in the values, by name. */
  readonly restores: readonly PlannedRestore[];
  /** Warnings and notes that do not stop synth, one line each, with its HINT. */
  readonly warnings: readonly string[];
}

export interface PlannedSource {
  /** Its name in the values. */
  readonly name: string;
  readonly namespace: string;
  /** `backup-<source>`, the name of its service account and its NetworkPolicy. */
  readonly objectName: string;
  /** Folder below a storage's prefix. */
  readonly folder: string;
  /** One per tier. A source with manual runs only has one named `once`, without a schedule. */
  readonly runs: readonly PlannedRun[];
  /** @default - its backups are not verified */
  readonly verify?: PlannedVerify;
  /** The peers that its pods must reach. The NetworkPolicy blocks all others. */
  readonly peers: readonly Peer[];
  readonly secrets: readonly SecretNeed[];
  readonly networkPolicy: Options['networkPolicy'];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface PlannedRun {
  /** `backup-<source>-<tier>`, the name of the CronJob. At most 52 characters. */
  readonly name: string;
  readonly environment: string;
  readonly namespace: string;
  readonly source: string;
  readonly tier: string;
  /** `<source>/<tier>` below a storage's prefix. */
  readonly folder: string;
  /** Five cron fields, jitter applied. @default - manual runs only */
  readonly schedule?: string;
  readonly timeZone: string;
  readonly suspend: boolean;
  readonly parts: readonly Part[];
  /** The first is the primary. */
  readonly storages: readonly PlannedStorage[];
  readonly filenameTemplate: string;
  /** Hash of the settings that affect the artifact. The manifest stores it. */
  readonly specHash: string;
  /** Age after which files without a manifest are abandoned: 48 h plus twice the longest deadline. Seconds. */
  readonly abandonedAfter: number;
  readonly pod: Options['pod'];
  readonly job: Options['job'];
}

export interface PlannedStorage {
  readonly name: string;
  readonly kind: string;
  readonly role: 'primary' | 'copy';
  /** @default - nothing is ever deleted, as for manual runs only */
  readonly keep?: Keep;
  readonly access: Access;
}

/** The requested backup, and where to find it. */
export interface Origin {
  readonly environment: string;
  /** Names of the source that its manifest may have: its current name, and that of its folder if it was renamed. */
  readonly sources: readonly string[];
  /** Folders below the prefix, one for each tier. */
  readonly folders: readonly string[];
  /** `latest`, `latest-verified`, `before:<seconds>`, or an id, as fetch.sh expects it. */
  readonly wanted: string;
  /** Backups that started later are ignored, unless requested by id. Seconds since 1970. @default - no bound */
  readonly notAfter?: number;
  /** Maximum age. Seconds. @default - no limit */
  readonly newerThan?: number;
  /** Number of the storage to read, from 1. */
  readonly from: number;
}

/** The verification of a source's newest backup. */
export interface PlannedVerify {
  /** `verify-<source>`, the name of its CronJob and its NetworkPolicy. */
  readonly name: string;
  /** Its pod, and all storages to which its record is written. */
  readonly run: PlannedRun;
  readonly schedule: string;
  readonly origin: Origin;
  readonly parts: readonly VerifyPart[];
  /** The peers that it may reach: storages, and no server. */
  readonly peers: readonly Peer[];
  readonly secrets: readonly SecretNeed[];
}

/** A workload that is stopped during a restore. */
export interface Application {
  readonly namespace: string;
  readonly kind: 'deployment' | 'statefulset';
  /** @default - `selector` is given */
  readonly name?: string;
  /** Labels: `app=shop,tier=api`. @default - `name` is given */
  readonly selector?: string;
}

/** One restore: a Job and everything that it needs. */
export interface PlannedRestore {
  /** `restore-<name>-<id>`, the name of its Roles and its NetworkPolicy. The Job's name adds a digest of what it runs. */
  readonly name: string;
  /** Its name in the values, or that of the source for a manual restore. */
  readonly entry: string;
  readonly id: string;
  /** `restore-<source>`, the service account of its pod. */
  readonly account: string;
  /** The source that is restored: namespace, pod, and the safety backup that runs first. */
  readonly run: PlannedRun;
  readonly safetyBackup: boolean;
  /** What is done with the data. Only `restore` fetches a backup. */
  readonly action: RestoreAction;
  readonly origin: Origin;
  /** The storages to read from, and those with its markers. */
  readonly storages: readonly PlannedStorage[];
  /** It is in the values: it leaves a marker when it is done and never runs again. */
  readonly once: boolean;
  /** What one attempt leaves for the next. @default - a manual restore beside the live data, whose attempts are all alike */
  readonly markers?: Markers;
  readonly parts: readonly RestorePart[];
  readonly guard?: PlannedGuard;
  readonly claims: readonly ClaimSpec[];
  readonly peers: readonly Peer[];
  readonly secrets: readonly SecretNeed[];
  readonly networkPolicy: Options['networkPolicy'];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The records of the restore itself. */
export interface Markers {
  /** Paths below a prefix, without their endings. */
  readonly path: string;
  /** Numbers of the storages with these records. A record counts if any of them has it. */
  readonly storages: readonly number[];
}

/** Stops the applications, checks that no pod uses a claim, and starts them again. */
export interface PlannedGuard {
  readonly applications: readonly Application[];
  /** What would start them again during the restore, and how to pause it. */
  readonly paused: Readonly<Record<string, string>>;
  readonly claims: readonly string[];
  readonly claimsInUse: boolean;
  /** Seconds. */
  readonly stopWait: number;
  /** Seconds. */
  readonly startWait: number;
}
