import type { k8s } from '../../imports/k8s.ts';
import type { Placement } from '../pod.ts';
import type { Plain } from './kubernetes-object.ts';
import { claimLabel } from './labels.ts';

const HOSTNAME = 'kubernetes.io/hostname';

/** Affinity of Kubernetes' own API, as the user wrote it. */
export type Verbatim = Readonly<Record<string, unknown>>;

export interface AffinityProps {
  readonly placements: readonly Placement[];
  /** Claims that one node holds at a time, the primary's first. */
  readonly exclusiveClaims: readonly string[];
  /** @default - the user wrote none */
  readonly affinity?: Verbatim;
  /** The pods that it wants to be beside may all be stopped meanwhile, and then any node will do. @default false */
  readonly mayBeAlone?: boolean;
}

/**
 * Where the pod may run: beside the pods that use the claim it reads, beside the pods that write to the claim it writes
 * to, and where the user says.
 *
 * The scheduler counts a pod only if it meets *all* required terms of the newcomer's pod affinity, so two of them, one
 * for each claim, would be met by no pod at all, for ever. One is required, what else we want is preferred.
 */
export function affinityOf({ placements, exclusiveClaims, affinity = {}, mayBeAlone = false }: AffinityProps): Verbatim | undefined {
  const nodes = placements.flatMap((placement) => (placement.type === 'node' ? [placement.node] : []));
  const beside = placements.flatMap((placement) => (placement.type === 'nextTo' ? [sameNode(placement.labels)] : []));
  // A pod that shares a claim meets its own term, so the first of them may be alone.
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

/** A term is met by pods of our own namespace only. */
function sameNode(labels: Readonly<Record<string, string>>): Plain<k8s.PodAffinityTerm> {
  return { labelSelector: { matchLabels: labels }, topologyKey: HOSTNAME };
}

interface Urgency {
  /** The first term is about the claim that is read. */
  readonly placed: boolean;
  /** How many of the first terms must be met. */
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

/** By the node's name and not by a label, which clouds set to something else. Terms are alternatives: each gets it. */
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
