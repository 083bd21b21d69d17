import type { Construct } from 'constructs';
import { Claim } from '../../constructs/claim.ts';
import { Namespace } from '../../constructs/namespace.ts';
import { bundlesOf, ScriptBundle, type ScriptBundleProps } from '../../constructs/script-bundle.ts';
import type { Model } from '../../model/model.ts';
import { backupScripts } from '../../model/steps/backup.ts';
import { CATALOGUE_SCRIPTS } from '../../model/steps/catalogue.ts';
import { verifyScripts } from '../../model/steps/verify.ts';
import type { Output, Sheet } from './output.ts';

/** Folder of the script ConfigMaps, one file for each folder of `scripts/`, so that a review shows a changed line once. */
const SCRIPTS = 'scripts';

/** Objects that must never be deleted automatically: namespaces, claims, and the scripts of Jobs that may still run. */
export const keep: Output = { name: 'keep', applied: 'kustomization', kept: true, sheets };

/** The files of scripts, relative to `dist/<environment>/`. */
export const SCRIPTS_FOLDER = `${keep.name}/${SCRIPTS}/`;

function* sheets(model: Model): Generator<Sheet> {
  if (model.namespaces.length > 0) yield { path: 'namespace.yaml', build: (scope) => namespaces(scope, model) };
  if (model.claims.length > 0) yield { path: 'claims.yaml', build: (scope) => claims(scope, model) };
  for (const [folder, bundles] of scripts(model)) yield { path: `${SCRIPTS}/${folder}.yaml`, build: (scope) => scriptBundles(scope, bundles) };
}

function namespaces(scope: Construct, model: Model): void {
  for (const name of model.namespaces) new Namespace(scope, name, { name });
}

function claims(scope: Construct, { environment, claims: planned }: Model): void {
  for (const claim of planned) new Claim(scope, `${claim.namespace}.${claim.name}`, { environment, ...claim });
}

/** Each folder of scripts that a source needs, once for each namespace. */
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
