import type { PlannedVerify } from '../model.ts';
import { storageMounts } from './backup.ts';
import type { PodPlan, Step } from './step.ts';
import { fetchEnv, sharedEnv, storagesEnv } from './variables.ts';

/** Fetch, restore each part into a throw-away place, record. Only the first and the last step have keys of storages, and none can reach production. */
export function verifyPlan({ run, origin, parts }: PlannedVerify): PodPlan {
  const mounts = storageMounts(run.storages);
  const fetch: Step = {
    name: 'fetch',
    image: 'rclone',
    run: ['fetch.sh'],
    env: fetchEnv(origin, run.storages, parts, run.namespace),
    mounts,
  };
  const verifying = parts.map(
    (part): Step => ({
      name: `verify-${part.name}`,
      image: part.image,
      run: [part.script],
      env: { PART: part.name, ...part.env },
      mounts: part.mounts,
    }),
  );
  const record: Step = {
    name: 'record',
    image: 'rclone',
    run: ['record.sh'],
    env: { RECORD: 'verified', NAMESPACE: run.namespace, FROM_STORAGE: String(origin.from), ...storagesEnv(run.storages) },
    mounts,
  };
  return {
    init: [fetch, ...verifying],
    main: [record],
    shared: sharedEnv(run),
    options: run.pod,
    deadline: run.job.deadline,
    storages: run.storages,
    // Beside the other pods of a storage claim, but not beside the application: none of its data is read.
    placements: [],
  };
}

/** The scripts of that pod. Does not build the pod. */
export function verifyScripts({ parts }: Pick<PlannedVerify, 'parts'>): readonly string[] {
  return ['fetch.sh', ...parts.map(({ script }) => script), 'record.sh'];
}
