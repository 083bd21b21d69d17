import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { keep } from '../../lib/config/schema/keep.ts';
import { planRetention } from '../support/plan-retention.ts';

/** Nights of 2026 from January to 18 March, without the 16th. */
const nights = Array.from({ length: 77 }, (_, day) => new Date(Date.UTC(2026, 0, 1 + day, 2))).filter(
  (night) => night.getUTCDate() !== 16 || night.getUTCMonth() !== 2,
);
const nameOf = (night: Date) => `${night.toISOString().slice(0, 10).replaceAll('-', '')}-020000-hkbdmnrt`;

test('retention behaves as in the example of docs/retention.md', () => {
  const now = Date.UTC(2026, 2, 18, 3) / 1000;
  const { verdicts } = planRetention(
    nights.map((night) => ({ name: nameOf(night) })),
    keep.parse({ daily: 3, weekly: 2, monthly: 2 }),
    now,
  );
  const kept = [...verdicts].flatMap(([name, verdict]) => (verdict.keep ? [[dayOf(name), verdict.why.toSorted().join(', ')]] : []));
  expect(kept).toEqual(keptInTheDocument());
});

/** The date in the name of a backup, as `Wed 18 March`. */
function dayOf(name: string): string {
  const night = nights.find((candidate) => nameOf(candidate) === name) ?? new Date(0);
  const part = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat('en', { timeZone: 'UTC', ...options }).format(night);
  return `${part({ weekday: 'short' })} ${night.getUTCDate()} ${part({ month: 'long' })}`;
}

function keptInTheDocument(): readonly (readonly string[])[] {
  const rows = [...readFileSync('docs/retention.md', 'utf8').matchAll(/^\| (\w{3} \d+ \w+) \| (.*) \|$/gm)];
  return rows.map(([, day = '', why = '']) => [
    day,
    [...why.matchAll(/`(\w+)`/g)]
      .map(([, rule]) => rule)
      .toSorted()
      .join(', '),
  ]);
}
