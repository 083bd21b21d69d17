import type { Construct } from 'constructs';
import { BackupCronJob } from '../constructs/backup-cron-job.ts';
import { Claim } from '../constructs/claim.ts';
import { labelsOf, podsOf } from '../constructs/labels.ts';
import { Namespace } from '../constructs/namespace.ts';
import { NetworkPolicy } from '../constructs/network-policy.ts';
import { bundlesOf, ScriptBundle, type ScriptBundleProps } from '../constructs/script-bundle.ts';
import { ServiceAccount } from '../constructs/service-account.ts';
import { VerifyCronJob } from '../constructs/verify-cron-job.ts';
import type { Model, PlannedSource } from '../model/model.ts';
import { backupScripts } from '../model/steps/backup.ts';
import { CATALOGUE_SCRIPTS } from '../model/steps/catalogue.ts';
import { verifyScripts } from '../model/steps/verify.ts';

/** A file of `dist/<environment>/` and what is in it. */
export interface Sheet {
  /** `keep/claims.yaml`. */
  readonly path: string;
  /** Makes the objects, in the order in which they stand in the file. */
  build(scope: Construct): void;
}

/** The folder of the script ConfigMaps, a file for each folder of `scripts/`: a review sees a changed line once. */
export const SCRIPTS = 'keep/scripts';

/**
 * Which object goes into which file, in one order.
 *
 * `keep/` is what no clean-up may take, and `jobs/` comes and goes with the values: each is applied, and deleted, alone.
 */
export function* layout(model: Model): Generator<Sheet> {
  if (model.namespaces.length > 0) yield { path: 'keep/namespace.yaml', build: (scope) => namespaces(scope, model) };
  if (model.claims.length > 0) yield { path: 'keep/claims.yaml', build: (scope) => claims(scope, model) };
  for (const [folder, bundles] of scripts(model)) yield { path: `${SCRIPTS}/${folder}.yaml`, build: (scope) => scriptBundles(scope, bundles) };
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

/** Each folder of scripts that a source needs, once for each namespace that it is needed in. */
function scripts({ sources }: Model): readonly (readonly [folder: string, bundles: readonly ScriptBundleProps[]])[] {
  const folders = new Map<string, Map<string, ScriptBundleProps>>();
  for (const { namespace, runs, verify } of sources) {
    const pods = [CATALOGUE_SCRIPTS, ...(verify ? [verifyScripts(verify)] : []), ...runs.map(backupScripts)];
    for (const bundle of pods.flatMap(bundlesOf)) {
      const namespaces = folders.get(bundle.folder) ?? new Map<string, ScriptBundleProps>();
      folders.set(bundle.folder, namespaces.set(namespace, { namespace, bundle }));
    }
  }
  return byKey(folders).map(([folder, namespaces]) => [folder, byKey(namespaces).map(([, props]) => props)]);
}

function byKey<Value>(map: ReadonlyMap<string, Value>): readonly (readonly [string, Value])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

function scriptBundles(scope: Construct, bundles: readonly ScriptBundleProps[]): void {
  for (const props of bundles) new ScriptBundle(scope, props.namespace, props);
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
