import type { k8s } from '../../imports/k8s.ts';
import type { PlannedRestore } from '../model/model.ts';
import type { Env } from '../pod.ts';
import { podDefaults, type Step, steps, verbatimFields } from './backup-pod.ts';
import { fetchEnv, guardEnv, markersEnv, publishEnv, safetyEnv, storagesEnv, takeEnv } from './environment.ts';
import type { Plain } from './kubernetes-object.ts';
import { restoreBundle } from './script-bundle.ts';
import { capabilitiesOf, podSecurity, restoreSecurity } from './security.ts';
import { type Mounted, mountedOf, Volumes } from './volumes.ts';

/** A guard that is told to stop needs its time: what was stopped must come back. Seconds. */
const GRACE_WITH_GUARD = 120;

export interface RestorePodProps {
  readonly restore: PlannedRestore;
  readonly images: Readonly<Record<string, string>>;
}

/**
 * The pod of a restore: fetch and compare first, with nothing touched; then the backup of what is live, then each part.
 *
 * Without applications the steps are init containers in a row. With them all run side by side and wait for their turn,
 * because after a failed init container nothing runs any more, and somebody must start the applications again: also those
 * that an attempt before this one has left stopped, when this one cannot even fetch.
 */
export function restorePod({ restore, images }: RestorePodProps): Plain<k8s.PodSpec> {
  const { run, guard, parts } = restore;
  const volumes = new Volumes();
  const container = steps(run, images, volumes);
  const fetch = restore.action === 'restore' ? [fetchStep(restore)] : [];
  const rest = [...(restore.safetyBackup ? safetySteps(restore) : []), ...parts.map((part) => restoreStep(restore, part)), ...recordSteps(restore)];
  const before: readonly Step[] = guard ? [shellStep(restore)] : [...fetch, ...rest.slice(0, -1)];
  const sideBySide: readonly Step[] = guard ? [guardStep(restore, guard), ...inTurns(fetch, ''), ...inTurns(rest, 'guard')] : rest.slice(-1);
  const initContainers = before.map(container);
  const containers = sideBySide.map(container);
  const placements = [...run.parts, ...parts].flatMap(({ placement }) => placement ?? []);
  // A claim that was just made may belong to root alone, and nothing is in it that a group could change.
  const fills = parts.some(({ mounts, claim }) => claim === undefined && mounts.some(({ type }) => type === 'claim'));
  return {
    ...podDefaults(run.pod, restore.account),
    ...(guard && { terminationGracePeriodSeconds: graceOf(restore) }),
    securityContext: fills ? restoreSecurity(run.pod) : podSecurity(run.pod),
    activeDeadlineSeconds: run.job.deadline,
    initContainers,
    containers,
    volumes: volumes.all(),
    ...verbatimFields({ ...run, storages: [...restore.storages, ...(restore.safetyBackup ? run.storages : [])] }, placements, true),
  };
}

function fetchStep(restore: PlannedRestore): Step {
  const { origin, storages, parts, run } = restore;
  return {
    name: 'fetch',
    image: 'rclone',
    script: 'fetch.sh',
    bundle: restoreBundle(restore),
    env: { ...fetchEnv(origin, storages, parts, run.namespace), ...markersEnv(restore), ...safetyEnv(restore) },
    mounts: mountedOf(storages.flatMap(({ access }) => access.mounts)),
  };
}

/** The ordinary backup of the source, pinned, into the tier `pre-restore`; made once where no application runs between the attempts. */
function safetySteps(restore: PlannedRestore): readonly Step[] {
  const { run } = restore;
  const bundle = restoreBundle(restore);
  const takes = run.parts.map((part) => ({
    name: `take-${part.name}`,
    image: part.image,
    script: part.script,
    bundle,
    env: takeEnv(run, part),
    mounts: mountedOf(part.mounts).map((mounted) => asFilled(mounted, restore)),
    capabilities: capabilitiesOf(part.privileges ?? {}, run.pod),
  }));
  const publish = {
    name: 'publish',
    image: 'rclone',
    script: 'publish.sh',
    bundle,
    env: { ...publishEnv(run, 'pre-restore', true), ...safetyEnv(restore), ...(restore.markers && { MARKER_PATH: restore.markers.path }) },
    mounts: mountedOf(run.storages.flatMap(({ access }) => access.mounts)),
  };
  return [...takes, publish].map((step) => ({ ...step, env: { ...step.env, RESTORE_ID: restore.id }, by: ['once.sh'] }));
}

/**
 * A claim that a later step fills is one volume of the pod: with two of them for one claim, one for reading only, the kubelet
 * waits for ever (seen with 1.34). No `fsGroup` touches its files here, so that the mount is read-only is enough.
 */
function asFilled(mounted: Mounted, { parts }: PlannedRestore): Mounted {
  const claimName = mounted.volume.persistentVolumeClaim?.claimName;
  const filled = parts.some(({ mounts }) => mounts.some((mount) => mount.type === 'claim' && mount.claim === claimName));
  return claimName !== undefined && filled ? { ...mounted, volume: { persistentVolumeClaim: { claimName } } } : mounted;
}

function restoreStep(restore: PlannedRestore, part: PlannedRestore['parts'][number]): Step {
  return {
    name: `restore-${part.name}`,
    image: part.image,
    script: part.script,
    bundle: restoreBundle(restore),
    env: { PART: part.name, RESTORE_ID: restore.id, ...part.env },
    mounts: mountedOf(part.mounts),
    capabilities: capabilitiesOf(part.privileges ?? {}, restore.run.pod),
  };
}

/** The marker of a restore that runs once. */
function recordSteps(restore: PlannedRestore): readonly Step[] {
  const { once, storages, run } = restore;
  if (!once) return [];
  const env: Env = { RECORD: 'done', NAMESPACE: run.namespace, ...markersEnv(restore), ...storagesEnv(storages) };
  const mounts = mountedOf(storages.flatMap(({ access }) => access.mounts));
  return [{ name: 'record', image: 'rclone', script: 'record.sh', bundle: restoreBundle(restore), env, mounts }];
}

/** The image of kubectl has no shell: one is put beside it. */
function shellStep(restore: PlannedRestore): Step {
  return { name: 'shell', image: 'shell', script: 'install-shell.sh', bundle: restoreBundle(restore), env: { SHELL_DIR }, mounts: [SHELL] };
}

const SHELL_DIR = '/shell';

/** No step of the restore mounts it, as all of them do the scratch: what they write must not be what runs with the token. */
const SHELL: Mounted = { path: SHELL_DIR, volume: { emptyDir: { sizeLimit: '32Mi' } } };

function guardStep(restore: PlannedRestore, guard: NonNullable<PlannedRestore['guard']>): Step {
  const last = restore.parts.at(-1)?.name ?? '';
  return {
    name: 'guard',
    image: 'kubectl',
    script: 'guard.sh',
    bundle: restoreBundle(restore),
    env: {
      ...guardEnv(restore, guard),
      ...(restore.action === 'restore' && { TURN_FIRST: 'fetch' }),
      TURN_LAST: `restore-${last}`,
      GRACE_SECONDS: String(graceOf(restore)),
      PATH,
    },
    mounts: [TOKEN, { ...SHELL, readOnly: true }],
    command: [`${SHELL_DIR}/busybox`, 'sh', '/scripts/guard.sh'],
    small: true,
  };
}

/** What install-shell.sh has put there comes first. */
const PATH = `${SHELL_DIR}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;

function graceOf({ run }: PlannedRestore): number {
  return Math.max(run.pod.terminationGracePeriod, GRACE_WITH_GUARD);
}

/** The only container with a token of the Kubernetes API. */
const TOKEN: Mounted = {
  path: '/var/run/secrets/kubernetes.io/serviceaccount',
  readOnly: true,
  volume: {
    projected: {
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      ],
    },
  },
};

/** Side by side, each after the one before, the first of them after another turn. The first has the room of the scratch. */
function inTurns(list: readonly Step[], first: string): readonly Step[] {
  return list.map((step, index) => {
    const after = list[index - 1]?.name ?? first;
    return {
      ...step,
      env: { ...step.env, TURN: step.name, ...(after !== '' && { TURN_AFTER: after }), ...(step.script === 'record.sh' && { TURN_FREE: 'true' }) },
      by: ['turn.sh', ...(step.by ?? [])],
      small: index > 0 || first === '',
    };
  });
}
