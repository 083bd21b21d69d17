import type { Model, PlannedRestore, PlannedRun, PlannedSource } from '../model/model.ts';
import type { Mount } from '../pod.ts';

/** An object that must exist before the pods can run, and that backstay never creates. */
export interface Need {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
  readonly keys: readonly string[];
  readonly purposes: readonly string[];
  /** Sources whose pods read it. */
  readonly sources: readonly string[];
  /** Whether its values are typed line by line, not read from files. */
  readonly typed: boolean;
}

/** All objects that one environment needs, each once, sorted by namespace and name. */
export function needsOf({ sources, restores }: Model): readonly Need[] {
  const merged = new Map<string, Need>();
  for (const need of [...sources.flatMap(needsOfSource), ...restores.flatMap(needsOfRestore)]) {
    const key = `${need.namespace} ${need.kind} ${need.name}`;
    const before = merged.get(key);
    merged.set(key, before ? merge(before, need) : need);
  }
  return [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, need]) => need);
}

function needsOfSource(source: PlannedSource): readonly Need[] {
  const { namespace, name, secrets, runs } = source;
  const typed = secrets.map(
    ({ secret, keys, purpose }): Need => ({ kind: 'Secret', namespace, name: secret, keys, purposes: [purpose], sources: [name], typed: true }),
  );
  return [...typed, ...runs.flatMap((run) => [...mounted(run), ...pulled(run)])];
}

/** A run or a restore that mounts files. */
type Mounting = Pick<PlannedRun, 'namespace' | 'source' | 'storages'> & { readonly parts: readonly { readonly mounts: readonly Mount[] }[] };

function needsOfRestore({ secrets, run, parts, storages }: PlannedRestore): readonly Need[] {
  const { namespace, source } = run;
  const typed = secrets.map(
    ({ secret, keys, purpose }): Need => ({ kind: 'Secret', namespace, name: secret, keys, purposes: [purpose], sources: [source], typed: true }),
  );
  return [...typed, ...mounted({ namespace, source, parts, storages })];
}

/** CA certificates. */
function mounted({ namespace, source, parts, storages }: Mounting): readonly Need[] {
  const mounts = [...parts.flatMap((part) => part.mounts), ...storages.flatMap(({ access }) => access.mounts)];
  return mounts.flatMap((mount): readonly Need[] => {
    if (mount.type !== 'secret' && mount.type !== 'configMap') return [];
    const [kind, name] = mount.type === 'secret' ? (['Secret', mount.secret] as const) : (['ConfigMap', mount.configMap] as const);
    return [{ kind, namespace, name, keys: [mount.key], purposes: ['CA certificate'], sources: [source], typed: false }];
  });
}

function pulled({ namespace, source, pod }: PlannedRun): readonly Need[] {
  return pod.imagePullSecrets.map((name) => ({
    kind: 'Secret',
    namespace,
    name,
    keys: ['.dockerconfigjson'],
    purposes: ['credentials for the image registry'],
    sources: [source],
    typed: false,
  }));
}

function merge(a: Need, b: Need): Need {
  const union = (one: readonly string[], other: readonly string[]) => [...new Set([...one, ...other])];
  const [purposes, sources] = [union(a.purposes, b.purposes), union(a.sources, b.sources)];
  return { ...a, keys: union(a.keys, b.keys), purposes, sources, typed: a.typed && b.typed };
}
