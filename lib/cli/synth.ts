import { join } from 'node:path';
import { listEnvironments } from '../config/read.ts';
import type { Model } from '../model/model.ts';
import { packageVersion } from '../version.ts';
import { buildOutput, type Output } from './build-output.ts';
import { loadModels } from './load-models.ts';
import { checkOutput, leftOver, leftOverRestores, open, RESTORES } from './output-folder.ts';
import { buildRestores, describeRestores, type RestoresOutput } from './restores-output.ts';
import { STATUS } from './statuses.ts';
import { describe, describeLeftOver, describeLeftOverRestores, warningsOf } from './synth-report.ts';
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
    ...leftOverRestores(out, known).map((name) => describeLeftOverRestores(join(out, RESTORES, name), config)),
  ];
  if (check) return compare(buildAll(models, out), notes);
  const { outputs, restores } = buildAll(models, out, world.disk);
  const others = known.filter((name) => !models.some(({ environment }) => environment === name)).map((name) => join(out, name));
  const current = () => [...outputs.flatMap(({ scripts }) => scripts), ...others.flatMap((folder) => scriptsOf(open(folder)))];
  const lines = [...outputs.flatMap((output) => describe(output, current)), ...restores.flatMap(describeRestores)];
  world.disk.swapIn([...outputs, ...restores].flatMap(({ stage }) => stage ?? []));
  copyForCdk8s(outputs, world);
  return { status: STATUS.done, text: [...lines, ...notes].join('\n') };
}

interface Built {
  readonly outputs: readonly Output[];
  readonly restores: readonly RestoresOutput[];
}

/** Builds all of them or none: if one fails, the staged folders of the others are discarded. */
function buildAll(models: readonly Model[], out: string, disk?: Disk): Built {
  const stages: Stage[] = [];
  const stage = disk && ((folder: string) => stages[stages.push(disk.stage(folder)) - 1] as Stage);
  try {
    const version = packageVersion();
    return {
      outputs: models.map((model) => buildOutput({ model, folder: join(out, model.environment), version, stage })),
      restores: models.flatMap((model) => buildRestores({ model, folder: join(out, RESTORES, model.environment), stage })),
    };
  } catch (error) {
    for (const one of stages) one.discard();
    throw error;
  }
}

function compare({ outputs, restores }: Built, notes: readonly string[]): Outcome {
  const stale = [...outputs, ...restores].flatMap(({ folder, changes }) => changes.map(({ what, path }) => `${what} ${join(folder, path)}`));
  if (stale.length === 0) return { status: STATUS.done, text: ['up to date', ...notes].join('\n') };
  return { status: STATUS.found, text: [...stale, ...notes, 'HINT: run backstay synth, review its changes, and commit them'].join('\n') };
}

/** The cdk8s command line empties this folder first, and expects the output there. */
function copyForCdk8s(outputs: readonly Output[], { disk, cdk8sOutdir }: World): void {
  if (cdk8sOutdir === undefined) return;
  for (const { model, folder } of outputs) disk.copyFolder(folder, join(cdk8sOutdir, model.environment));
}
