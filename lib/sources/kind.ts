import type * as z from 'zod';
import type { RelativeDiagnostic } from '../diagnostics.ts';
import type { ImageName } from '../images.ts';
import type { ClaimSpec, Env, Mount, Peer, Placement, SecretNeed } from '../pod.ts';

/**
 * One kind of source: everything backstay knows about it, as plain data.
 *
 * Adding a kind is a file beside this one, its script, and a line in `index.ts`.
 */
export interface SourceKind<Schema extends z.ZodType = z.ZodType, Name extends string = string> {
  /** Key of the kind in the values: `postgres`, `volume`. */
  readonly name: Name;

  /** What people write under that key, with every default. */
  readonly schema: Schema;

  /** How this kind is taken; the first is the default. */
  readonly methods: readonly string[];

  /** Errors that types cannot express, with paths below the kind's key. Called with valid settings. */
  check(settings: z.output<Schema>, context: SourceContext): readonly RelativeDiagnostic[];

  /** The parts of one run. More than one where one entry names several databases. */
  parts(settings: z.output<Schema>, context: SourceContext): readonly Part[];

  /** How a backup of this kind is put back. @default - no Job does it: a restore is refused by name */
  readonly restore?: Restoring<z.output<Schema>>;

  /** How a backup of this kind is tried in a throw-away place. @default - it is not: `verify` is refused by name */
  readonly verify?: Verifying<z.output<Schema>>;
}

/** What a restore of one kind is: `restores.<name>.<kind>` in the values. */
export interface Restoring<Settings, Schema extends z.ZodType = z.ZodType> {
  /** What people write, with every default. */
  readonly schema: Schema;

  /** Errors that types cannot express, with paths below the kind's key. */
  check(settings: Settings, request: z.output<Schema>, context: RestoreContext): readonly RelativeDiagnostic[];

  /** Secrets that a restore reads and a backup does not. */
  secrets(settings: Settings): readonly SecretNeed[];

  /** The steps that put each part back, named as the parts of the backup. */
  parts(settings: Settings, request: z.output<Schema>, context: RestoreContext): readonly RestorePart[];
}

/** How backups of one kind are verified: `verify.<kind>` in the values. */
export interface Verifying<Settings, Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema;

  check(settings: Settings, assertions: z.output<Schema>, context: SourceContext): readonly RelativeDiagnostic[];

  /** The steps that verify each part, named like the parts of the backup. They get no secret and no network. */
  parts(settings: Settings, assertions: z.output<Schema>, context: SourceContext): readonly VerifyPart[];
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
  /** `[a-z0-9-]+`: part of file names and container names; the same for what takes it, restores it and verifies it. */
  readonly name: string;
  readonly kind: string;
  readonly method: string;
  readonly image: ImageName;
  /** The file in `scripts/`; what it reads goes with it. */
  readonly script: string;
  /** Variables of the script's header; `docs/environment.md` lists them. Plain text: `$` is escaped later. */
  readonly env: Env;
  readonly mounts: readonly Mount[];
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
  /** One of the kind's methods. */
  readonly method: string;
  /** How many backups may run at a time against one server, and how long one waits for its turn. */
  readonly throttle: { readonly perServer: number; readonly wait: number };
}

/** What one run stores as one artifact: which script takes and verifies it, in which image, with what. */
export interface Part extends ReachingPart {
  /** What `.DatabaseName` stands for in a file-name template. @default - the template may not use it */
  readonly databaseName?: string;
}
