import { verifyJob } from '../charts/manual.ts';
import { toYaml } from '../charts/writer.ts';
import { ConfigError } from '../errors.ts';
import { checkApplied } from './applied.ts';
import { clusterOf } from './cluster.ts';
import { createJob, podSpecOf } from './create-job.ts';
import { followJob } from './follow-job.ts';
import { durationText } from './format.ts';
import { containersOf, lastWordsOf, type Pod } from './pod.ts';
import { STATUS } from './statuses.ts';
import { sourceTarget } from './target.ts';
import { secondsOfTimeout } from './timeout.ts';
import type { Outcome, World } from './world.ts';

export interface VerifyOptions {
  readonly config: string;
  readonly apply?: boolean;
  readonly context?: string;
  readonly timeout: string;
}

/** The Job that verifies a source's newest backup: printed, or created with the user's kubectl and followed to its end. */
export async function verify(target: string, options: VerifyOptions, world: World): Promise<Outcome> {
  const patience = secondsOfTimeout(options.timeout);
  const { model, source } = sourceTarget(target, options.config);
  if (!source.verify) throw ConfigError.of('', `verification of ${target} is disabled`, 'set verify: { enabled: true } in the source');
  const job = verifyJob(model, source.name);
  if (!options.apply)
    return { status: STATUS.done, text: toYaml([job], 'a manual verification, for kubectl create -f -: each time creates another Job').trimEnd() };
  const cluster = clusterOf(world, options);
  const { namespace } = source;
  await checkApplied(cluster, model.environment, namespace, podSpecOf(job));
  const name = await createJob(cluster, namespace, job);
  world.say(`created the Job ${namespace}/${name}`);
  return { status: await followJob(cluster, world, { namespace, name, patience, summary }) };
}

function summary(pod: Pod): string {
  const { reason = 'verified', seconds } = lastWordsOf(containersOf(pod).at(-1) ?? { name: '', state: {} });
  return seconds === undefined ? reason : `${reason}, ${durationText(seconds)}`;
}
