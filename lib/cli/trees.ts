import { join } from 'node:path';
import { BY_FILE } from '../charts/outputs/index.ts';
import type { Output } from '../charts/outputs/output.ts';
import { filesOf, synthesizedFiles } from '../charts/synthesize.ts';
import type { Model } from '../model/model.ts';

/** A folder of `dist/` that is replaced as a whole: that of an environment, or of an output that is applied file by file. */
export interface Tree {
  readonly model: Model;
  /** As the user writes it: `dist/prod`, `dist/restores/prod`. */
  readonly folder: string;
  /** @default - the folder of an environment, with all outputs that have a kustomization */
  readonly output?: Output;
  files(version: string): Iterable<readonly [path: string, text: string]>;
}

/** Every folder that one environment writes below `out`. */
export function treesOf(model: Model, out: string): readonly Tree[] {
  return [
    { model, folder: join(out, model.environment), files: (version) => synthesizedFiles(model, version) },
    ...BY_FILE.map((output) => ({ model, output, folder: join(out, output.name, model.environment), files: () => filesOf(output, model) })),
  ];
}
