import type { Env, Mount } from '../../pod.ts';
import type { PlannedRestore } from '../model.ts';
import { publishStep, storageMounts, takeStep } from './backup.ts';
import { graceOf, guardStep, SHELL_STEP } from './guard.ts';
import type { PodPlan, Step } from './step.ts';
import { fetchEnv, sharedEnv, storagesEnv } from './variables.ts';

/**
 * The pod of a restore: fetch and compare before anything changes, then the safety backup, then each part.
 *
 * Without a guard the steps are init containers that run in order. With a guard they start together and take turns: after
 * a failed init container nothing else runs, but the guard must still start the applications again. That includes
 * applications that an earlier attempt left stopped, even if this attempt cannot fetch its backup.
 */
export function restorePlan(restore: PlannedRestore): PodPlan {
  const { run, guard, parts, safetyBackup } = restore;
  const fetch = restore.action === 'restore' ? [fetchStep(restore)] : [];
  const rest = [...(safetyBackup ? safetySteps(restore) : []), ...parts.map((part) => restoreStep(restore, part)), ...recordSteps(restore)];
  return {
    init: guard ? [SHELL_STEP] : [...fetch, ...rest.slice(0, -1)],
    main: guard ? [guardStep(restore, guard), ...inTurns(fetch, ''), ...inTurns(rest, 'guard')] : rest.slice(-1),
    scriptsOwner: restore.name,
    shared: sharedEnv(run),
    options: run.pod,
    deadline: run.job.deadline,
    ...(guard && { gracePeriod: graceOf(restore) }),
    storages: [...restore.storages, ...(safetyBackup ? run.storages : [])],
    placements: [...run.parts, ...parts].flatMap(({ placement }) => placement ?? []),
    mayBeAlone: true,
    // A new claim may belong to root, and it is empty: fsGroup makes it writable and changes no files of an application.
    fillsClaim: parts.some(({ claim, mounts }) => claim === undefined && mounts.some(({ type }) => type === 'claim')),
  };
}

function fetchStep(restore: PlannedRestore): Step {
  const { origin, storages, parts, run } = restore;
  return {
    name: 'fetch',
    image: 'rclone',
    run: ['fetch.sh'],
    env: { ...fetchEnv(origin, storages, parts, run.namespace), ...markersEnv(restore), ...safetyEnv(restore) },
    mounts: storageMounts(storages),
  };
}

/** The safety backup: the source's usual steps, pinned, into the tier `pre-restore`. Attempts between which no application ran share it. */
function safetySteps(restore: PlannedRestore): readonly Step[] {
  const { run, id, markers } = restore;
  const takes = run.parts.map((part) => {
    const step = takeStep(run, part);
    return { ...step, mounts: step.mounts.map((mount) => asFilled(mount, restore)) };
  });
  const own = { LABEL: 'pre-restore', PIN: 'true', ...safetyEnv(restore), ...(markers && { MARKER_PATH: markers.path }) };
  return [...takes, publishStep(run, own)].map((step) => ({ ...step, run: ['once.sh', ...step.run], env: { ...step.env, RESTORE_ID: id } }));
}

/**
 * A claim that a later step fills must be a single volume of the pod. With a second, read-only volume for the same claim the
 * kubelet waits forever (seen with 1.34). This pod sets no `fsGroup`, so a read-only mount is enough.
 */
function asFilled(mount: Mount, { parts }: PlannedRestore): Mount {
  if (mount.type !== 'claim') return mount;
  const filled = parts.some(({ mounts }) => mounts.some((other) => other.type === 'claim' && other.claim === mount.claim));
  return filled ? { ...mount, writtenLater: true } : mount;
}

function restoreStep(restore: PlannedRestore, part: PlannedRestore['parts'][number]): Step {
  return {
    name: `restore-${part.name}`,
    image: part.image,
    run: [part.script],
    env: { PART: part.name, RESTORE_ID: restore.id, ...part.env },
    mounts: part.mounts,
    privileges: part.privileges,
  };
}

/** Writes the marker of a restore from Git, which runs once. */
function recordSteps(restore: PlannedRestore): readonly Step[] {
  const { once, storages, run } = restore;
  if (!once) return [];
  const env: Env = { RECORD: 'done', NAMESPACE: run.namespace, ...markersEnv(restore), ...storagesEnv(storages) };
  return [{ name: 'record', image: 'rclone', run: ['record.sh'], env, mounts: storageMounts(storages) }];
}

/** Where the markers of a restore are. */
function markersEnv({ id, markers }: PlannedRestore): Env {
  return { RESTORE_ID: id, ...(markers && { MARKER_STORAGES: markers.storages.join(' '), MARKER_PATH: markers.path }) };
}

/** A safety backup counts only for attempts of the same Job: that of another Job may be weeks old. */
function safetyEnv({ markers }: PlannedRestore): Env {
  return markers ? { JOB_UID: { field: "metadata.labels['batch.kubernetes.io/controller-uid']" } } : {};
}

/** Steps that start together and run in turn, the first of them after another turn. The first one reserves the scratch. */
function inTurns(list: readonly Step[], first: string): readonly Step[] {
  return list.map((step, index) => {
    const after = list[index - 1]?.name ?? first;
    return {
      ...step,
      env: { ...step.env, TURN: step.name, ...(after !== '' && { TURN_AFTER: after }), ...(step.run.includes('record.sh') && { TURN_FREE: 'true' }) },
      run: ['turn.sh', ...step.run],
      beside: index > 0 || first === '',
    };
  });
}
