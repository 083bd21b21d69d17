import type * as z from 'zod';
import type { RelativeDiagnostic } from '../diagnostics.ts';
import type { ClaimSpec, Env, Mount, Peer, SecretNeed } from '../pod.ts';

/**
 * One kind of storage: everything backstay knows about it, as plain data.
 *
 * Every storage is an rclone path to the scripts, so a new kind is a file beside this one and a line in `index.ts`.
 */
export interface StorageKind<Schema extends z.ZodType = z.ZodType, Name extends string = string> {
  /** Key of the kind in the values: `pvc`, `s3`. */
  readonly name: Name;

  /** What people write under that key, with every default. */
  readonly schema: Schema;

  /** Errors that types cannot express, with paths below the kind's key. Called with valid settings. */
  check(settings: z.output<Schema>, context: StorageContext): readonly RelativeDiagnostic[];

  /** What a pod needs to reach it. `number` counts the storages of one run from 1. */
  access(settings: z.output<Schema>, context: StorageContext, number: number): Access;

  /** Text that is equal for two storages exactly when they are one place: no two folders of one place may be one. */
  place(settings: z.output<Schema>, context: StorageContext): string;
}

export interface StorageContext {
  readonly environment: string;
  /** The storage's name in the values. */
  readonly name: string;
  /** Namespace that a claim lives in. */
  readonly namespace: string;
}

export interface Access {
  /** rclone path of the prefix: `/storage/local/prod` or `S2:bucket/prod`. */
  readonly remote: string;
  /** What is compared after an upload: size and the store's own checksum, or the size only. */
  readonly compare: 'checksum' | 'size';
  /** Read everything back after the upload and hash it again. */
  readonly readBack: boolean;
  /** Variables that belong to this remote alone: `RCLONE_CONFIG_S2_…`, `STORAGE_2_CA`. */
  readonly env: Env;
  readonly mounts: readonly Mount[];
  readonly peers: readonly Peer[];
  readonly secrets: readonly SecretNeed[];
  /** A claim that backstay makes. @default - nothing is made */
  readonly claim?: ClaimSpec;
  /** Name of the claim, made or existing, when pods of several nodes could fight for it. @default - no claim, or one that many nodes may mount */
  readonly exclusiveClaim?: string;
  /** What a reader of `synth` should know, such as "only the size is compared". @default [] */
  readonly notes?: readonly string[];
}
