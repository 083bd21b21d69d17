import type { Keep } from '../config/schema/keep.ts';
import type { Options } from '../config/schema/options.ts';
import type { ClaimSpec, Peer, SecretNeed } from '../pod.ts';
import type { Part, RestoreAction, RestorePart, VerifyPart } from '../sources/kind.ts';
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
  /** Restores that stand in the values, by name. */
  readonly restores: readonly PlannedRestore[];
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
  /** @default - its backups are not verified */
  readonly verify?: PlannedVerify;
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

/** Which backup is wanted, and where it is looked for. */
export interface Origin {
  readonly environment: string;
  /** What its manifest may call the source: its name, and that of its folder where it was renamed. */
  readonly sources: readonly string[];
  /** Folders below the prefix, one for each tier. */
  readonly folders: readonly string[];
  /** `latest`, `latest-verified`, `before:<seconds>`, or an id, as fetch.sh takes it. */
  readonly wanted: string;
  /** What began later is not looked at, unless it is named. Seconds since 1970. @default - no bound */
  readonly notAfter?: number;
  /** How old it may be. Seconds. @default - as old as it likes */
  readonly newerThan?: number;
  /** Number of the storage to read, from 1. */
  readonly from: number;
}

/** The proof of a source's newest backup. */
export interface PlannedVerify {
  /** `verify-<source>`: CronJob and NetworkPolicy. */
  readonly name: string;
  /** Where it runs, and all storages that its record goes to. */
  readonly run: PlannedRun;
  readonly schedule: string;
  readonly origin: Origin;
  readonly parts: readonly VerifyPart[];
  /** Whom it may reach: storages, and no server. */
  readonly peers: readonly Peer[];
  readonly secrets: readonly SecretNeed[];
}

/** What is stopped while a restore works. */
export interface Application {
  readonly namespace: string;
  readonly kind: 'deployment' | 'statefulset';
  /** @default - `selector` is given */
  readonly name?: string;
  /** Labels: `app=shop,tier=api`. @default - `name` is given */
  readonly selector?: string;
}

/** One restore: a Job of its own, with all that it needs. */
export interface PlannedRestore {
  /** `restore-<name>-<id>`: its Roles and its NetworkPolicy; the Job's name goes on with a digest of what it runs. */
  readonly name: string;
  /** Its name in the values, or the source's for one by hand. */
  readonly entry: string;
  readonly id: string;
  /** `restore-<source>`: account of its pod. */
  readonly account: string;
  /** The source as it is restored: namespace, pod, and the backup that runs first. */
  readonly run: PlannedRun;
  readonly safetyBackup: boolean;
  /** What becomes of the data; only a restore fetches a backup. */
  readonly action: RestoreAction;
  readonly origin: Origin;
  /** Those to read from, and where its markers lie. */
  readonly storages: readonly PlannedStorage[];
  /** It stands in the values, leaves word that it is done, and never runs again. */
  readonly once: boolean;
  /** What one attempt leaves for the next. @default - by hand and beside what is live: each attempt is like the first */
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

/** What is stored of a restore itself. */
export interface Markers {
  /** Below a prefix, without their endings. */
  readonly path: string;
  /** Numbers of the storages that hold them: what is found in one counts. */
  readonly storages: readonly number[];
}

/** Who stops the applications, looks that nobody uses a claim, and starts them again. */
export interface PlannedGuard {
  readonly applications: readonly Application[];
  /** What would start them again, and how it is paused. */
  readonly paused: Readonly<Record<string, string>>;
  readonly claims: readonly string[];
  readonly claimsInUse: boolean;
  /** Seconds. */
  readonly stopWait: number;
  /** Seconds. */
  readonly startWait: number;
}
