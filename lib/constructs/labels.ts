import { createHash } from 'node:crypto';

/** Text under text, as Kubernetes has labels and annotations. */
export type TextMap = Readonly<Record<string, string>>;

/** What a label says of the object that carries it. */
export interface Identity {
  /** @default - an object that environments may share, such as a script bundle */
  readonly environment?: string;
  readonly component: 'backup' | 'catalogue' | 'restore' | 'scripts' | 'storage' | 'verify';
  readonly source?: string;
  readonly tier?: string;
}

/** On everything that no clean-up may take: neither Argo CD, nor Flux, nor Helm. */
export const KEEP_ANNOTATIONS = {
  'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
  'kustomize.toolkit.fluxcd.io/prune': 'disabled',
  'helm.sh/resource-policy': 'keep',
} as const;

/** Our labels over the user's: what selects pods must not be theirs to change. */
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
 * The pods of a source that do one thing, and no pod of another one. Policies add up: what verifies must not be selected
 * by the one that lets backups through to the server.
 */
export function podsOf(environment: string, source: string, ...components: readonly Identity['component'][]): PodSelector {
  return {
    matchLabels: { 'app.kubernetes.io/name': 'backstay', 'app.kubernetes.io/instance': environment, 'backstay.dev/source': source },
    matchExpressions: [{ key: 'app.kubernetes.io/component', operator: 'In', values: [...components] }],
  };
}

/** On all that belongs to one restore. */
export const RESTORE_LABEL = 'backstay.dev/restore';

/** The label of all pods that mount a claim which one node holds. */
export function claimLabel(claim: string): string {
  return `claim.backstay.dev/${shortened(claim, 63)}`;
}

/** A name within Kubernetes' limit; a longer one ends in a digest, so that no two become one. */
export function shortened(name: string, limit: number): string {
  return name.length <= limit ? name : `${name.slice(0, limit - 9)}-${digest(name)}`;
}

/** Eight hex digits of a text. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
