import fc from 'fast-check';
import { expect, test } from 'vitest';
import { claimLabel, labelsOf, podsOf, shortened } from '../../lib/constructs/labels.ts';

test("the user's labels never override ours", () => {
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

test('selectors distinguish sources of the same name in two environments of one namespace', () => {
  const { matchLabels } = podsOf('prod', 'shop', 'backup');
  expect(matchLabels).toEqual({
    'app.kubernetes.io/name': 'backstay',
    'app.kubernetes.io/instance': 'prod',
    'backstay.dev/source': 'shop',
  });
  expect(labelsOf({ environment: 'prod', component: 'catalogue', source: 'shop' })).toMatchObject(matchLabels);
});

test('selectors distinguish the components of a source', () => {
  expect(podsOf('prod', 'shop', 'backup', 'catalogue').matchExpressions).toEqual([
    { key: 'app.kubernetes.io/component', operator: 'In', values: ['backup', 'catalogue'] },
  ]);
});

test('shortens only names that are too long, and keeps them distinct', () => {
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-'), minLength: 1, maxLength: 253 });
  fc.assert(
    fc.property(name, name, (one, other) => {
      expect(shortened(one, 63).length).toBeLessThanOrEqual(63);
      expect(shortened(one, 63) === shortened(other, 63)).toBe(one === other);
    }),
  );
  expect(claimLabel('backup-local')).toBe('claim.backstay.dev/backup-local');
});
