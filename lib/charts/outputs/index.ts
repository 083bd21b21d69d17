import { jobs } from './jobs.ts';
import { keep } from './keep.ts';
import type { Output } from './output.ts';
import { restores } from './restores.ts';

/** All outputs of `synth`, in the order of application. A new output is a file beside this one and a line here. */
export const OUTPUTS: readonly Output[] = [keep, jobs, restores];

/** Outputs that are applied as a whole, in `dist/<environment>/`. */
export const KUSTOMIZED = OUTPUTS.filter(({ applied }) => applied === 'kustomization');

/** Outputs whose files are applied one at a time, each in `dist/<name>/<environment>/`. */
export const BY_FILE = OUTPUTS.filter(({ applied }) => applied === 'file');
