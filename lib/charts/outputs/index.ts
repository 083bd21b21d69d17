import { jobs } from './jobs.ts';
import { keep } from './keep.ts';
import type { Output } from './output.ts';
import { restores } from './restores.ts';

/** Everything that `synth` writes, in the order in which it is applied. A new output is a file beside this one and a line here. */
export const OUTPUTS: readonly Output[] = [keep, jobs, restores];

/** Outputs that are applied whole: they share the folder `dist/<environment>/`. */
export const KUSTOMIZED = OUTPUTS.filter(({ applied }) => applied === 'kustomization');

/** Outputs whose files are applied one by one, each in a folder `dist/<name>/<environment>/`. */
export const BY_FILE = OUTPUTS.filter(({ applied }) => applied === 'file');
