import { Construct } from 'constructs';
import type { k8s } from '../../imports/k8s.ts';
import type { Application, PlannedGuard, PlannedRestore } from '../model/model.ts';
import { KubernetesObject, type Plain } from './kubernetes-object.ts';
import { restoreJobName, restoreLabels } from './restore-job.ts';

export interface RestoreRoleProps {
  readonly restore: PlannedRestore;
  readonly guard: PlannedGuard;
  readonly namespace: string;
  readonly images: Readonly<Record<string, string>>;
}

/** The rights of a restore's guard in one namespace, limited to the applications that it stops. */
export class RestoreRole extends Construct {
  constructor(scope: Construct, id: string, props: RestoreRoleProps) {
    super(scope, id);
    const { restore, namespace } = props;
    const metadata = { name: restore.name, namespace, labels: restoreLabels(restore) };
    new KubernetesObject(this, 'Role', 'Role', { metadata, rules: rulesOf(props) });
    new KubernetesObject(this, 'Binding', 'RoleBinding', {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: restore.name },
      subjects: [{ kind: 'ServiceAccount', name: restore.account, namespace: restore.run.namespace }],
    });
  }
}

/** Every namespace in which the guard needs rights. */
export function guardedNamespaces({ run }: PlannedRestore, { applications }: PlannedGuard): readonly string[] {
  return [...new Set([run.namespace, ...applications.map(({ namespace }) => namespace)])].sort();
}

function rulesOf({ restore, guard: { applications, claims }, namespace, images }: RestoreRoleProps): Plain<k8s.PolicyRule>[] {
  const here = applications.filter((application) => application.namespace === namespace);
  const own = restore.run.namespace === namespace;
  return [
    ...(['deployment', 'statefulset'] as const).flatMap((kind) =>
      rulesOfKind(
        kind,
        here.filter((application) => application.kind === kind),
      ),
    ),
    // RBAC cannot limit a list to some names: these rules show all pods and autoscalers of the namespace and change none.
    ...(here.length > 0 || (own && claims.length > 0) ? [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }] : []),
    ...(here.length > 0 ? [{ apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: ['list'] }] : []),
    ...(own ? [{ apiGroups: ['batch'], resources: ['jobs'], resourceNames: [restoreJobName({ restore, images })], verbs: ['get', 'patch'] }] : []),
  ];
}

/** Limited by name. For labels, RBAC has nothing narrower than all objects of a kind; synth warns about that. */
function rulesOfKind(kind: Application['kind'], applications: readonly Application[]): Plain<k8s.PolicyRule>[] {
  if (applications.length === 0) return [];
  const rule = { apiGroups: ['apps'], resources: [`${kind}s`] };
  if (applications.some(({ selector }) => selector !== undefined)) return [{ ...rule, verbs: ['get', 'list', 'patch'] }];
  return [{ ...rule, resourceNames: [...new Set(applications.flatMap(({ name }) => name ?? []))].sort(), verbs: ['get', 'patch'] }];
}
