import { describe, expect, test } from 'vitest';
import { type AffinityProps, affinityOf } from '../../lib/constructs/affinity.ts';

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

const beside = (labels: Record<string, string>) => ({ labelSelector: { matchLabels: labels }, topologyKey: 'kubernetes.io/hostname' });
const of = (props: Partial<AffinityProps>) => affinityOf({ placements: [], exclusiveClaims: [], ...props });

test('has no affinity if nothing binds the pod to a node', () => {
  expect(of({})).toBeUndefined();
});

test('requires the node of the pods that use the claim that it reads', () => {
  expect(of({ placements: [{ type: 'nextTo', labels: { app: 'web' } }] })).toEqual({ podAffinity: { [REQUIRED]: [beside({ app: 'web' })] } });
});

test('pods that write to a claim of one node find each other by a label, which the first one matches itself', () => {
  expect(of({ exclusiveClaims: ['backup-local'] })).toEqual({ podAffinity: { [REQUIRED]: [beside({ 'claim.backstay.dev/backup-local': '' })] } });
});

test('with two claims, requires one node and prefers the other: no pod could match two required terms', () => {
  expect(of({ placements: [{ type: 'nextTo', labels: { app: 'web' } }], exclusiveClaims: ['one', 'two'] })).toEqual({
    podAffinity: {
      [REQUIRED]: [beside({ app: 'web' })],
      [PREFERRED]: ['one', 'two'].map((claim) => ({ weight: 100, podAffinityTerm: beside({ [`claim.backstay.dev/${claim}`]: '' }) })),
    },
  });
});

describe('if all pods that use the claim may be stopped', () => {
  const placements = [{ type: 'nextTo', labels: { app: 'web' } }] as const;

  test('only prefers their node', () => {
    expect(of({ placements, mayBeAlone: true })).toEqual({
      podAffinity: { [PREFERRED]: [{ weight: 100, podAffinityTerm: beside({ app: 'web' }) }] },
    });
  });

  test('still requires the node of the storage claim: the first pod matches its own term', () => {
    expect(of({ placements, exclusiveClaims: ['one'], mayBeAlone: true })).toEqual({
      podAffinity: {
        [REQUIRED]: [beside({ 'claim.backstay.dev/one': '' })],
        [PREFERRED]: [{ weight: 100, podAffinityTerm: beside({ app: 'web' }) }],
      },
    });
  });

  test('still requires a node that is set by name', () => {
    const placed = { placements: [{ type: 'node', node: 'worker-1' }] } as const;
    expect(of({ ...placed, mayBeAlone: true })).toEqual(of(placed));
  });
});

test('requires a node by its name, not by a label', () => {
  expect(of({ placements: [{ type: 'node', node: 'worker-1' }] })).toEqual({
    nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['worker-1'] }] }] } },
  });
});

describe("keeps the user's affinity and adds that of the volumes", () => {
  const zone = { matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] };
  const field = { key: 'metadata.name', operator: 'In', values: ['worker-1'] };

  test("without volumes, passes the user's affinity on unchanged, even fields that our types do not know", () => {
    const affinity = { podAntiAffinity: { [REQUIRED]: [] }, nodeAffinity: { comingSoon: true } };
    expect(of({ affinity })).toEqual(affinity);
  });

  test('adds the node to each alternative of the user', () => {
    const affinity = { nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: [zone, { matchFields: [field] }] }, [PREFERRED]: [] } };
    expect(of({ affinity, placements: [{ type: 'node', node: 'worker-1' }] })).toEqual({
      nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: [{ ...zone, matchFields: [field] }, { matchFields: [field, field] }] }, [PREFERRED]: [] },
    });
  });

  test('only prefers the node of the shared claim if the user requires another term', () => {
    const theirs = beside({ tier: 'db' });
    expect(of({ affinity: { podAffinity: { [REQUIRED]: [theirs] } }, exclusiveClaims: ['c'] })).toEqual({
      podAffinity: { [REQUIRED]: [theirs], [PREFERRED]: [{ weight: 100, podAffinityTerm: beside({ 'claim.backstay.dev/c': '' }) }] },
    });
  });

  test('keeps a preferred term of the user beside the required one', () => {
    const theirs = { weight: 1, podAffinityTerm: beside({ tier: 'db' }) };
    expect(of({ affinity: { podAffinity: { [PREFERRED]: [theirs] } }, exclusiveClaims: ['c'] })).toEqual({
      podAffinity: { [REQUIRED]: [beside({ 'claim.backstay.dev/c': '' })], [PREFERRED]: [theirs] },
    });
  });
});
