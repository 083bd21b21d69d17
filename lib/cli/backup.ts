import { manualJob } from '../charts/manual.ts';
import { toYaml } from '../charts/writer.ts';
import { ConfigError } from '../errors.ts';
import { checkApplied } from './applied.ts';
import { clusterOf } from './cluster.ts';
import { createJob, podSpecOf } from './create-job.ts';
import { followJob } from './follow-job.ts';
import { STATUS } from './statuses.ts';
import { runOf, sourceTarget } from './target.ts';
import { secondsOfTimeout } from './timeout.ts';
import type { Outcome, World } from './world.ts';

export interface BackupOptions {
  readonly config: string;
  readonly tier?: string;
  readonly label?: string;
  readonly apply?: boolean;
  readonly context?: string;
  readonly timeout: string;
}

/** The Job of a manual run: printed, or created with the user's kubectl and followed to its end. */
export async function backup(target: string, options: BackupOptions, world: World): Promise<Outcome> {
  const { model, source } = sourceTarget(target, options.config);
  const { tier, namespace } = runOf(source, options.tier);
  const patience = secondsOfTimeout(options.timeout);
  const job = manualJob(model, source.name, tier, { label: checkedLabel(options.label) });
  if (!options.apply)
    return { status: STATUS.done, text: toYaml([job], 'a manual run, for kubectl create -f -: each time creates another Job').trimEnd() };
  const cluster = clusterOf(world, options);
  await checkApplied(cluster, model.environment, namespace, podSpecOf(job));
  const name = await createJob(cluster, namespace, job);
  world.say(`created the Job ${namespace}/${name}`);
  return { status: await followJob(cluster, world, { namespace, name, patience }) };
}

/** Labels are for people, and appear in tables, manifests and JSON. */
const LABEL = /^[\p{L}\p{N}][\p{L}\p{N} ._:/#+-]{0,62}$/u;

function checkedLabel(label: string | undefined): string | undefined {
  if (label === undefined || (LABEL.test(label) && !label.endsWith(' '))) return label;
  const hint = 'use up to 63 letters, digits, spaces and . _ : / # + -, starting with a letter or a digit';
  throw new ConfigError([{ path: '--label', message: 'invalid label', value: label, hint }]);
}
