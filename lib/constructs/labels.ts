import { createHash } from 'node:crypto';

/** Labels or annotations. */
export type TextMap = Readonly<Record<string, string>>;

/** What the labels of an object identify. */
export interface Identity {
  /** @default - an object that environments may share, such as a script bundle */
  readonly environment?: string;
  readonly component: 'backup' | 'catalogue' | 'restore' | 'scripts' | 'storage' | 'verify';
  readonly source?: string;
  readonly tier?: string;
}

/** On every object that Argo CD, Flux and Helm must never delete. */
export const KEEP_ANNOTATIONS = {
  'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
  'kustomize.toolkit.fluxcd.io/prune': 'disabled',
  'helm.sh/resource-policy': 'keep',
} as const;

/** Our labels override the user's, because selectors depend on them. */
export function labelsOf({ environment, component, source, tier }: Identity, users: TextMap = {}): TextMap {
  return {
    ...users,
    'app.kubernetes.io/name': 'backstay',
    'app.kubernetes.io/component': component,
    'app.kubernetes.io/managed-by': 'backstay',
    ...(environment !== undefined && { 'app.kubernetes.io/instance': environment }),
    ...(source !== undefined && { 'backstay.dev/source': source }),
    ...(tier !== undefined && { 'backstay.dev/tier': tier }),
  };
}

/** Which pods a NetworkPolicy governs. */
export interface PodSelector {
  readonly matchLabels: TextMap;
  readonly matchExpressions?: { readonly key: string; readonly operator: string; readonly values: string[] }[];
}

/**
 * The pods of one source and component. NetworkPolicies add up: the one that lets backups reach the server must not
 * select the pods that verify.
 */
export function podsOf(environment: string, source: string, ...components: readonly Identity['component'][]): PodSelector {
  return {
    matchLabels: { 'app.kubernetes.io/name': 'backstay', 'app.kubernetes.io/instance': environment, 'backstay.dev/source': source },
    matchExpressions: [{ key: 'app.kubernetes.io/component', operator: 'In', values: [...components] }],
  };
}

/** On every object of one restore. */
export const RESTORE_LABEL = 'backstay.dev/restore';

/** The label of all pods that mount a claim that only one node can mount. */
export function claimLabel(claim: string): string {
  return `claim.backstay.dev/${shortened(claim, 63)}`;
}

/** Shortens a name to the limit of Kubernetes. A shortened name ends in a digest, so that names stay distinct. */
export function shortened(name: string, limit: number): string {
  return name.length <= limit ? name : `${name.slice(0, limit - 9)}-${digest(name)}`;
}

/** Eight hex digits of a text's hash. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
