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

  /** Schemas inside these that occur in several places, by the name that the JSON Schema gives them. @default - none */
  readonly sharedSchemas?: Readonly<Record<string, z.ZodType>>;

  /** Images that its steps run, official ones, by the names under `images` in the values. @default - those of other kinds and of `lib/tool-images.ts` will do */
  readonly images?: Readonly<Record<string, string>>;

  /** Errors in the images that the values set, each with its path below `images`. @default - any image will do */
  checkImages?(images: Readonly<Record<string, string>>): readonly RelativeDiagnostic[];

  /** How this kind is backed up. The first is the default; a tier chooses another one by its name. */
  readonly methods: readonly [Method<Schema, Restore, Verify>, ...Method<Schema, Restore, Verify>[]];

  /** Mistakes that no type can see and that every method cares about, each with its path below the kind's key. Called with valid settings. */
  check(settings: z.output<Schema>, context: SourceContext): readonly RelativeDiagnostic[];
}

/** One way to back up a kind: it owns what its backups look like, how they come back, and how they are verified. */
export interface Method<
  Schema extends z.ZodType = z.ZodType,
  Restore extends z.ZodType = z.ZodType,
  Verify extends z.ZodType = z.ZodType,
  Facts extends FactsShape = FactsShape,
> {
  /** What a tier writes as its `method`, and what the manifest calls it. No two kinds share one. */
  readonly name: string;

  /** Extensions of its artifacts, without that of the compression: `.dump`. A file-name template that ends in one does not get it twice. */
  readonly extensions: readonly string[];

  /** Files beside the artifact: role in the manifest, and how their names end: `{ globals: '+globals.sql' }`. @default - none */
  readonly companions?: Readonly<Record<string, string>>;

  /** Names of methods that no tier of the same source may use. Either side may name the other. @default - none */
  readonly rivals?: readonly string[];

  /** Mistakes in the settings that only this method reads, each with its path below the kind's key. @default - there are none to find */
  check?(settings: z.output<Schema>, context: SourceContext): readonly RelativeDiagnostic[];

  /** The parts of one run. More than one where one entry names several databases. */
  parts(settings: z.output<Schema>, context: SourceContext): readonly Part[];

  /** What its parts add to the manifest, as its script writes it. Facts may be added later, as optional ones; none may change. */
  facts(object: ObjectOf): Facts;

  /** What a part is, in one phrase, for `get`: `database shop of PostgreSQL 17.6`. */
  describe(facts: FactsOf<Facts>): string;

  /** How a backup comes back. @default - a restore is refused by name */
  readonly restore?: Restoring<z.output<Schema>, z.output<Restore>>;

  /** How a backup is verified in a throw-away place. @default - `verify` skips it with a warning */
  readonly verify?: Verifying<z.output<Schema>, z.output<Verify>>;

  /** For tests that run over all methods. */
  readonly sample: Sample<Schema, Restore, Verify, Facts>;
}

/** One valid source, with every setting that the method reads and that can stand beside the others. */
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

/** How one method puts a backup back. */
export interface Restoring<Settings = unknown, Request = unknown> {
  /** Its steps write into a claim of an application, so its pod sets no fsGroup and cannot have a scratch volume of its own. @default false */
  readonly fillsClaims?: boolean;

  /** Errors that types cannot express, with paths below the kind's key. */
  check(settings: Settings, request: Request, context: RestoreContext): readonly RelativeDiagnostic[];

  /** Secrets that a restore reads and a backup does not. */
  secrets(settings: Settings): readonly SecretNeed[];

  /** The steps that put each part back, named as the parts of the backup. */
  parts(settings: Settings, request: Request, context: RestoreContext): readonly RestorePart[];
}

/** How one method verifies a backup. */
export interface Verifying<Settings = unknown, Asked = unknown> {
  /** Errors that types cannot express, with paths below the kind's key. */
  check(settings: Settings, assertions: Asked, context: SourceContext): readonly RelativeDiagnostic[];

  /** The steps that try each part, named as the parts of the backup. They get no Secret and no peers. */
  parts(settings: Settings, assertions: Asked, context: SourceContext): readonly VerifyPart[];
}

/** What to do with a restore: make one, or end the one before, whose old data was kept. */
export type RestoreAction = 'restore' | 'swap-back' | 'drop-old';

export interface RestoreContext extends SourceContext {
  /** Whether the live data gives way, or a copy is made beside it. */
  readonly inPlace: boolean;
  readonly action: RestoreAction;
  /** The only part that is wanted. @default - all of them */
  readonly part?: string;
  /** Eight letters that name this restore, the same for each attempt. */
  readonly id: string;
}

/** One step: a container, a script, and what it needs. */
export interface StepPart {
  /** `[a-z0-9-]+`: part of file names and container names. The step that backs a part up and those that restore and verify it share it. */
  readonly name: string;
  readonly kind: string;
  readonly method: string;
  /** Name of an image: one of its kind's, of another kind's, or of `lib/tool-images.ts`. */
  readonly image: string;
  /** The file in `scripts/`; what it reads goes with it. */
  readonly script: string;
  /** Variables of the script's header; `docs/environment.md` lists them. Plain text: `$` is escaped later. */
  readonly env: Env;
  readonly mounts: readonly Mount[];
  /** Linux capabilities that it may have. @default - none, as Pod Security "restricted" wants it */
  readonly privileges?: Privileges;
}

/** A step that leaves its pod: to a server, or to a claim that one node holds. */
interface ReachingPart extends StepPart {
  /** Whom the pod must reach. */
  readonly peers: readonly Peer[];
  readonly secrets: readonly SecretNeed[];
  /** @default - the pod may run on any node */
  readonly placement?: Placement;
}

export type VerifyPart = StepPart;

export interface RestorePart extends ReachingPart {
  /** A claim that no other pod may use meanwhile. @default - none */
  readonly occupies?: string;
  /** A claim that is made for it. @default - none */
  readonly claim?: ClaimSpec;
}

/** What a kind may know of the source around it. */
export interface SourceContext {
  readonly environment: string;
  readonly source: string;
  readonly namespace: string;
  /** How many backups may run at a time against one server, and how long one waits for its turn. */
  readonly throttle: { readonly perServer: number; readonly wait: number };
}

/** What one run stores as one artifact: the script that backs it up and checks it, its image, and what it needs. */
export interface Part extends ReachingPart {
  /** What `.DatabaseName` stands for in a file-name template. @default - the template may not use it */
  readonly databaseName?: string;
}
