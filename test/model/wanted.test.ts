import { describe, expect, test } from 'vitest';
import { diagnoseWanted, wantedOf } from '../../lib/model/wanted.ts';

const seconds = (time: string) => Date.parse(time) / 1000;

describe('the requested backup', () => {
  test.each([
    ['latest', 'latest', false],
    ['latest-verified', 'latest-verified', false],
    ['bcdfghjk', 'bcdfghjk', true],
    ['20261121-093000-bcdfghjk', '20261121-093000-bcdfghjk', true],
    ['20261121-093000-bcdfghjk.shop-archive.dump', '20261121-093000-bcdfghjk.shop-archive.dump', true],
    ['before:2026-11-21T09:30:00Z', `before:${seconds('2026-11-21T09:30:00Z')}`, false],
    ['before:2026-11-21T09:30Z', `before:${seconds('2026-11-21T09:30:00Z')}`, false],
    ['before: 2026-11-21 09:30:00 Z', `before:${seconds('2026-11-21T09:30:00Z')}`, false],
    ['before:2026-11-21T10:30:00+01:00', `before:${seconds('2026-11-21T09:30:00Z')}`, false],
    ['before:2026-11-21T10:30:00+0100', `before:${seconds('2026-11-21T09:30:00Z')}`, false],
    ['before:2026-11-21 04:00:00 -05:30', `before:${seconds('2026-11-21T09:30:00Z')}`, false],
  ])('can be %s', (at, text, byId) => {
    expect(diagnoseWanted(at)).toBeUndefined();
    expect(wantedOf(at)).toEqual({ text, byId });
  });
});

describe('an ambiguous request', () => {
  test.each([
    'before',
    'before:',
    'before:yesterday',
    'before:2026-11-21',
    'before:2026-11-21T09:30:00',
    'before:2026-11-21T09:30:00 CET',
    'before:2026-13-21T09:30:00Z',
    'before:2026-11-21T25:30:00Z',
    'before:2026-02-30T09:30:00Z',
    'before:21.11.2026 09:30 Z',
  ])('is rejected: the time %s', (at) => {
    expect(diagnoseWanted(at)).toEqual(['expected a time with a time zone', expect.stringContaining('before:2026-11-21T09:30:00Z')]);
  });

  test.each(['', 'two words', 'shop/daily/x', '../x', '*', '$(id)', 'a\nb'])('is rejected: the id %j', (at) => {
    expect(diagnoseWanted(at)).toEqual(['not a backup id', expect.stringContaining('backstay list')]);
  });
});
