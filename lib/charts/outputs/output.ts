import type { Construct } from 'constructs';
import type { Model } from '../../model/model.ts';

/** A file and its objects. */
export interface Sheet {
  /** Below the output's folder: `claims.yaml`, `scripts/lib.yaml`. */
  readonly path: string;
  /** Comment lines at its beginning. @default - a line that it is generated */
  readonly comment?: string;
  /** Creates the objects in the order of the file: what a Job needs comes before the Job. */
  build(scope: Construct): void;
}

/** One output of `synth` for each environment: a folder, and how to apply it. */
export interface Output {
  /** Name of its folder. */
  readonly name: string;

  /**
   * `kustomization` - `dist/<environment>/<name>/`, with a kustomization that lists its files: applied and deleted as a whole.
   * `file` - `dist/<name>/<environment>/`, without a kustomization: users apply single files when they need them.
   */
  readonly applied: 'kustomization' | 'file';

  /** Whether its objects must never be deleted automatically. @default false */
  readonly kept?: boolean;

  /** How `synth` reports a file: what it is, and what applying it does. @default - required only where files are applied one at a time */
  readonly words?: { readonly noun: string; readonly apply: string };

  sheets(model: Model): Iterable<Sheet>;
}
