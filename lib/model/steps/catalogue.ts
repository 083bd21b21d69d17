import type { Env } from '../../pod.ts';
import type { PlannedRun } from '../model.ts';
import { storageMounts } from './backup.ts';
import type { PodPlan } from './step.ts';
import { folderEnv, sharedEnv } from './variables.ts';

/** Listings and manifests are small. */
const SCRATCH = { size: '256Mi' };
/** As long as anyone waits at a terminal. */
const DEADLINE_SECONDS = 1800;

/** The scripts of that pod. */
export const CATALOGUE_SCRIPTS = ['catalogue.sh'];

/**
 * A pod that lists or prunes backups. It has one container per tier, named after the tier, because tiers may have different
 * storages.
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
    // It runs on the node of the storages' claims, but needs nothing of the source.
    placements: [],
  };
}
