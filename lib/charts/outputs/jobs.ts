import type { Construct } from 'constructs';
import { BackupCronJob } from '../../constructs/backup-cron-job.ts';
import { labelsOf, podsOf } from '../../constructs/labels.ts';
import { NetworkPolicy } from '../../constructs/network-policy.ts';
import { ServiceAccount } from '../../constructs/service-account.ts';
import { VerifyCronJob } from '../../constructs/verify-cron-job.ts';
import type { Model, PlannedSource } from '../../model/model.ts';
import type { Output, Sheet } from './output.ts';

/** Objects that are created and deleted with the values: one file for each source. */
export const jobs: Output = { name: 'jobs', applied: 'kustomization', sheets };

function* sheets(model: Model): Generator<Sheet> {
  for (const source of model.sources) yield { path: fileOf(source.name), build: (scope) => objects(scope, model, source) };
}

/** A source may be called `kustomization`, but no source has a dot in its name. */
function fileOf(source: string): string {
  return source === 'kustomization' ? 'kustomization.source.yaml' : `${source}.yaml`;
}

function objects(scope: Construct, { environment, images }: Model, source: PlannedSource): void {
  const { name, namespace, objectName, networkPolicy, peers, labels, annotations, verify } = source;
  const own = { name: objectName, namespace, labels: labelsOf({ environment, component: 'backup', source: name }, labels), annotations };
  new ServiceAccount(scope, 'account', own);
  if (networkPolicy.enabled)
    new NetworkPolicy(scope, 'network', { ...own, ...networkPolicy, peers, pods: podsOf(environment, name, 'backup', 'catalogue') });
  for (const run of source.runs) {
    if (run.schedule === undefined) continue;
    new BackupCronJob(scope, run.tier, { run, images, serviceAccount: objectName, schedule: run.schedule, labels, annotations });
  }
  if (!verify) return;
  const meta = { name: verify.name, namespace, labels: labelsOf({ environment, component: 'verify', source: name }, labels), annotations };
  if (networkPolicy.enabled)
    new NetworkPolicy(scope, 'verify-network', { ...meta, ...networkPolicy, peers: verify.peers, pods: podsOf(environment, name, 'verify') });
  new VerifyCronJob(scope, 'verify', { verify, images, serviceAccount: objectName, labels, annotations });
}
