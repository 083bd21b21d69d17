import { Construct } from 'constructs';
import { withReads } from '../script-headers.ts';
import { folderOf, scriptFiles, scriptText } from '../scripts.ts';
import { KubernetesObject } from './kubernetes-object.ts';
import { digest, KEEP_ANNOTATIONS, labelsOf } from './labels.ts';
import type { Mounted } from './volumes.ts';

/** A folder of `scripts/`, under a name that follows from its content. */
export interface Bundle {
  readonly folder: string;
  /** `backstay-<folder>-<8 hex digits>`. */
  readonly name: string;
  /** Base name to text. */
  readonly files: Readonly<Record<string, string>>;
}

const bundles = new Map<string, Bundle>();

/** Everything in one folder of `scripts/`. */
export function folderBundle(folder: string): Bundle {
  const known = bundles.get(folder);
  if (known) return known;
  const files = Object.fromEntries(scriptFiles(folder).map((name) => [name, scriptText(name)]));
  const made = { folder, name: `backstay-${folder}-${digest(JSON.stringify(files))}`, files };
  bundles.set(folder, made);
  return made;
}

const needed = new Map<string, readonly Bundle[]>();

/** The folders that hold these scripts and all that they read, sorted by name. */
export function bundlesOf(scripts: readonly string[]): readonly Bundle[] {
  const key = scripts.join(' ');
  const known = needed.get(key);
  if (known) return known;
  const made = [...new Set(scripts.flatMap(withReads).map(folderOf))].sort().map(folderBundle);
  needed.set(key, made);
  return made;
}

const volumes = new Map<readonly Bundle[], Mounted>();

/** Bundles as a pod sees them: the files of all of them in one flat folder, where each finds what it reads. */
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
}

/**
 * A folder of shell files, unchanged, in one immutable ConfigMap.
 *
 * Its name follows from its content, so a Job that began before an upgrade keeps the scripts it was made with, and a
 * changed script is a new object. Old ones stay in the cluster; Argo CD is told to ignore them.
 */
export class ScriptBundle extends Construct {
  constructor(scope: Construct, id: string, { namespace, bundle: { name, files } }: ScriptBundleProps) {
    super(scope, id);
    new KubernetesObject(this, 'Resource', 'ConfigMap', {
      metadata: {
        name,
        namespace,
        labels: labelsOf({ component: 'scripts' }),
        annotations: { ...KEEP_ANNOTATIONS, 'argocd.argoproj.io/compare-options': 'IgnoreExtraneous' },
      },
      immutable: true,
      data: files,
    });
  }
}
