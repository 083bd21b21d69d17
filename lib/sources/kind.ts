import type * as z from 'zod';
import type { RelativeDiagnostic } from '../diagnostics.ts';
import type { ClaimSpec, Env, Mount, Peer, Placement, Privileges, SecretNeed } from '../pod.ts';
import type { FactsOf, FactsShape, ObjectOf } from './facts.ts';

/**
 * One kind of source: everything backstay knows about it, as plain data.
 *
 * Adding a kind takes a folder beside this file, a folder of scripts, and a line in `index.ts`.
 */
export interface SourceKind<Schema extends z.ZodType = z.ZodType, Restore extends z.ZodType = z.ZodType, Verify extends z.ZodType = z.ZodType> {
  /** Key of the kind in the values: `postgres`, `volume`. */
  readonly name: string;

  /** What people write under that key, with every default. */
  readonly schema: Schema;

  /** What people write under `restores.<name>.<kind>`, with every default. @default - the values know no such key */
  readonly restoreSchema?: Restore;

  /** What people write under `verify.<kind>`, with every default. @default - the values know no such key */
  readonly verifySchema?: Verify;

  /** Schemas that these use in several places, by their names in the JSON Schema. @default - none */
  readonly sharedSchemas?: Readonly<Record<string, z.ZodType>>;

  /** Official images that its steps run, by their names under `images` in the values. @default - its steps use those of other kinds and of `lib/tool-images.ts` */
  readonly images?: Readonly<Record<string, string>>;

  /** Errors in the images that the values set, each with its path below `images`. @default - any image will do */
  checkImages?(images: Readonly<Record<string, string>>): readonly RelativeDiagnostic[];

  /** How this kind is backed up. The first is the default; a tier chooses another one by its name. */
  readonly methods: readonly [Method<Schema, Restore, Verify>, ...Method<Schema, Restore, Verify>[]];

  /** Errors that types cannot express and that concern every method, with paths below the kind's key. Called with valid settings. */
  check(settings: z.output<Schema>, context: SourceContext): readonly RelativeDiagnostic[];
}

/** One way to back up a kind: it defines what its backups look like, and how they are restored and verified. */
export interface Method<
  Schema extends z.ZodType = z.ZodType,
  Restore extends z.ZodType = z.ZodType,
  Verify extends z.ZodType = z.ZodType,
  Facts extends FactsShape = FactsShape,
> {
  /** Its name, in a tier's `method` and in the manifest. Unique among all kinds. */
  readonly name: string;

  /** Extensions of its artifacts, without that of the compression: `.dump`. A file-name template that already ends in one does not get a second. */
  readonly extensions: readonly string[];

  /** Files beside the artifact, from role in the manifest to suffix of the name: `{ globals: '+globals.sql' }`. @default - none */
  readonly companions?: Readonly<Record<string, string>>;

  /** Names of methods that no tier of the same source may use. It is enough if one of the two names the other. @default - none */
  readonly rivals?: readonly string[];

  /** Errors in the settings that only this method reads, with paths below the kind's key. @default - nothing to check */
  check?(settings: z.output<Schema>, context: SourceContext): readonly RelativeDiagnostic[];

  /** The parts of one run. A source with several databases has several. */
  parts(settings: z.output<Schema>, context: SourceContext): readonly Part[];

  /** What its script adds to each part of the manifest. Later versions may add optional facts, but must not change any. */
  facts(object: ObjectOf): Facts;

  /** Describes a part in one phrase, for `get`: `database shop of PostgreSQL 17.6`. */
  describe(facts: FactsOf<Facts>): string;

  /** How a backup is restored. @default - synth refuses a restore by this method */
  readonly restore?: Restoring<z.output<Schema>, z.output<Restore>>;

  /** How a backup is verified, away from the live data. @default - `verify` skips it with a warning */
  readonly verify?: Verifying<z.output<Schema>, z.output<Verify>>;

  /** For tests that run over all methods. */
  readonly sample: Sample<Schema, Restore, Verify, Facts>;
}

/** One valid source with every setting that the method reads, except those that exclude others. */
export interface Sample<
  Schema extends z.ZodType = z.ZodType,
  Restore extends z.ZodType = z.ZodType,
  Verify extends z.ZodType = z.ZodType,
  Facts extends FactsShape = FactsShape,
> {
  /** As people write it under the kind's key. */
  readonly settings: z.input<Schema>;
  /** As people write it under `restores.<name>.<kind>`, for a restore beside the live data. @default - no setting is written */
  readonly restore?: z.input<Restore>;
  /** As people write it under `verify.<kind>`. @default - no setting is written */
  readonly verify?: z.input<Verify>;
  /** As the script writes them. */
  readonly facts: z.input<z.ZodObject<Facts, z.core.$strip>>;
}

/** How one method restores a backup. */
export interface Restoring<Settings = unknown, Request = unknown> {
  /** Its steps write to a claim of an application, so its pod sets no fsGroup and cannot have scratch with a StorageClass. @default false */
  readonly fillsClaims?: boolean;

  /** Errors that types cannot express, with paths below the kind's key. */
  check(settings: Settings, request: Request, context: RestoreContext): readonly RelativeDiagnostic[];

  /** Secrets that a restore reads and a backup does not. */
  secrets(settings: Settings): readonly SecretNeed[];

  /** The steps that restore each part. They have the names of the backup's parts. */
  parts(settings: Settings, request: Request, context: RestoreContext): readonly RestorePart[];
}

/** How one method verifies a backup. */
export interface Verifying<Settings = unknown, Asked = unknown> {
  /** Errors that types cannot express, with paths below the kind's key. */
  check(settings: Settings, assertions: Asked, context: SourceContext): readonly RelativeDiagnostic[];

  /** The steps that verify each part. They have the names of the backup's parts, and get no Secret and no peers. */
  parts(settings: Settings, assertions: Asked, context: SourceContext): readonly VerifyPart[];
}

/** Whether to restore, or to undo or clean up after the previous restore, which kept the old data. */
export type RestoreAction = 'restore' | 'swap-back' | 'drop-old';

export interface RestoreContext extends SourceContext {
  /** Whether the restore replaces the live data, or makes a copy beside it. */
  readonly inPlace: boolean;
  readonly action: RestoreAction;
  /** The only part to restore. @default - all of them */
  readonly part?: string;
  /** Eight letters that identify this restore in all its attempts. */
  readonly id: string;
}

/** One step: a container, a script, and what it needs. */
export interface StepPart {
  /** `[a-z0-9-]+`: occurs in names of files and containers. The steps that back up, restore and verify a part have the same name. */
  readonly name: string;
  readonly kind: string;
  readonly method: string;
  /** Name of an image, of any kind of source or of `lib/tool-images.ts`. */
  readonly image: string;
  /** The file in `scripts/`. The files that it reads are mounted with it. */
  readonly script: string;
  /** Variables of the script's header; `docs/environment.md` lists them. Plain text: `$` is escaped later. */
  readonly env: Env;
  readonly mounts: readonly Mount[];
  /** Linux capabilities that it may have. @default - none, as Pod Security "restricted" requires */
  readonly privileges?: Privileges;
}

/** A step that needs something outside its pod: a server, or a claim that only one node can mount. */
interface ReachingPart extends StepPart {
  /** The peers that the pod must reach. */
  readonly peers: readonly Peer[];
  readonly secrets: readonly SecretNeed[];
  /** @default - the pod may run on any node */
  readonly placement?: Placement;
}

export type VerifyPart = StepPart;

export interface RestorePart extends ReachingPart {
  /** A claim that no other pod may use while the step runs. @default - none */
  readonly occupies?: string;
  /** A claim that is created for it. @default - none */
  readonly claim?: ClaimSpec;
}

/** What a kind may know of the source around it. */
export interface SourceContext {
  readonly environment: string;
  readonly source: string;
  readonly namespace: string;
  /** How many backups may run at the same time against one server, and how long another one waits. */
  readonly throttle: { readonly perServer: number; readonly wait: number };
}

/** The step that backs up and checks one artifact of a run. */
export interface Part extends ReachingPart {
  /** Value of `.DatabaseName` in a file-name template. @default - the template may not use it */
  readonly databaseName?: string;
}
