import { describe, expect, test } from 'vitest';
import { type AffinityProps, affinityOf } from '../../lib/constructs/affinity.ts';

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

const beside = (labels: Record<string, string>) => ({ labelSelector: { matchLabels: labels }, topologyKey: 'kubernetes.io/hostname' });
const of = (props: Partial<AffinityProps>) => affinityOf({ placements: [], exclusiveClaims: [], ...props });

test('where nothing binds the pod to a node, it may run anywhere', () => {
  expect(of({})).toBeUndefined();
});

test('beside the pods that use the claim it reads', () => {
  expect(of({ placements: [{ type: 'nextTo', labels: { app: 'web' } }] })).toEqual({ podAffinity: { [REQUIRED]: [beside({ app: 'web' })] } });
});

test('pods that write to a claim of one node find each other by a label, the first of them by its own', () => {
  expect(of({ exclusiveClaims: ['backup-local'] })).toEqual({ podAffinity: { [REQUIRED]: [beside({ 'claim.backstay.dev/backup-local': '' })] } });
});

test('a required term each for two claims would be met by no pod at all: the second is a preference', () => {
  expect(of({ placements: [{ type: 'nextTo', labels: { app: 'web' } }], exclusiveClaims: ['one', 'two'] })).toEqual({
    podAffinity: {
      [REQUIRED]: [beside({ app: 'web' })],
      [PREFERRED]: ['one', 'two'].map((claim) => ({ weight: 100, podAffinityTerm: beside({ [`claim.backstay.dev/${claim}`]: '' }) })),
    },
  });
});

describe('where the pods that it wants to be beside may all be stopped', () => {
  const placements = [{ type: 'nextTo', labels: { app: 'web' } }] as const;

  test('it only prefers to be beside them', () => {
    expect(of({ placements, mayBeAlone: true })).toEqual({
      podAffinity: { [PREFERRED]: [{ weight: 100, podAffinityTerm: beside({ app: 'web' }) }] },
    });
  });

  test('a claim of one node is still shared by all means: the first of them meets its own term', () => {
    expect(of({ placements, exclusiveClaims: ['one'], mayBeAlone: true })).toEqual({
      podAffinity: {
        [REQUIRED]: [beside({ 'claim.backstay.dev/one': '' })],
        [PREFERRED]: [{ weight: 100, podAffinityTerm: beside({ app: 'web' }) }],
      },
    });
  });

  test('a node by its name stays required', () => {
    const placed = { placements: [{ type: 'node', node: 'worker-1' }] } as const;
    expect(of({ ...placed, mayBeAlone: true })).toEqual(of(placed));
  });
});

test('on a node by its name, which no label need be', () => {
  expect(of({ placements: [{ type: 'node', node: 'worker-1' }] })).toEqual({
    nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['worker-1'] }] }] } },
  });
});

describe("what the user wrote stays, and the volumes' needs are added", () => {
  const zone = { matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] };
  const field = { key: 'metadata.name', operator: 'In', values: ['worker-1'] };

  test('alone, it goes through untouched, also where our types know it not', () => {
    const affinity = { podAntiAffinity: { [REQUIRED]: [] }, nodeAffinity: { comingSoon: true } };
    expect(of({ affinity })).toEqual(affinity);
  });

  test('each of the alternatives for nodes gets the node', () => {
    const affinity = { nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: [zone, { matchFields: [field] }] }, [PREFERRED]: [] } };
    expect(of({ affinity, placements: [{ type: 'node', node: 'worker-1' }] })).toEqual({
      nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: [{ ...zone, matchFields: [field] }, { matchFields: [field, field] }] }, [PREFERRED]: [] },
    });
  });

  test('a required term of theirs makes the shared claim a preference', () => {
    const theirs = beside({ tier: 'db' });
    expect(of({ affinity: { podAffinity: { [REQUIRED]: [theirs] } }, exclusiveClaims: ['c'] })).toEqual({
      podAffinity: { [REQUIRED]: [theirs], [PREFERRED]: [{ weight: 100, podAffinityTerm: beside({ 'claim.backstay.dev/c': '' }) }] },
    });
  });

  test('a preferred term of theirs stays beside the required one', () => {
    const theirs = { weight: 1, podAffinityTerm: beside({ tier: 'db' }) };
    expect(of({ affinity: { podAffinity: { [PREFERRED]: [theirs] } }, exclusiveClaims: ['c'] })).toEqual({
      podAffinity: { [REQUIRED]: [beside({ 'claim.backstay.dev/c': '' })], [PREFERRED]: [theirs] },
    });
  });
});
