import { Construct } from 'constructs';
import { withReads } from '../script-headers.ts';
import { folderOf, scriptFiles, scriptText } from '../scripts.ts';
import { KubernetesObject } from './kubernetes-object.ts';
import { digest, KEEP_ANNOTATIONS, labelsOf, type TextMap } from './labels.ts';
import type { Mounted } from './volumes.ts';

/** A folder of `scripts/`, named after its content. */
export interface Bundle {
  readonly folder: string;
  /** `backstay-<folder>-<8 hex digits>`. */
  readonly name: string;
  /** Base name to text. */
  readonly files: Readonly<Record<string, string>>;
}

const bundles = new Map<string, Bundle>();

/** All files of one folder of `scripts/`. */
export function folderBundle(folder: string): Bundle {
  const known = bundles.get(folder);
  if (known) return known;
  const files = Object.fromEntries(scriptFiles(folder).map((name) => [name, scriptText(name)]));
  const made = { folder, name: `backstay-${folder}-${digest(JSON.stringify(files))}`, files };
  bundles.set(folder, made);
  return made;
}

const needed = new Map<string, readonly Bundle[]>();

/** The folders with these scripts and with every file that they read, sorted by name. */
export function bundlesOf(scripts: readonly string[]): readonly Bundle[] {
  const key = scripts.join(' ');
  const known = needed.get(key);
  if (known) return known;
  const made = [...new Set(scripts.flatMap(withReads).map(folderOf))].sort().map(folderBundle);
  needed.set(key, made);
  return made;
}

/**
 * The same under names of their own, for an object that comes and goes as a whole.
 *
 * Deleting the file of a restore must not delete scripts that CronJobs use, and kustomize accepts each name once.
 */
export function bundlesFor(owner: string, shared: readonly Bundle[]): readonly Bundle[] {
  return shared.map((bundle) => ({ ...bundle, name: `${owner}-${bundle.folder}-${digest(JSON.stringify(bundle.files))}` }));
}

const volumes = new WeakMap<readonly Bundle[], Mounted>();

/** Mounts the files of all bundles into one flat folder, where each script finds the files that it reads. */
export function scriptsVolume(bundles: readonly Bundle[]): Mounted {
  const known = volumes.get(bundles);
  if (known) return known;
  const sources = bundles.map(({ name }) => ({ configMap: { name } }));
  const made: Mounted = { path: '/scripts', volume: { projected: { sources } }, readOnly: true };
  volumes.set(bundles, made);
  return made;
}

export interface ScriptBundleProps {
  readonly namespace: string;
  readonly bundle: Bundle;
  /** @default - those of scripts that environments may share */
  readonly labels?: TextMap;
}

/**
 * A folder of shell files, unchanged, in one immutable ConfigMap.
 *
 * Its name contains a hash of its content. A changed script is a new object, and a Job that started before an upgrade
 * keeps its scripts. Old ConfigMaps stay in the cluster; an annotation makes Argo CD ignore them.
 */
export class ScriptBundle extends Construct {
  constructor(scope: Construct, id: string, { namespace, bundle: { name, files }, labels = labelsOf({ component: 'scripts' }) }: ScriptBundleProps) {
    super(scope, id);
    new KubernetesObject(this, 'Resource', 'ConfigMap', {
      metadata: {
        name,
        namespace,
        labels,
        annotations: { ...KEEP_ANNOTATIONS, 'argocd.argoproj.io/compare-options': 'IgnoreExtraneous' },
      },
      immutable: true,
      data: files,
    });
  }
}
