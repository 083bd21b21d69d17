import type { Env } from '../../pod.ts';
import type { PlannedRun } from '../model.ts';
import { storageMounts } from './backup.ts';
import type { PodPlan } from './step.ts';
import { folderEnv, sharedEnv } from './variables.ts';

/** Lists and manifests need little room. */
const SCRATCH = { size: '256Mi' };
/** Deadline of a command that a user waits for. */
const DEADLINE_SECONDS = 1800;

/** The scripts of that pod. */
export const CATALOGUE_SCRIPTS = ['catalogue.sh'];

/**
 * A pod that reads, or prunes, what is stored: one container a tier, named as the tier, since each tier may have storages
 * of its own.
 *
 * @param runs - the tiers to look at, all of one source; at least one
 * @param action - `ACTION` of catalogue.sh and its further variables
 */
export function cataloguePlan(runs: readonly PlannedRun[], action: Env): PodPlan {
  const first = runs[0];
  if (!first) throw new Error('no tier to look at');
  const options = { ...first.pod, scratch: SCRATCH };
  return {
    init: [],
    main: runs.map((run) => ({
      name: run.tier,
      image: 'rclone',
      run: CATALOGUE_SCRIPTS,
      env: { ...folderEnv(run), ...action },
      mounts: storageMounts(run.storages),
    })),
    shared: sharedEnv({ ...first, pod: options }),
    options,
    deadline: DEADLINE_SECONDS,
    storages: runs.flatMap(({ storages }) => storages),
    // Beside a claim's other pods, but not beside the source's: nothing of it is read here.
    placements: [],
  };
}
