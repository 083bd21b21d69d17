import { Construct } from 'constructs';
import type { PlannedRestore, PlannedVerify } from '../model/model.ts';
import { withReads } from '../script-headers.ts';
import { scriptText } from '../scripts.ts';
import type { Part } from '../sources/kind.ts';
import { KubernetesObject } from './kubernetes-object.ts';
import { digest, KEEP_ANNOTATIONS, labelsOf } from './labels.ts';

/** What reads a backup, and notes what became of it. */
const READ = ['fetch.sh', 'record.sh'];

/** Shell files under one name that follows from their content. */
export interface Bundle {
  /** `backstay-<method>-<8 hex digits>`. */
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
}

/** The scripts of a part's method and of `publish`: one ConfigMap holds all that a run of one method needs. */
export function methodBundle({ method, script }: Pick<Part, 'method' | 'script'>): Bundle {
  return bundle(method, [...withReads(script), ...withReads('publish.sh')]);
}

/** The scripts of a restore: of every step of it, so that its file needs one ConfigMap. */
export function restoreBundle({ parts, run }: Pick<PlannedRestore, 'parts' | 'run'>): Bundle {
  return bundle(
    'restore',
    [...READ, 'publish.sh', 'once.sh', 'turn.sh', 'guard.sh', 'install-shell.sh', ...scriptsOf([...parts, ...run.parts])].flatMap(withReads),
  );
}

/** The scripts that verify. */
export function verifyBundle({ parts }: Pick<PlannedVerify, 'parts'>): Bundle {
  const methods = [...new Set(parts.map(({ method }) => method))].join('-');
  return bundle(`verify-${methods}`, [...READ, ...scriptsOf(parts)].flatMap(withReads));
}

function scriptsOf(parts: readonly { readonly script: string }[]): readonly string[] {
  return parts.map(({ script }) => script);
}

/** The scripts of `list`, `get` and `prune`. */
export function catalogueBundle(): Bundle {
  return bundle('catalogue', withReads('catalogue.sh'));
}

const bundles = new Map<string, Bundle>();

function bundle(what: string, names: readonly string[]): Bundle {
  const key = [what, ...names].join(' ');
  const known = bundles.get(key);
  if (known) return known;
  const sorted = [...new Set(names)].sort();
  const files = Object.fromEntries(sorted.map((name) => [name, scriptText(name)]));
  const made = { name: `backstay-${what}-${digest(JSON.stringify(files))}`, files };
  bundles.set(key, made);
  return made;
}

export interface ScriptBundleProps {
  readonly namespace: string;
  readonly bundle: Bundle;
}

/**
 * Shell files, unchanged, in one immutable ConfigMap.
 *
 * Its name follows from its content, so a Job that began before an upgrade goes on with the scripts it was made with,
 * and a changed script is a new object. Old ones stay in the cluster, which Argo CD is told not to call a difference.
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
