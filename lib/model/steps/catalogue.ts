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
 * A pod that lists or prunes backups. It has one container for each tier, named after it, because each tier may have its
 * own storages.
 *
 * @param runs - the tiers to read, all of one source; at least one
 * @param action - `ACTION` of catalogue.sh and its other variables
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
    // Beside the other pods of a storage claim, but not beside the application: none of its data is read.
    placements: [],
  };
}
