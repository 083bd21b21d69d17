import type { Env, Mount } from '../../pod.ts';
import type { Part } from '../../sources/kind.ts';
import type { PlannedRun, PlannedStorage } from '../model.ts';
import type { PodPlan, Step } from './step.ts';
import { folderEnv, sharedEnv } from './variables.ts';

/**
 * The pod of one run: a step is a container with one exit status, in a row over one scratch volume.
 *
 * `take` is an init container for each part, so that `publish` starts only when all of them succeeded.
 *
 * @param label - what the run is for, in the user's words; it stands in the manifest
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

/** Takes one part and verifies that it is complete. */
export function takeStep({ parts, pod }: PlannedRun, part: Part): Step {
  return {
    name: `take-${part.name}`,
    image: part.image,
    run: [part.script],
    env: { PART: part.name, PART_COUNT: String(parts.length), ...part.env },
    mounts: part.mounts,
    capabilities: readsClaim(part) ? pod.capabilities : [],
  };
}

/** Uploads what was taken, compares it, commits it by its manifest, and prunes. */
export function publishStep(run: PlannedRun, more: Env = {}): Step {
  return {
    name: 'publish',
    image: 'rclone',
    run: ['publish.sh'],
    env: { ...folderEnv(run), SPEC_HASH: run.specHash, ...more },
    mounts: storageMounts(run.storages),
  };
}

/** What a step mounts to reach storages. */
export function storageMounts(storages: readonly PlannedStorage[]): readonly Mount[] {
  return storages.flatMap(({ access }) => access.mounts);
}

/** Whether a step has files of an application before it, which may belong to somebody else. */
export function readsClaim({ mounts }: Pick<Part, 'mounts'>): boolean {
  return mounts.some(({ type }) => type === 'claim');
}

/** The scripts of that pod, without making it: what thousands of sources share is asked for thousands of times. */
export function backupScripts({ parts }: Pick<PlannedRun, 'parts'>): readonly string[] {
  return [...parts.map(({ script }) => script), 'publish.sh'];
}
