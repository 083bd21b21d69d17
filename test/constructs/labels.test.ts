import fc from 'fast-check';
import { expect, test } from 'vitest';
import { claimLabel, labelsOf, podsOf, shortened } from '../../lib/constructs/labels.ts';

test("the user's labels stand beside ours and never over them", () => {
  const identity = { environment: 'prod', component: 'backup', source: 'shop', tier: 'daily' } as const;
  expect(
    labelsOf(identity, { team: 'shop', 'app.kubernetes.io/name': 'other', 'app.kubernetes.io/instance': 'other', 'backstay.dev/source': 'other' }),
  ).toEqual({
    team: 'shop',
    'app.kubernetes.io/name': 'backstay',
    'app.kubernetes.io/instance': 'prod',
    'app.kubernetes.io/component': 'backup',
    'app.kubernetes.io/managed-by': 'backstay',
    'backstay.dev/source': 'shop',
    'backstay.dev/tier': 'daily',
  });
});

test('a source is told from that of the same name in another environment of the namespace', () => {
  const { matchLabels } = podsOf('prod', 'shop', 'backup');
  expect(matchLabels).toEqual({
    'app.kubernetes.io/name': 'backstay',
    'app.kubernetes.io/instance': 'prod',
    'backstay.dev/source': 'shop',
  });
  expect(labelsOf({ environment: 'prod', component: 'catalogue', source: 'shop' })).toMatchObject(matchLabels);
});

test('the pods of a source that do one thing are told from those that do another', () => {
  expect(podsOf('prod', 'shop', 'backup', 'catalogue').matchExpressions).toEqual([
    { key: 'app.kubernetes.io/component', operator: 'In', values: ['backup', 'catalogue'] },
  ]);
});

test('a name stays as it is where it fits, and never becomes that of another', () => {
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-'), minLength: 1, maxLength: 253 });
  fc.assert(
    fc.property(name, name, (one, other) => {
      expect(shortened(one, 63).length).toBeLessThanOrEqual(63);
      expect(shortened(one, 63) === shortened(other, 63)).toBe(one === other);
    }),
  );
  expect(claimLabel('backup-local')).toBe('claim.backstay.dev/backup-local');
});
