import type { Fields } from '../charts/writer.ts';
import { guardedNamespaces } from '../constructs/restore-role.ts';
import type { PlannedRestore } from '../model/model.ts';
import { type Cluster, explainKubectl, interruption } from './cluster.ts';
import type { Ran, World } from './world.ts';

/**
 * Applies the objects of a restore, and its Job last, once everything that it needs exists. kubectl continues after an
 * object that is refused, so applied together, a restore reported as failed would still run.
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

/** The command that removes it from every namespace in which it has rights. */
export function cleanUpOf(restore: PlannedRestore): string {
  return cleanUp(restore)
    .map((args) => `kubectl ${args.join(' ')}`)
    .join(' && ');
}

/** Spares the claim, which may hold restored data. */
function cleanUp(restore: PlannedRestore): readonly (readonly string[])[] {
  const { run, name, guard } = restore;
  const others = guard ? guardedNamespaces(restore, guard).filter((namespace) => namespace !== run.namespace) : [];
  const remove = (kinds: string, namespace: string) => ['delete', kinds, '--namespace', namespace, '--selector', `backstay.dev/restore=${name}`];
  return [remove('job,networkpolicy,role,rolebinding,configmap', run.namespace), ...others.map((namespace) => remove('role,rolebinding', namespace))];
}

/** All restores share the ConfigMap of the scripts. If two create it at once, one gets AlreadyExists and tries again. */
async function applyList(cluster: Cluster, objects: readonly Fields[]): Promise<Ran> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const apply = () => cluster.try(['apply', '--filename', '-'], list);
  const first = await apply();
  return first.status !== 0 && first.stderr.includes('AlreadyExists') ? apply() : first;
}
