import { join } from 'node:path';
import { BY_FILE } from '../charts/outputs/index.ts';
import { listEnvironments } from '../config/read.ts';
import type { Model } from '../model/model.ts';
import { packageVersion } from '../version.ts';
import { type Built, buildTree } from './build-tree.ts';
import { loadModels } from './load-models.ts';
import { checkOutput, leftOver, leftOverByFile, open } from './output-folder.ts';
import { STATUS } from './statuses.ts';
import { describe, describeLeftOver, describeLeftOverByFile, warningsOf } from './synth-report.ts';
import { treesOf } from './trees.ts';
import { scriptsOf } from './vanished.ts';
import type { Disk, Outcome, Stage, World } from './world.ts';

export interface SynthOptions {
  /** Folder with the values. */
  readonly config: string;
  /** Folder that gets a subfolder for each environment. */
  readonly out: string;
  /** Writes nothing, and reports what would change. */
  readonly check?: boolean;
}

/** Turns values into YAML. All environments are complete before the first folder is replaced, so an error changes nothing. */
export function synth(chosen: readonly string[], { config, out, check }: SynthOptions, world: World): Outcome {
  checkOutput(out, config);
  const models = loadModels(config, chosen);
  for (const line of warningsOf(models)) world.warn(line);
  const known = listEnvironments(config);
  const notes = [
    ...leftOver(out, known).map((name) => describeLeftOver(join(out, name), config)),
    ...BY_FILE.flatMap((output) =>
      leftOverByFile(join(out, output.name), known).map((name) => describeLeftOverByFile(join(out, output.name, name), config)),
    ),
  ];
  if (check) return compare(buildAll(models, out), notes);
  const built = buildAll(models, out, world.disk);
  const others = known.filter((name) => !models.some(({ environment }) => environment === name)).map((name) => join(out, name));
  const current = () => [...built.flatMap(({ scripts }) => scripts), ...others.flatMap((folder) => scriptsOf(open(folder)))];
  const lines = built.flatMap((each) => describe(each, current));
  world.disk.swapIn(built.flatMap(({ stage }) => stage ?? []));
  copyForCdk8s(built, world);
  return { status: STATUS.done, text: [...lines, ...notes].join('\n') };
}

/** Builds all folders of all environments or none: if one fails, the staged folders are discarded. */
function buildAll(models: readonly Model[], out: string, disk?: Disk): readonly Built[] {
  const stages: Stage[] = [];
  const stage = disk && ((folder: string) => stages[stages.push(disk.stage(folder)) - 1] as Stage);
  const version = packageVersion();
  try {
    return models.flatMap((model) => treesOf(model, out)).map((tree) => buildTree({ tree, version, stage }));
  } catch (error) {
    for (const one of stages) one.discard();
    throw error;
  }
}

function compare(built: readonly Built[], notes: readonly string[]): Outcome {
  const stale = built.flatMap(({ tree, changes }) => changes.map(({ what, path }) => `${what} ${join(tree.folder, path)}`));
  if (stale.length === 0) return { status: STATUS.done, text: ['up to date', ...notes].join('\n') };
  return { status: STATUS.found, text: [...stale, ...notes, 'HINT: run backstay synth, review its changes, and commit them'].join('\n') };
}

/** The cdk8s command line empties this folder first, and expects the output there. */
function copyForCdk8s(built: readonly Built[], { disk, cdk8sOutdir }: World): void {
  if (cdk8sOutdir === undefined) return;
  for (const { tree } of built) if (!tree.output) disk.copyFolder(tree.folder, join(cdk8sOutdir, tree.model.environment));
}
