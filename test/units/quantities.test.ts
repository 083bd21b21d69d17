import { expect, test } from 'vitest';
import { duration } from '../../lib/units/duration.ts';
import { bytesOf, size } from '../../lib/units/size.ts';

test.each([
  ['90s', 90],
  ['30m', 1800],
  ['6h', 21_600],
  ['7d', 604_800],
])('%s is %i seconds', (text, seconds) => {
  expect(duration.parse(text)).toBe(seconds);
});

test.each([120, '120', '0s', '1.5h', '7 d', '7w', '-1h', ''])('rejects the duration %j', (value) => {
  expect(duration.safeParse(value).error?.issues[0]?.message).toBe('expected a duration such as 30m, 6h or 7d');
});

test.each([
  ['512Mi', 536_870_912],
  ['20Gi', 21_474_836_480],
  ['3Ti', 3_298_534_883_328],
])('%s is %i bytes', (text, bytes) => {
  expect(bytesOf(size.parse(text))).toBe(bytes);
});

test.each(['20G', '20', '1.5Gi', 'Gi', '20gi', 10])('rejects the size %j', (value) => {
  expect(size.safeParse(value).success).toBe(false);
});
