import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toYaml } from '../../lib/charts/writer.ts';
import { readLikeKubectl } from '../support/go-yaml.ts';
import { json, NASTY } from '../support/nasty-values.ts';

test('the parser of kubectl reads what was written; it turned "0o17" of cdk8s into 15 and refused a text that begins with a tab', () => {
  const values = { nasty: [...NASTY], keys: Object.fromEntries(NASTY.map((key) => [key, key])), more: fc.sample(json, { numRuns: 3000, seed: 7 }) };
  expect(readLikeKubectl(toYaml([values], 'x'))).toEqual(values);
});
