import type { Construct } from 'constructs';
import type { Model } from '../../model/model.ts';

/** A file, and what is in it. */
export interface Sheet {
  /** Below the output's folder: `claims.yaml`, `scripts/lib.yaml`. */
  readonly path: string;
  /** Comment lines at its beginning. @default - that it is generated */
  readonly comment?: string;
  /** Makes the objects, in the order in which they stand in the file: what a Job needs comes before the Job. */
  build(scope: Construct): void;
}

/** One thing that `synth` writes of each environment: a folder, and how it is applied. */
export interface Output {
  /** Name of its folder. */
  readonly name: string;

  /**
   * `kustomization` - `dist/<environment>/<name>/`, with a kustomization that lists its files: applied, and deleted, whole.
   * `file` - `dist/<name>/<environment>/`, which nothing lists: each file is applied by itself, when somebody wants it.
   */
  readonly applied: 'kustomization' | 'file';

  /** No clean-up may take what is in it. @default false */
  readonly kept?: boolean;

  /** How `synth` reports one file: what it is, and what applying it does. @default - only for an output that is applied by file */
  readonly words?: { readonly noun: string; readonly apply: string };

  sheets(model: Model): Iterable<Sheet>;
}
