import { join } from 'node:path';
import { synthesize } from '../charts/synthesize.ts';
import { listEnvironments } from '../config/read.ts';
import type { Model } from '../model/model.ts';
import { packageVersion } from '../version.ts';
import { loadModels } from './load-models.ts';
import { checkOutput, type Files, filesIn, leftOver, readOutput } from './output-folder.ts';
import { STATUS } from './statuses.ts';
import { describe, describeLeftOver, differences, type Output, warningsOf } from './synth-report.ts';
import type { Outcome, World } from './world.ts';

export interface SynthOptions {
  /** Folder of the values. */
  readonly config: string;
  /** Folder that gets one folder for each environment. */
  readonly out: string;
  /** Writes nothing, and says what a run would change. */
  readonly check?: boolean;
}

/** Values to YAML. Every environment is built in memory before the first file is written, and a mistake writes none. */
export function synth(chosen: readonly string[], { config, out, check }: SynthOptions, world: World): Outcome {
  checkOutput(out, config);
  const models = loadModels(config, chosen);
  for (const line of warningsOf(models)) world.warn(line);
  const outputs = models.map((model) => outputOf(model, join(out, model.environment)));
  const known = listEnvironments(config);
  const notes = leftOver(out, known).map((name) => describeLeftOver(join(out, name), config));
  if (check) return compare(outputs, notes);
  const others = () => known.filter((name) => !outputs.some(({ model }) => model.environment === name)).map((name) => filesIn(join(out, name)));
  const lines = outputs.flatMap((output) => describe(output, () => [...outputs.map(({ after }) => after), ...others()]));
  write(outputs, world);
  return { status: STATUS.done, text: [...lines, ...notes].join('\n') };
}

function outputOf(model: Model, folder: string): Output {
  const version = packageVersion();
  const before = readOutput(folder, version);
  const after = synthesize(model, version);
  return { model, folder, before, after, changes: differences(before, after) };
}

function compare(outputs: readonly Output[], notes: readonly string[]): Outcome {
  const stale = outputs.flatMap(({ folder, changes }) => changes.map(({ what, path }) => `${what} ${join(folder, path)}`));
  if (stale.length === 0) return { status: STATUS.done, text: ['up to date', ...notes].join('\n') };
  return { status: STATUS.found, text: [...stale, ...notes, 'HINT: run backstay synth, look at what it changed, and commit it'].join('\n') };
}

function write(outputs: readonly Output[], { disk, cdk8sOutdir }: World): void {
  const folders = outputs.filter(({ changes }) => changes.length > 0).map(({ folder, after }): [string, Files] => [folder, after]);
  disk.replaceFolders(new Map(folders));
  // cdk8s' own command line empties this folder, and wants to find there what was made.
  if (cdk8sOutdir === undefined) return;
  disk.replaceFolders(new Map(outputs.map(({ model, after }) => [join(cdk8sOutdir, model.environment), after])));
}
