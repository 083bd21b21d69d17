import type { Env, Mount } from '../../pod.ts';
import type { Part } from '../../sources/kind.ts';
import { unique } from '../lists.ts';
import type { PlannedRun, PlannedStorage } from '../model.ts';
import type { PodPlan, Step } from './step.ts';
import { folderEnv, sharedEnv } from './variables.ts';

/**
 * The pod of one run: each step is a container with an exit status of its own, and all share one scratch volume.
 *
 * Each part has an init container `take`, so that `publish` starts only after all of them have succeeded.
 *
 * @param label - what the run is for, in the user's words; the manifest stores it
 */
export function backupPlan(run: PlannedRun, label?: string): PodPlan {
  return {
    init: run.parts.map((part) => takeStep(run, part)),
    main: [publishStep(run, label === undefined ? {} : { LABEL: label })],
    shared: sharedEnv(run),
    options: run.pod,
    deadline: run.job.deadline,
    storages: run.storages,
    placements: run.parts.flatMap(({ placement }) => placement ?? []),
  };
}

/** Takes one part, and reads it to its end. */
export function takeStep({ parts }: PlannedRun, part: Part): Step {
  return {
    name: `take-${part.name}`,
    image: part.image,
    run: [part.script],
    env: { PART: part.name, PART_COUNT: String(parts.length), ...part.env },
    mounts: part.mounts,
    privileges: part.privileges,
  };
}

/** Uploads what was taken, compares it, commits it with its manifest, and prunes. */
export function publishStep(run: PlannedRun, more: Env = {}): Step {
  return {
    name: 'publish',
    image: 'rclone',
    run: ['publish.sh'],
    env: { ...folderEnv(run), SPEC_HASH: run.specHash, ...more },
    mounts: storageMounts(run.storages),
  };
}

/** Mounts of a step that reaches storages. */
export function storageMounts(storages: readonly PlannedStorage[]): readonly Mount[] {
  // Two environments may keep their backups in one claim: Kubernetes refuses a path that is mounted twice.
  return unique(
    storages.flatMap(({ access }) => access.mounts),
    (mount) => JSON.stringify(mount),
  );
}

/** The scripts of that pod. Cheaper than its plan, which a large fleet would otherwise make twice. */
export function backupScripts({ parts }: Pick<PlannedRun, 'parts'>): readonly string[] {
  return [...parts.map(({ script }) => script), 'publish.sh'];
}
