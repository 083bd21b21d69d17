import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { floorOf } from '../../lib/model/keep-floor.ts';
import { stemOfFile, timeOfName } from '../../lib/model/stored-name.ts';
import { type Entry, planRetention } from '../support/plan-retention.ts';
import { demanded, RETENTION_VECTORS } from '../support/retention.ts';

const NOW = Date.UTC(2026, 10, 21, 9, 30) / 1000;
const name = (time: number, id = 'bcdfghjk') =>
  `${new Date(time * 1000)
    .toISOString()
    .replace(/[-:]|\.000Z/g, '')
    .replace('T', '-')}-${id}`;
const nights = (count: number, newest = NOW) => Array.from({ length: count }, (_, index): Entry => ({ name: name(newest - index * 86_400) }));

describe('the oracle passes the vectors of retention.sh', () => {
  test.each(RETENTION_VECTORS.map((vector) => [vector.name, vector] as const))('%s', (_, vector) => {
    const { atMostDeleted, ...keep } = vector.keep;
    expect(planRetention(vector.entries, { ...keep, ...(atMostDeleted !== undefined && { atMostDeleted }) }, vector.now)).toEqual(demanded(vector));
  });

  test('with unique names, and enough of them', () => {
    expect(RETENTION_VECTORS.length).toBeGreaterThanOrEqual(40);
    expect(new Set(RETENTION_VECTORS.map(({ name: sentence }) => sentence)).size).toBe(RETENTION_VECTORS.length);
  });
});

describe('for any backups and any rules', () => {
  const keep = fc.record(
    {
      last: fc.integer({ min: 1, max: 9 }),
      for: fc.integer({ min: 1, max: 9_000_000 }),
      daily: fc.integer({ min: 1, max: 9 }),
      weekly: fc.integer({ min: 1, max: 9 }),
      monthly: fc.integer({ min: 1, max: 9 }),
      yearly: fc.integer({ min: 1, max: 9 }),
      atLeast: fc.integer({ min: 1, max: 9 }),
    },
    { requiredKeys: [] },
  );
  const entries = fc
    .uniqueArray(fc.integer({ min: NOW - 40_000_000, max: NOW + 9000 }), { maxLength: 40 })
    .chain((times) => fc.tuple(...times.map((time) => fc.record({ name: fc.constant(name(time)), pinned: fc.boolean(), verified: fc.boolean() }))));
  const kept = (plan: ReturnType<typeof planRetention>) => [...plan.verdicts].flatMap(([backup, verdict]) => (verdict.keep ? [backup] : []));

  test('every backup has a verdict, and no other name', () => {
    fc.assert(
      fc.property(entries, keep, (stored, rules) => {
        expect([...planRetention(stored, rules, NOW).verdicts.keys()].sort()).toEqual(stored.map((entry) => entry.name).sort());
      }),
    );
  });

  test('the newest backup, the floor and pinned backups stay', () => {
    fc.assert(
      fc.property(entries, keep, (stored, rules) => {
        const plan = planRetention(stored, rules, NOW);
        const sorted = stored.filter((entry) => (timeOfName(entry.name) ?? 0) <= NOW + 3600).sort((a, b) => (a.name < b.name ? 1 : -1));
        const protectedOnes = [...sorted.slice(0, floorOf(rules)), ...stored.filter(({ pinned }) => pinned)].map((entry) => entry.name);
        expect(kept(plan)).toEqual(expect.arrayContaining(protectedOnes));
      }),
    );
  });

  test('a second run without new backups deletes nothing more', () => {
    fc.assert(
      fc.property(entries, keep, (stored, rules) => {
        const first = kept(planRetention(stored, rules, NOW));
        const again = planRetention(
          stored.filter((entry) => first.includes(entry.name)),
          rules,
          NOW + 86_400,
        );
        const future = stored.some((entry) => (timeOfName(entry.name) ?? 0) > NOW + 3600);
        if (!future) expect(kept(again).sort()).toEqual([...first].sort());
      }),
    );
  });
});

describe('after seven nights without a backup', () => {
  test('the next successful run deletes none of the older backups', () => {
    const before = nights(14, NOW - 7 * 86_400);
    const stay = planRetention(before, { daily: 14 }, NOW);
    const after = planRetention([{ name: name(NOW) }, ...before], { daily: 15 }, NOW);
    const kept = [stay, after].map(({ verdicts }) => [...verdicts.values()].filter(({ keep }) => keep).length);
    expect(kept).toEqual([14, 15]);
  });
});

describe('names', () => {
  test.each([
    ['20261121-093000-bcdfghjk', NOW],
    ['shop-20261121-093000-bcdfghjk', NOW],
    ['20261121-093000-bcdfghjk-shop_2', NOW],
    ['latest', undefined],
    ['20261121-093000', undefined],
    ['20261121-093000-backup01', undefined],
    ['20261121-093000-bcdfghjk.1', undefined],
    ['20261121-093000-bcdfghjk-20261121-093000', undefined],
    ['920261121-093000-bcdfghjk', undefined],
    ['20261121-0930001-bcdfghjk', undefined],
    ['12345678-20261121-093000-bcdfghjk', NOW],
    ['20261121-09300-bcdfghjk', undefined],
    ['20260230-093000-bcdfghjk', undefined],
    ['20261121-236000-bcdfghjk', undefined],
  ])('%s', (text, time) => {
    expect(timeOfName(text)).toBe(time);
  });

  test('the stem ends before the first dot or plus', () => {
    expect(['a-1.dump', 'a-1+globals.sql', 'a-1.manifest.json', 'a-1.shop+globals.sql', 'a-1'].map(stemOfFile)).toEqual(Array(5).fill('a-1'));
  });
});
