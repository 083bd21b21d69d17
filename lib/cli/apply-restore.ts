import type { Fields } from '../charts/writer.ts';
import { guardedNamespaces } from '../constructs/restore-role.ts';
import type { PlannedRestore } from '../model/model.ts';
import { type Cluster, explainKubectl, interruption } from './cluster.ts';
import type { Ran, World } from './world.ts';

/**
 * Applies the objects of a restore; the Job, which is the last, only when all that it needs is there. kubectl goes on after
 * what is refused, and a restore would run of which we have said that it failed.
 */
export async function applyRestore(cluster: Cluster, objects: readonly Fields[], restore: PlannedRestore, world: World): Promise<void> {
  let made = '';
  for (const some of [objects.slice(0, -1), objects.slice(-1)]) {
    const ran = await applyList(cluster, some);
    made += ran.stdout;
    if (ran.status === 0) continue;
    const { aborted } = world.interrupted;
    if (made !== '' || aborted) for (const args of cleanUp(restore)) await cluster.try(args);
    throw aborted ? interruption() : explainKubectl(ran);
  }
}

/** What removes it from every namespace that it was given rights in. */
export function cleanUpOf(restore: PlannedRestore): string {
  return cleanUp(restore)
    .map((args) => `kubectl ${args.join(' ')}`)
    .join(' && ');
}

/** No claim and no scripts: the one may be full by now, the other is every restore's. */
function cleanUp(restore: PlannedRestore): readonly (readonly string[])[] {
  const { run, name, guard } = restore;
  const others = guard ? guardedNamespaces(restore, guard).filter((namespace) => namespace !== run.namespace) : [];
  const remove = (kinds: string, namespace: string) => ['delete', kinds, '--namespace', namespace, '--selector', `backstay.dev/restore=${name}`];
  return [remove('job,networkpolicy,role,rolebinding', run.namespace), ...others.map((namespace) => remove('role,rolebinding', namespace))];
}

/** The scripts are one ConfigMap for all restores: of two that make it at once, one is told that it is there already, and asks again. */
async function applyList(cluster: Cluster, objects: readonly Fields[]): Promise<Ran> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const apply = () => cluster.try(['apply', '--filename', '-'], list);
  const first = await apply();
  return first.status !== 0 && first.stderr.includes('AlreadyExists') ? apply() : first;
}
