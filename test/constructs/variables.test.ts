import fc from 'fast-check';
import { expect, test } from 'vitest';
import { literal, variables } from '../../lib/constructs/variables.ts';
import { expand } from '../support/kubelet.ts';

const known = { PW: 'secret', HOME: '/tmp', '': 'nothing' };

test('the kubelet passes every text on unchanged', () => {
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
])('escapes %s', (_, written) => {
  expect(expand(literal(written), known)).toBe(written);
});

test('the kubelet changes a text that is not escaped', () => {
  expect(expand('exclude/$(PW)/*', known)).toBe('exclude/secret/*');
  expect(expand('pa$$word', known)).toBe('pa$word');
});

test('refers to a Secret by name, without its value', () => {
  expect(variables([['PGPASSWORD', { secret: 'shop-db', key: 'password' }]])).toContainEqual({
    name: 'PGPASSWORD',
    valueFrom: { secretKeyRef: { name: 'shop-db', key: 'password' } },
  });
});
