import type { Env, FolderMount } from '../../pod.ts';
import { lines } from '../../sources/env.ts';
import type { PlannedGuard, PlannedRestore } from '../model.ts';
import type { Step } from './step.ts';

/** Time for a guard that gets TERM to start the applications again. Seconds. */
const GRACE_WITH_GUARD = 120;

/** A separate folder, because all steps can write to the scratch, and none of them may change what runs with the token. */
const SHELL: FolderMount = { type: 'folder', path: '/shell', sizeLimit: '32Mi', readOnly: false };

/** Installs a shell beside kubectl, whose image has none. */
export const SHELL_STEP: Step = {
  name: 'shell',
  image: 'shell',
  run: ['install-shell.sh'],
  env: { SHELL_DIR: SHELL.path },
  mounts: [SHELL],
};

/** The tools from install-shell.sh come first. */
const PATH = `${SHELL.path}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;

/** Stops the applications, checks that no pod uses a claim, and starts them again. The only step with a token of the Kubernetes API. */
export function guardStep(restore: PlannedRestore, guard: PlannedGuard): Step {
  return {
    name: 'guard',
    image: 'kubectl',
    run: ['guard.sh'],
    env: {
      ...guardEnv(restore, guard),
      ...(restore.action === 'restore' && { TURN_FIRST: 'fetch' }),
      TURN_LAST: `restore-${restore.parts.at(-1)?.name ?? ''}`,
      GRACE_SECONDS: String(graceOf(restore)),
      PATH,
    },
    mounts: [{ type: 'apiToken' }, { ...SHELL, readOnly: true }],
    shell: [`${SHELL.path}/busybox`, 'sh'],
    beside: true,
  };
}

/** Grace period of a pod with a guard. Seconds. */
export function graceOf({ run }: PlannedRestore): number {
  return Math.max(run.pod.terminationGracePeriod, GRACE_WITH_GUARD);
}

function guardEnv({ id, run, parts }: PlannedRestore, guard: PlannedGuard): Env {
  const { applications, paused, claims } = guard;
  return {
    NAMESPACE: run.namespace,
    RESTORE_ID: id,
    ...lines(
      'APPLICATIONS',
      applications.map(({ namespace, kind, name, selector }) => `${namespace} ${kind} ${name ?? `selector ${selector}`}`),
    ),
    ...lines(
      'PAUSED',
      Object.entries(paused).map(([what, how]) => `${what} ${how}`),
    ),
    ...lines(
      'CLAIMS',
      claims.map((claim) => `${run.namespace} ${claim}`),
    ),
    CLAIMS_IN_USE: String(guard.claimsInUse),
    STATES: parts.map(({ name }) => name).join('\n'),
    STOP_WAIT_SECONDS: String(guard.stopWait),
    START_WAIT_SECONDS: String(guard.startWait),
  };
}
