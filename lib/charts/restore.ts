import type { Construct } from 'constructs';
import { Claim } from '../constructs/claim.ts';
import { RESTORE_LABEL } from '../constructs/labels.ts';
import { NetworkPolicy } from '../constructs/network-policy.ts';
import { podBundles } from '../constructs/pod.ts';
import { RestoreJob, restoreLabels } from '../constructs/restore-job.ts';
import { guardedNamespaces, RestoreRole } from '../constructs/restore-role.ts';
import { ScriptBundle } from '../constructs/script-bundle.ts';
import { ServiceAccount } from '../constructs/service-account.ts';
import type { Model, PlannedRestore } from '../model/model.ts';
import { restorePlan } from '../model/steps/restore.ts';
import type { Peer } from '../pod.ts';
import { objectsOf } from './objects.ts';
import type { Fields } from './writer.ts';

/** A restore with everything that it needs except Secrets, in the order of application: the Job comes last. */
export function restoreObjects(restore: PlannedRestore, images: Model['images']): readonly Fields[] {
  return objectsOf((scope) => buildRestore(scope, restore, images));
}

/** Creates its objects in that order. */
export function buildRestore(scope: Construct, restore: PlannedRestore, images: Model['images']): void {
  const { run, name, account, guard, networkPolicy, annotations } = restore;
  const labels = restoreLabels(restore);
  const own = { namespace: run.namespace, labels, annotations };
  for (const claim of restore.claims) new Claim(scope, `claim-${claim.name}`, { ...claim, environment: run.environment, labels });
  for (const bundle of podBundles(restorePlan(restore)))
    new ScriptBundle(scope, `scripts-${bundle.folder}`, { namespace: run.namespace, bundle, labels });
  new ServiceAccount(scope, 'account', { ...own, name: account });
  if (guard)
    for (const namespace of guardedNamespaces(restore, guard)) new RestoreRole(scope, `role-${namespace}`, { restore, guard, namespace, images });
  if (networkPolicy.enabled) {
    const peers = [...restore.peers, ...(guard ? apiServer(networkPolicy.apiServerPort) : [])];
    new NetworkPolicy(scope, 'network', { ...own, ...networkPolicy, name, peers, pods: { matchLabels: { [RESTORE_LABEL]: name } } });
  }
  new RestoreJob(scope, 'job', { restore, images });
}

/** The API server is not a pod: any address, on the port of its Service and on its own port. */
function apiServer(port: number): readonly Peer[] {
  return [...new Set([443, port])].map((each) => ({ type: 'external', port: each }));
}
