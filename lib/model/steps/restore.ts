import type { Env, Mount } from '../../pod.ts';
import type { PlannedRestore } from '../model.ts';
import { publishStep, readsClaim, storageMounts, takeStep } from './backup.ts';
import { graceOf, guardStep, SHELL_STEP } from './guard.ts';
import type { PodPlan, Step } from './step.ts';
import { fetchEnv, sharedEnv, storagesEnv } from './variables.ts';

/**
 * The pod of a restore: fetch and compare first, with nothing touched; then the backup of what is live, then each part.
 *
 * Without applications the steps are init containers in a row. With them all run side by side and wait for their turn,
 * because after a failed init container nothing runs any more, and somebody must start the applications again: also those
 * that an attempt before this one has left stopped, when this one cannot even fetch.
 */
export function restorePlan(restore: PlannedRestore): PodPlan {
  const { run, guard, parts, safetyBackup } = restore;
  const fetch = restore.action === 'restore' ? [fetchStep(restore)] : [];
  const rest = [...(safetyBackup ? safetySteps(restore) : []), ...parts.map((part) => restoreStep(restore, part)), ...recordSteps(restore)];
  return {
    init: guard ? [SHELL_STEP] : [...fetch, ...rest.slice(0, -1)],
    main: guard ? [guardStep(restore, guard), ...inTurns(fetch, ''), ...inTurns(rest, 'guard')] : rest.slice(-1),
    shared: sharedEnv(run),
    options: run.pod,
    deadline: run.job.deadline,
    ...(guard && { gracePeriod: graceOf(restore) }),
    storages: [...restore.storages, ...(safetyBackup ? run.storages : [])],
    placements: [...run.parts, ...parts].flatMap(({ placement }) => placement ?? []),
    mayBeAlone: true,
    // A claim that was just made may belong to root alone, and nothing is in it that a group could change.
    fillsClaim: parts.some((part) => part.claim === undefined && readsClaim(part)),
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

/** The ordinary backup of the source, pinned, into the tier `pre-restore`; made once where no application runs between the attempts. */
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
 * A claim that a later step fills is one volume of the pod: with two of them for one claim, one for reading only, the kubelet
 * waits for ever (seen with 1.34). No `fsGroup` touches its files here, so that the mount is read-only is enough.
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
    // Owners of files come back only by root with these; a user without them needs none.
    capabilities: readsClaim(part) && restore.run.pod.runAsUser === 0 ? ROOT_CAPABILITIES : [],
  };
}

/** What root needs to give files away, with the capabilities that programs had, and to write into the folders of others. */
const ROOT_CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETFCAP'];

/** The marker of a restore that runs once. */
function recordSteps(restore: PlannedRestore): readonly Step[] {
  const { once, storages, run } = restore;
  if (!once) return [];
  const env: Env = { RECORD: 'done', NAMESPACE: run.namespace, ...markersEnv(restore), ...storagesEnv(storages) };
  return [{ name: 'record', image: 'rclone', run: ['record.sh'], env, mounts: storageMounts(storages) }];
}

/** What is stored of a restore itself. */
function markersEnv({ id, markers }: PlannedRestore): Env {
  return { RESTORE_ID: id, ...(markers && { MARKER_STORAGES: markers.storages.join(' '), MARKER_PATH: markers.path }) };
}

/** Who leaves word that a backup went first, and who looks for it, are of one Job, or that backup may be of weeks ago. */
function safetyEnv({ markers }: PlannedRestore): Env {
  return markers ? { JOB_UID: { field: "metadata.labels['batch.kubernetes.io/controller-uid']" } } : {};
}

/** Side by side, each after the one before, the first of them after another turn. The first has the room of the scratch. */
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
