import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { busyboxBin } from '../support/busybox.ts';
import { FLAT } from '../support/flat-scripts.ts';
import { planRetention } from '../support/plan-retention.ts';
import { demanded, RETENTION_VECTORS, type RetentionCase, shellPlans } from '../support/retention.ts';
import { SHELLS } from '../support/run-script.ts';

const NOW = Date.UTC(2026, 10, 21, 9, 30) / 1000;

/** With mawk, and with awk and sort of BusyBox. */
const PATHS: readonly string[] = ['/usr/bin:/bin', `${busyboxBin()}:/usr/bin`];

describe.each(SHELLS.flatMap(([name, shell]) => PATHS.map((path, index) => [name, index ? 'busybox' : 'Debian', shell, path] as const)))(
  'retention under %s with the tools of %s',
  (_shell, _tools, shell, path) => {
    test('passes the test vectors of the oracle', () => {
      const plans = shellPlans(RETENTION_VECTORS, shell, path);
      expect(RETENTION_VECTORS.length).toBeGreaterThan(20);
      for (const [index, vector] of RETENTION_VECTORS.entries()) expect(plans[index], vector.name).toEqual(demanded(vector));
    });

    test('decides like the oracle on random backups and rules', () => {
      const cases = fc.sample(retentionCase, { numRuns: 150, seed: 20261121 });
      const plans = shellPlans(cases, shell, path);
      for (const [index, { entries, keep, now }] of cases.entries()) {
        const twin = planRetention(entries, keep, now);
        expect(plans[index], JSON.stringify(cases[index])).toEqual(twin);
        expect([...(plans[index]?.verdicts.keys() ?? [])]).toEqual([...twin.verdicts.keys()]);
      }
    });

    test('finds pinned and verified backups in a listing, and ignores those without a manifest', () => {
      const listing = [
        'owner.json',
        '20261121-020000-bcdfghjk.manifest.json',
        '20261121-020000-bcdfghjk.dump',
        '20261120-020000-bcdfghjk.manifest.json',
        '20261120-020000-bcdfghjk.keep',
        '20261119-020000-bcdfghjk.verified.json',
        '20261119-020000-bcdfghjk.manifest.json',
        '20261118-020000-bcdfghjk.dump',
        '20261117-020000-bcdfghjk.keep',
        'bcdfghjk.done',
        'notes.manifest.json',
      ];
      expect(committed(listing, shell, path)).toEqual([
        '20261119-020000-bcdfghjk - verified',
        '20261120-020000-bcdfghjk pinned -',
        '20261121-020000-bcdfghjk - -',
      ]);
    });
  },
);

test('plans a thousand backups in less than a second', () => {
  const entries = Array.from({ length: 1000 }, (_, index) => ({ name: nameAt(NOW - index * 40_000) }));
  const began = performance.now();
  const [plan] = shellPlans([{ now: NOW, keep: { daily: 30, weekly: 10, monthly: 12, yearly: 3, atMostDeleted: 100 }, entries }], ['busybox', 'ash']);
  expect(plan?.verdicts.size).toBe(1000);
  expect(performance.now() - began).toBeLessThan(1000);
});

const count = fc.integer({ min: 1, max: 12 });
const stored = fc.record(
  {
    name: fc.oneof(
      {
        weight: 40,
        arbitrary: fc
          .tuple(fc.integer({ min: -50_000_000, max: 20_000 }), fc.constantFrom('bcdfghjk', 'vtsrqpnm'))
          .map(([past, id]) => nameAt(NOW + past, id)),
      },
      { weight: 10, arbitrary: fc.integer({ min: 0, max: 40 }).map((days) => nameAt(NOW - days * 86_400)) },
      { weight: 1, arbitrary: fc.constantFrom('latest', '20260230-000000-bcdfghjk', '20261120-000000-20261121-000000-bcdfghjk') },
    ),
    pinned: fc.boolean(),
    verified: fc.boolean(),
  },
  { requiredKeys: ['name'] },
);
const retentionCase: fc.Arbitrary<RetentionCase> = fc.record({
  now: fc.constant(NOW),
  entries: fc.uniqueArray(stored, { maxLength: 30, selector: ({ name }) => name }),
  keep: fc.record(
    {
      last: count,
      for: fc.integer({ min: 1, max: 5_000_000 }),
      daily: count,
      weekly: count,
      monthly: count,
      yearly: count,
      atLeast: count,
      atMostDeleted: fc.integer({ min: 0, max: 100 }),
    },
    { requiredKeys: [] },
  ),
});

function nameAt(time: number, id = 'bcdfghjk'): string {
  return `${new Date(time * 1000)
    .toISOString()
    .replace(/[-:]|\.\d+Z/g, '')
    .replace('T', '-')}-${id}`;
}

function committed(listing: readonly string[], [program = 'sh', ...flags]: readonly string[], path: string): readonly string[] {
  const dir = mkdtempSync(join(tmpdir(), 'listing-'));
  writeFileSync(join(dir, 'list'), `${listing.join('\n')}\n`);
  writeFileSync(join(dir, 'driver.sh'), `. '${FLAT}/retention.sh'; committed <'${dir}/list'`);
  const printed = execFileSync(program, [...flags, join(dir, 'driver.sh')], { encoding: 'utf8', env: { PATH: path } });
  return printed.split('\n').filter(Boolean).sort();
}
