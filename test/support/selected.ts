import type { KubernetesObject } from './objects.ts';

/** Labels of the pod that an object creates, or is. */
export function podLabels(object: KubernetesObject): Readonly<Record<string, string>> {
  if (object.kind === 'Pod') return object.metadata.labels ?? {};
  const { spec } = object as never as { spec: { jobTemplate?: { spec: Template }; template?: Template['template'] } };
  return (spec.jobTemplate?.spec.template ?? spec.template)?.metadata.labels ?? {};
}

interface Template {
  readonly template: { readonly metadata: { readonly labels: Readonly<Record<string, string>> } };
}

/** Whether a NetworkPolicy selects the pods of an object, by the rules of the API server. */
export function governs(policy: KubernetesObject, object: KubernetesObject): boolean {
  const { matchLabels, matchExpressions = [] } = (policy as never as { spec: { podSelector: Selector } }).spec.podSelector;
  const labels = podLabels(object);
  const equal = Object.entries(matchLabels).every(([name, value]) => labels[name] === value);
  const among = matchExpressions.every(({ key, operator, values }) => operator === 'In' && values.includes(labels[key] ?? ''));
  return policy.metadata.namespace === object.metadata.namespace && equal && among;
}

interface Selector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values: readonly string[] }[];
}
