import type * as z from 'zod';
import type { RelativeDiagnostic } from '../diagnostics.ts';
import type { ClaimSpec, Env, Mount, Peer, SecretNeed } from '../pod.ts';

/**
 * One kind of storage: everything that TypeScript knows about it, as plain data.
 *
 * Its driver, `scripts/storage/driver-<name>.sh`, implements what pods do with it. A new kind is a file beside this one, its driver
 * and a line in `index.ts`.
 */
export interface StorageKind<Schema extends z.ZodType = z.ZodType, Name extends string = string> {
  /** Key of the kind in the values, and the name of its driver: `pvc`, `s3`. */
  readonly name: Name;

  /** What people write under that key, with every default. */
  readonly schema: Schema;

  /** Settings as people may write them, every setting at least once: tests run scripts, constructs and manifests over them. */
  readonly samples: readonly z.input<Schema>[];

  /** Errors that types cannot express, with paths below the kind's key. Called with valid settings. */
  check(settings: z.output<Schema>, context: StorageContext): readonly RelativeDiagnostic[];

  /** What a pod needs to reach it. `number` counts the storages of one run, from 1. */
  access(settings: z.output<Schema>, context: StorageContext, number: number): Access;

  /** A key that is equal for two storages if and only if they are the same place. Two sources never share a folder of one place. */
  place(settings: z.output<Schema>, context: StorageContext): string;
}

export interface StorageContext {
  readonly environment: string;
  /** The storage's name in the values. */
  readonly name: string;
  /** Namespace of the claims. */
  readonly namespace: string;
}

export interface Access {
  /** rclone path of the prefix: `/storage/local/prod` or `S2:bucket/prod`. */
  readonly remote: string;
  /** The same for people, without the number: `claim backup-local: prod` or `bucket/prod`. */
  readonly where: string;
  /** What is compared after an upload: size and the store's checksum, or only the size. */
  readonly compare: 'checksum' | 'size';
  /** Download every file after the upload and hash it again. */
  readonly readBack: boolean;
  /** The variables of this remote: `RCLONE_CONFIG_S2_…`, `STORAGE_2_CA`. */
  readonly env: Env;
  readonly mounts: readonly Mount[];
  readonly peers: readonly Peer[];
  readonly secrets: readonly SecretNeed[];
  /** A claim that backstay creates. @default - none is created */
  readonly claim?: ClaimSpec;
  /** Name of the claim, created or existing, if only one node can mount it at a time. @default - no claim, or one that several nodes can mount */
  readonly exclusiveClaim?: string;
  /** Notes that `synth` prints, such as "only the size is compared". @default [] */
  readonly notes?: readonly string[];
}
