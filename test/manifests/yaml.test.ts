import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toYaml } from '../../lib/charts/writer.ts';
import { readLikeKubectl } from '../support/go-yaml.ts';
import { json, NASTY } from '../support/nasty-values.ts';

test('the parser of kubectl reads back every value, even "0o17" and texts that begin with a tab, which cdk8s writes wrongly', () => {
  const values = { nasty: [...NASTY], keys: Object.fromEntries(NASTY.map((key) => [key, key])), more: fc.sample(json, { numRuns: 3000, seed: 7 }) };
  expect(readLikeKubectl(toYaml([values], 'x'))).toEqual(values);
});
