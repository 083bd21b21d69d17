import fc from 'fast-check';
import { expect, test } from 'vitest';
import { literal, variables } from '../../lib/constructs/variables.ts';
import { expand } from '../support/kubelet.ts';

const known = { PW: 'secret', HOME: '/tmp', '': 'nothing' };

test('the kubelet hands on every text as it was written', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('$', '(', ')', 'P', 'W', '/', '*'), maxLength: 20 }));
  fc.assert(
    fc.property(text, (written) => void expect(expand(literal(written), known)).toBe(written)),
    { numRuns: 1000 },
  );
});

test.each([
  ['a pattern that names a variable', 'exclude/$(PW)/*'],
  ['a password with two dollars', 'pa$$word'],
  ['a dollar at the end', 'end$'],
  ['a reference that never ends', '$(PW'],
])('%s is not what the kubelet would make of it', (_, written) => {
  expect(expand(literal(written), known)).toBe(written);
});

test('the kubelet does change an unprotected text', () => {
  expect(expand('exclude/$(PW)/*', known)).toBe('exclude/secret/*');
  expect(expand('pa$$word', known)).toBe('pa$word');
});

test('a Secret is named, and its value is nowhere', () => {
  expect(variables([['PGPASSWORD', { secret: 'shop-db', key: 'password' }]])).toContainEqual({
    name: 'PGPASSWORD',
    valueFrom: { secretKeyRef: { name: 'shop-db', key: 'password' } },
  });
});
