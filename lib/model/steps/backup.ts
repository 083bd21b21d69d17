import type { Env, Mount } from '../../pod.ts';
import type { Part } from '../../sources/kind.ts';
import type { PlannedRun, PlannedStorage } from '../model.ts';
import type { PodPlan, Step } from './step.ts';
import { folderEnv, sharedEnv } from './variables.ts';

/**
 * The pod of one run: each step is a container with one exit status. They run one after another and share one scratch.
 *
 * `take` is an init container for each part, so that `publish` starts only when all of them succeeded.
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

/** Backs up one part and verifies that it is complete. */
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

/** Uploads the artifacts, compares them, commits them by the manifest, and prunes. */
export function publishStep(run: PlannedRun, more: Env = {}): Step {
  return {
    name: 'publish',
    image: 'rclone',
    run: ['publish.sh'],
    env: { ...folderEnv(run), SPEC_HASH: run.specHash, ...more },
    mounts: storageMounts(run.storages),
  };
}

/** The mounts of a step that reaches storages. */
export function storageMounts(storages: readonly PlannedStorage[]): readonly Mount[] {
  return storages.flatMap(({ access }) => access.mounts);
}

/** The scripts of that pod. Does not build the pod, because this is called for thousands of sources. */
export function backupScripts({ parts }: Pick<PlannedRun, 'parts'>): readonly string[] {
  return [...parts.map(({ script }) => script), 'publish.sh'];
}
