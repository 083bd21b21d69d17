import type { k8s } from '../../imports/k8s.ts';
import type { Placement } from '../pod.ts';
import type { Plain } from './kubernetes-object.ts';
import { claimLabel } from './labels.ts';

const HOSTNAME = 'kubernetes.io/hostname';

/** Affinity in the form of the Kubernetes API, as the user wrote it. */
export type Verbatim = Readonly<Record<string, unknown>>;

export interface AffinityProps {
  readonly placements: readonly Placement[];
  /** Claims that only one node can mount at a time, the primary's first. */
  readonly exclusiveClaims: readonly string[];
  /** @default - the user wrote none */
  readonly affinity?: Verbatim;
  /** The pods of `nextTo` may all be stopped while this one starts, so their node is only preferred. @default false */
  readonly mayBeAlone?: boolean;
}

/**
 * Where the pod may run: beside the pods that use the claim that it reads, beside the pods that write to the same
 * storage, and where the user's own affinity allows.
 *
 * The scheduler counts an existing pod only if it matches *all* required terms of the new pod's affinity. No pod matches
 * two terms for two claims, and the new pod would stay pending. So one term is required, and the others are preferred.
 */
export function affinityOf({ placements, exclusiveClaims, affinity = {}, mayBeAlone = false }: AffinityProps): Verbatim | undefined {
  const nodes = placements.flatMap((placement) => (placement.type === 'node' ? [placement.node] : []));
  const beside = placements.flatMap((placement) => (placement.type === 'nextTo' ? [sameNode(placement.labels)] : []));
  // A pod that shares a claim matches its own term, so the first such pod needs no other.
  const sharing = exclusiveClaims.map((claim) => sameNode({ [claimLabel(claim)]: '' }));
  const wanted = mayBeAlone ? [...sharing, ...beside] : [...beside, ...sharing];
  const placed = !mayBeAlone && beside.length > 0;
  const required = mayBeAlone && sharing.length === 0 ? 0 : 1;
  const merged = {
    ...affinity,
    ...(nodes.length > 0 && { nodeAffinity: onNodes(nodes, child(affinity, 'nodeAffinity')) }),
    ...(wanted.length > 0 && { podAffinity: besides(wanted, { placed, required }, child(affinity, 'podAffinity')) }),
  };
  return Object.keys(merged).length === 0 ? undefined : merged;
}

/** A term matches pods of our own namespace only. */
function sameNode(labels: Readonly<Record<string, string>>): Plain<k8s.PodAffinityTerm> {
  return { labelSelector: { matchLabels: labels }, topologyKey: HOSTNAME };
}

interface Urgency {
  /** The first term is for the claim that is read. */
  readonly placed: boolean;
  /** How many terms are required, counted from the first. */
  readonly required: number;
}

function besides(wanted: readonly Plain<k8s.PodAffinityTerm>[], { placed, required: count }: Urgency, users: Verbatim): Verbatim {
  const theirs = list(users, REQUIRED);
  const required = theirs.length > 0 && !placed ? [] : wanted.slice(0, count);
  const preferred = wanted.slice(required.length).map((podAffinityTerm) => ({ weight: 100, podAffinityTerm }));
  return {
    ...users,
    ...(theirs.length + required.length > 0 && { [REQUIRED]: [...theirs, ...required] }),
    ...(preferred.length > 0 && { [PREFERRED]: [...list(users, PREFERRED), ...preferred] }),
  };
}

/** Matches the node's name: clouds set the hostname label to something else. Terms are alternatives, so each gets it. */
function onNodes(nodes: readonly string[], users: Verbatim): Verbatim {
  const matchFields = nodes.map((node) => ({ key: 'metadata.name', operator: 'In', values: [node] }));
  const theirs = list(child(users, REQUIRED), 'nodeSelectorTerms') as readonly Verbatim[];
  const terms = (theirs.length > 0 ? theirs : [{}]).map((term) => ({ ...term, matchFields: [...list(term, 'matchFields'), ...matchFields] }));
  return { ...users, [REQUIRED]: { nodeSelectorTerms: terms } };
}

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

function child(of: Verbatim, key: string): Verbatim {
  const found = of[key];
  return typeof found === 'object' && found !== null ? (found as Verbatim) : {};
}

function list(of: Verbatim, key: string): readonly unknown[] {
  const found = of[key];
  return Array.isArray(found) ? found : [];
}
