import { beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import { Diagnostics } from '../../lib/config/diagnostics.ts';
import type { RestoreSettings, Settings, SourceSettings } from '../../lib/config/settings.ts';
import { lint } from '../../lib/model/lint.ts';
import { lintRestore } from '../../lib/model/lint-restore.ts';
import { methodIn } from '../../lib/model/methods.ts';
import { planBackups } from '../../lib/model/plan.ts';
import { planRestore } from '../../lib/model/plan-restore.ts';
import type { Method, SourceKind } from '../../lib/sources/kind.ts';
import { elsewhere, loadRestores } from '../support/restores.ts';

const schema = z.object({});
const SLOW = { perServer: 1, wait: 60 };
const SOURCE = { environment: 'prod', source: 'orders', namespace: 'backup' };

/** The contexts that a kind received, by the name of the called function. */
let seen: Record<string, object[]>;

function note(name: string) {
  return (...args: readonly unknown[]) => {
    seen[name] = [...(seen[name] ?? []), args.at(-1) as object];
    return [];
  };
}

/** A method that only records its contexts. */
function method(name: string): Method {
  return {
    name,
    extensions: [],
    check: note(`${name}.check`),
    parts: note(`${name}.parts`),
    facts: () => ({ format: z.literal('toy') }),
    describe: () => name,
    restore: { check: note(`${name}.restore.check`), parts: note(`${name}.restore.parts`), secrets: () => [] },
    verify: { check: note(`${name}.verify.check`), parts: note(`${name}.verify.parts`) },
    sample: { settings: {}, facts: { format: 'toy' } },
  };
}

/** A kind with two methods that only records its contexts. */
const toy: SourceKind = {
  name: 'postgres',
  schema,
  restoreSchema: schema,
  verifySchema: schema,
  methods: [method('first'), method('second')],
  check: note('check'),
};

/** An environment with one source of this kind, and a tier with its own method and throttle. */
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

test('lint checks a kind with the same context as the plan: that of the tier and its method', () => {
  const settings = settingsOfToy();
  lint(settings, new Diagnostics(() => undefined));
  planBackups({ ...settings, restores: [] }, [], elsewhere);
  const context = { ...SOURCE, throttle: SLOW };
  expect(seen.check).toEqual([context]);
  expect(seen['second.check']).toEqual([context]);
  expect(seen['second.parts']).toEqual([context]);
  expect(Object.keys(seen).filter((name) => name.startsWith('first'))).toEqual([]);
});

test('verification is linted and planned outside of any tier, with the throttle of the source', () => {
  const settings = settingsOfToy();
  lint(settings, new Diagnostics(() => undefined));
  planBackups({ ...settings, restores: [] }, [], elsewhere);
  const context = { ...SOURCE, throttle: { perServer: 3, wait: 3600 } };
  expect(seen['second.verify.check']).toEqual([context]);
  expect(seen['second.verify.parts']).toEqual([context]);
});

test('lint checks a restore with the same context as the plan, except for its id', () => {
  const settings = settingsOfToy();
  const [restore] = settings.restores as readonly [RestoreSettings];
  const inPlace: RestoreSettings = { ...restore, settings: { ...restore.settings, inPlace: { confirm: 'prod/orders', safetyBackup: true } } };
  const [planned] = planBackups({ ...settings, restores: [] }, [], elsewhere).sources;
  if (!planned) throw new Error('no source was planned');
  for (const each of [restore, inPlace]) {
    lintRestore({ settings, restore: each, action: 'swap-back' }, elsewhere, new Diagnostics(() => undefined));
    planRestore({ settings, planned, restore: each, id: 'bcdfghjk', action: 'swap-back', once: false }, elsewhere);
  }
  const context = { ...SOURCE, throttle: { perServer: 3, wait: 3600 }, action: 'swap-back', part: undefined };
  const both = [false, true].map((is) => ({ ...context, inPlace: is }));
  expect(seen['second.restore.parts']).toEqual(both.map((each) => ({ ...each, id: 'bcdfghjk' })));
  expect(seen['second.restore.check']).toEqual(both.map((each) => ({ ...each, id: expect.stringMatching(/^[b-df-hj-np-tv]{8}$/) })));
});

test('a kind uses its first method if the method of the tier belongs to another kind', () => {
  expect(methodIn(toy, { method: 'tar' }).name).toBe('first');
});
