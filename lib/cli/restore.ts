import { restoreObjects } from '../charts/restore.ts';
import { toYaml } from '../charts/writer.ts';
import { Diagnostics } from '../config/diagnostics.ts';
import type { Path } from '../config/places.ts';
import { restore as schema } from '../config/schema/restore.ts';
import { restoreJobName } from '../constructs/restore-job.ts';
import type { Diagnostic } from '../diagnostics.ts';
import { ConfigError } from '../errors.ts';
import { lintRestore } from '../model/lint-restore.ts';
import type { PlannedRestore } from '../model/model.ts';
import { lettersOf, planRestore } from '../model/plan-restore.ts';
import { applyRestore, cleanUpOf } from './apply-restore.ts';
import { clusterOf } from './cluster.ts';
import { followJob } from './follow-job.ts';
import { containersOf, lastWordsOf, type Pod } from './pod.ts';
import { actionOf, pathAsFlag, type RestoreFlags, requestOf, textAsFlags } from './restore-request.ts';
import { STATUS } from './statuses.ts';
import { type SourceTarget, sourceTarget } from './target.ts';
import { secondsOfTimeout } from './timeout.ts';
import type { Outcome, World } from './world.ts';

export interface RestoreOptions extends RestoreFlags {
  readonly config: string;
  readonly apply?: boolean;
  readonly context?: string;
  readonly timeout: string;
}

/** Prints the Job of a restore with everything that it needs, or applies it with the user's kubectl and follows it to its end. */
export async function restore(target: string, options: RestoreOptions, world: World): Promise<Outcome> {
  const patience = secondsOfTimeout(options.timeout);
  const loaded = sourceTarget(target, options.config);
  const { model } = loaded;
  const planned = planOf(target, loaded, options, world);
  const objects = restoreObjects(planned, model.images);
  const { namespace } = planned.run;
  const cleanUp = cleanUpOf(planned);
  if (!options.apply) {
    const comment = `a restore of ${target} that runs once: apply it with kubectl apply -f -, and clean up with\n${cleanUp}`;
    return { status: STATUS.done, text: toYaml(objects, comment).trimEnd() };
  }
  const cluster = clusterOf(world, options);
  await applyRestore(cluster, objects, planned, world);
  const name = restoreJobName({ restore: planned, images: model.images });
  world.say(`created the Job ${namespace}/${name}`);
  const status = await followJob(cluster, world, { namespace, name, patience, summary });
  if (status !== STATUS.interrupted) world.say(`HINT: the Job is kept for its log; remove it with ${cleanUp}`);
  return { status };
}

/** The results of the steps: the target of each, and the old data that it kept. */
function summary(pod: Pod): string {
  return containersOf(pod)
    .flatMap((container) => {
      const { reason, hint } = lastWordsOf(container);
      return container.name.startsWith('restore-') && reason !== undefined ? [hint === undefined ? reason : `${reason}\n  HINT: ${hint}`] : [];
    })
    .join('\n');
}

function planOf(target: string, { settings, source: planned, elsewhere }: SourceTarget, options: RestoreOptions, world: World): PlannedRestore {
  const { environment } = settings;
  const { name: source } = planned;
  const diagnostics = new Diagnostics(() => undefined);
  const action = actionOf(options);
  const request = diagnostics.parse(schema, requestOf(target, source, options), { origin: (path) => [...REQUEST, ...path] });
  if (request && request.source !== source)
    throw ConfigError.of('', `--set source must be '${source}', got '${request.source}'`, `run backstay restore ${environment}/${request.source}`);
  const restoring = request && { name: source, settings: request, written: request, at: REQUEST };
  if (restoring) lintRestore({ settings, restore: restoring, action }, elsewhere, diagnostics);
  if (diagnostics.errors.length > 0) throw new ConfigError(diagnostics.errors.map(inFlags));
  if (!restoring) throw new Error('a restore without a plan');
  for (const { message, hint } of diagnostics.warnings.map(inFlags)) world.warn(`warning: ${message}\n  HINT: ${hint}`);
  const id = lettersOf(JSON.stringify([target, request, world.now()]));
  const made = planRestore({ settings, planned, restore: restoring, id, action, once: false }, elsewhere);
  // All attempts of the Job select the same backup as the first, even if newer ones are stored meanwhile.
  return { ...made, origin: { ...made.origin, notAfter: Math.floor(world.now()) + CLOCKS_DIFFER } };
}

/** The path of the flags in the values, so that hints can be looked up. */
const REQUEST: Path = ['restores', 'request'];

/** A diagnostic in terms of flags. */
function inFlags(diagnostic: Diagnostic): Diagnostic {
  return {
    ...diagnostic,
    path: pathAsFlag(diagnostic.path.replace(/^restores\.request\.?/, '')),
    hint: diagnostic.hint && textAsFlags(diagnostic.hint),
  };
}

/** How much a laptop's clock may be behind. Seconds. */
const CLOCKS_DIFFER = 600;
