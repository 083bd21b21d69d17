import { beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import { Diagnostics } from '../../lib/config/diagnostics.ts';
import type { RestoreSettings, Settings, SourceSettings } from '../../lib/config/settings.ts';
import { lint } from '../../lib/model/lint.ts';
import { lintRestore } from '../../lib/model/lint-restore.ts';
import { planBackups } from '../../lib/model/plan.ts';
import { planRestore } from '../../lib/model/plan-restore.ts';
import { contextOf } from '../../lib/model/source-context.ts';
import type { SourceKind } from '../../lib/sources/kind.ts';
import { elsewhere, loadRestores } from '../support/restores.ts';

const schema = z.object({});
const SLOW = { perServer: 1, wait: 60 };
const SOURCE = { environment: 'prod', source: 'orders', namespace: 'backup' };

/** The contexts that a kind was given, by the function that was called. */
let seen: Record<string, object[]>;

function note(name: string) {
  return (...args: readonly unknown[]) => {
    seen[name] = [...(seen[name] ?? []), args.at(-1) as object];
    return [];
  };
}

/** A kind with two methods that only notes what it is told. */
const toy: SourceKind = {
  name: 'postgres',
  schema,
  methods: ['first', 'second'],
  check: note('check'),
  parts: note('parts'),
  restore: { schema, check: note('restore.check'), parts: note('restore.parts'), secrets: () => [] },
  verify: { schema, check: note('verify.check'), parts: note('verify.parts') },
};

/** An environment with one source of this kind, and a tier that has a method and a throttle of its own. */
function settingsOfToy(): Settings & { readonly sources: readonly [SourceSettings] } {
  const { settings } = loadRestores({ copy: { source: 'orders' } });
  const [source] = settings.sources;
  const [tier] = source?.tiers ?? [];
  if (!source || !tier) throw new Error('no source with a tier');
  const slow = { ...tier, method: 'second', options: { ...tier.options, throttle: SLOW } };
  return { ...settings, sources: [{ ...source, kinds: [{ kind: toy, settings: {}, origin: (path) => path }], tiers: [slow] }] };
}

beforeEach(() => {
  seen = {};
});

test('lint checks a kind with the context that its parts are planned with: the method and the throttle of the tier', () => {
  const settings = settingsOfToy();
  lint(settings, new Diagnostics(() => undefined));
  planBackups({ ...settings, restores: [] }, [], elsewhere);
  const context = { ...SOURCE, method: 'second', throttle: SLOW };
  expect(seen.check).toEqual([context]);
  expect(seen.parts).toEqual([context]);
});

test('verification is linted and planned outside of any tier, with the first method and the throttle of the source', () => {
  const settings = settingsOfToy();
  lint(settings, new Diagnostics(() => undefined));
  planBackups({ ...settings, restores: [] }, [], elsewhere);
  const context = { ...SOURCE, method: 'first', throttle: { perServer: 3, wait: 3600 } };
  expect(seen['verify.check']).toEqual([context]);
  expect(seen['verify.parts']).toEqual([context]);
});

test('a restore is linted with the context that it is planned with, but for its id', () => {
  const settings = settingsOfToy();
  const [restore] = settings.restores as readonly [RestoreSettings];
  const inPlace: RestoreSettings = { ...restore, settings: { ...restore.settings, inPlace: { confirm: 'prod/orders', safetyBackup: true } } };
  const [planned] = planBackups({ ...settings, restores: [] }, [], elsewhere).sources;
  if (!planned) throw new Error('no source was planned');
  for (const each of [restore, inPlace]) {
    lintRestore({ settings, restore: each, action: 'swap-back' }, elsewhere, new Diagnostics(() => undefined));
    planRestore({ settings, planned, restore: each, id: 'bcdfghjk', action: 'swap-back', once: false }, elsewhere);
  }
  const context = { ...SOURCE, method: 'first', throttle: { perServer: 3, wait: 3600 }, action: 'swap-back', part: undefined };
  const both = [false, true].map((is) => ({ ...context, inPlace: is }));
  expect(seen['restore.parts']).toEqual(both.map((each) => ({ ...each, id: 'bcdfghjk' })));
  expect(seen['restore.check']).toEqual(both.map((each) => ({ ...each, id: expect.stringMatching(/^[b-df-hj-np-tv]{8}$/) })));
});

test('a method of another kind leaves a kind with its first', () => {
  const [source] = settingsOfToy().sources;
  const [tier] = source.tiers;
  if (!tier) throw new Error('no tier');
  expect(contextOf(source, 'prod', toy, { ...tier, method: 'tar' }).method).toBe('first');
});
