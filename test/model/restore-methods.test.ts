import { expect, test } from 'vitest';
import * as z from 'zod';
import { Diagnostics } from '../../lib/config/diagnostics.ts';
import type { Settings } from '../../lib/config/settings.ts';
import { lintRestore } from '../../lib/model/lint-restore.ts';
import { planBackups } from '../../lib/model/plan.ts';
import { planRestore } from '../../lib/model/plan-restore.ts';
import type { Method, RestorePart, SourceKind } from '../../lib/sources/kind.ts';
import { elsewhere, loadRestores } from '../support/restores.ts';

const part = (method: string): RestorePart => ({
  ...{ name: 'data', kind: 'toy', method, image: 'busybox', script: `${method}.sh`, env: {}, mounts: [], peers: [], secrets: [] },
});

/** A method that can be restored only if told so. */
function method(name: string, restorable: boolean): Method {
  return {
    name,
    extensions: [],
    parts: () => [part(name)],
    facts: () => ({ format: z.literal('toy') }),
    describe: () => name,
    ...(restorable && { restore: { check: () => [], parts: () => [part(name)], secrets: () => [] } }),
    sample: { settings: {}, facts: { format: 'toy' } },
  };
}

/** A source with two tiers: a daily listing, which cannot be restored, and a weekly archive, which can. */
function settingsOf(restoreSchema: z.ZodType = z.strictObject({})): Settings {
  const kind: SourceKind = {
    name: 'toy',
    schema: z.object({}),
    restoreSchema,
    methods: [method('list', false), method('archive', true)],
    check: () => [],
  };
  const { settings } = loadRestores({ copy: { source: 'orders' } });
  const [source] = settings.sources;
  const [tier] = source?.tiers ?? [];
  if (!source || !tier) throw new Error('no source with a tier');
  const tiers = [
    { ...tier, name: 'daily', method: 'list' },
    { ...tier, name: 'weekly', method: 'archive' },
  ];
  return { ...settings, sources: [{ ...source, verify: undefined, kinds: [{ kind, settings: {}, origin: (path) => path }], tiers }] };
}

function lint(settings: Settings, written: object): readonly string[] {
  const [restore] = settings.restores;
  if (!restore) throw new Error('no restore');
  const diagnostics = new Diagnostics(() => undefined);
  lintRestore({ settings, restore: { ...restore, settings: { ...restore.settings, ...written } }, action: 'restore' }, elsewhere, diagnostics);
  return diagnostics.errors.map(({ path, message, hint }) => `${path}: ${message} (${hint})`);
}

test('a tier whose method cannot be restored is named, with the tiers that can', () => {
  expect(lint(settingsOf(), {})).toEqual([
    "restores.copy: restoring the method 'list' of kind 'toy' is not supported yet (set tier: to one of these: weekly)",
  ]);
  expect(lint(settingsOf(), { tier: 'weekly' })).toEqual([]);
});

test('a setting without a default is reported at its path if its slice is not written', () => {
  const schema = z.strictObject({ into: z.string() });
  expect(lint(settingsOf(schema), { tier: 'weekly' })).toEqual([expect.stringMatching(/^restores\.copy\.toy\.into: required, but missing/)]);
});

test('the safety backup is taken by the method of the tier that is restored, so that it can be restored too', () => {
  const settings = settingsOf();
  const [restore] = settings.restores;
  const [planned] = planBackups({ ...settings, restores: [] }, [], elsewhere).sources;
  if (!restore || !planned) throw new Error('nothing was planned');
  const request = { ...restore.settings, tier: 'weekly', inPlace: { confirm: 'prod/orders', safetyBackup: true } };
  const task = { settings, planned, restore: { ...restore, settings: request }, id: 'bcdfghjk', action: 'restore', once: false } as const;
  expect(planRestore(task, elsewhere).run.parts.map((each) => each.method)).toEqual(['archive']);
});
