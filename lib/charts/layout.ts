import type { Construct } from 'constructs';
import { BackupCronJob } from '../constructs/backup-cron-job.ts';
import { Claim } from '../constructs/claim.ts';
import { labelsOf, podsOf } from '../constructs/labels.ts';
import { Namespace } from '../constructs/namespace.ts';
import { NetworkPolicy } from '../constructs/network-policy.ts';
import { type Bundle, catalogueBundle, methodBundle, ScriptBundle, verifyBundle } from '../constructs/script-bundle.ts';
import { ServiceAccount } from '../constructs/service-account.ts';
import { VerifyCronJob } from '../constructs/verify-cron-job.ts';
import type { Model, PlannedSource } from '../model/model.ts';

/** A file of `dist/<environment>/` and what is in it. */
export interface Sheet {
  /** `keep/claims.yaml`. */
  readonly path: string;
  /** Makes the objects, in the order in which they stand in the file. */
  build(scope: Construct): void;
}

/**
 * Which object goes into which file, in one order.
 *
 * `keep/` is what no clean-up may take, and `jobs/` comes and goes with the values: each is applied, and deleted, alone.
 */
export function* layout(model: Model): Generator<Sheet> {
  if (model.namespaces.length > 0) yield { path: 'keep/namespace.yaml', build: (scope) => namespaces(scope, model) };
  if (model.claims.length > 0) yield { path: 'keep/claims.yaml', build: (scope) => claims(scope, model) };
  if (model.sources.length > 0) yield { path: 'keep/scripts.yaml', build: (scope) => scripts(scope, model) };
  for (const source of model.sources) yield { path: `jobs/${fileOf(source.name)}`, build: (scope) => jobs(scope, model, source) };
}

/** A source may be called `kustomization`; no source has a dot in its name. */
function fileOf(source: string): string {
  return source === 'kustomization' ? 'kustomization.source.yaml' : `${source}.yaml`;
}

function namespaces(scope: Construct, model: Model): void {
  for (const name of model.namespaces) new Namespace(scope, name, { name });
}

function claims(scope: Construct, { environment, claims: planned }: Model): void {
  for (const claim of planned) new Claim(scope, `${claim.namespace}.${claim.name}`, { environment, ...claim });
}

function scripts(scope: Construct, { sources }: Model): void {
  const bundles = new Map<string, { readonly namespace: string; readonly bundle: Bundle }>();
  for (const { namespace, runs, verify } of sources) {
    const verifying = verify ? [verifyBundle(verify)] : [];
    for (const bundle of [catalogueBundle(), ...verifying, ...runs.flatMap(({ parts }) => parts.map(methodBundle))]) {
      bundles.set(`${namespace}.${bundle.name}`, { namespace, bundle });
    }
  }
  for (const [id, props] of [...bundles].sort(([a], [b]) => (a < b ? -1 : 1))) new ScriptBundle(scope, id, props);
}

function jobs(scope: Construct, { environment, images }: Model, source: PlannedSource): void {
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
  const proof = { name: verify.name, namespace, labels: labelsOf({ environment, component: 'verify', source: name }, labels), annotations };
  if (networkPolicy.enabled)
    new NetworkPolicy(scope, 'verify-network', { ...proof, ...networkPolicy, peers: verify.peers, pods: podsOf(environment, name, 'verify') });
  new VerifyCronJob(scope, 'verify', { verify, images, serviceAccount: objectName, labels, annotations });
}
