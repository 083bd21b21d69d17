import { describe, expect, test } from 'vitest';
import { strictManifest } from '../../lib/model/manifest.ts';
import { IMAGES } from '../../lib/sources/images.ts';
import { METHOD_NAMES } from '../../lib/sources/index.ts';
import type { RestoreContext } from '../../lib/sources/kind.ts';
import { SAMPLE_PARTS, SAMPLES } from '../support/samples.ts';

const context: RestoreContext = {
  ...{ environment: 'prod', source: 'shop', namespace: 'backup', throttle: { perServer: 3, wait: 3600 } },
  inPlace: false,
  action: 'restore',
  id: 'bcdfghjk',
};

test('names of methods are unique, because manifests and tiers refer to them by name', () => {
  expect(new Set(METHOD_NAMES).size).toBe(METHOD_NAMES.length);
});

test('every rival is a method that exists', () => {
  const rivals = SAMPLES.flatMap(({ method }) => method.rivals ?? []);
  expect(rivals.filter((name) => !METHOD_NAMES.some((known) => known === name))).toEqual([]);
});

describe.each(SAMPLES.map((sample) => [sample.method.name, sample] as const))('the method %s', (name, { kind, method }) => {
  const { sample } = method;
  const settings = kind.schema.parse(sample.settings);
  const parts = method.parts(settings, context);
  const steps = (list: readonly { readonly name: string; readonly kind: string; readonly method: string }[]) =>
    list.map((step) => [step.name, step.kind, step.method]);

  test('accepts its sample without an error', () => {
    const found = [...kind.check(settings, context), ...(method.check?.(settings, context) ?? [])];
    expect(found.filter(({ severity }) => severity !== 'warning')).toEqual([]);
  });

  test('records its name and that of its kind in each part', () => {
    expect(parts.length).toBeGreaterThan(0);
    for (const part of parts) expect(part).toMatchObject({ kind: kind.name, method: name });
  });

  test('runs images that have a reference', () => {
    const restored = method.restore?.parts(settings, kind.restoreSchema?.parse({}), context) ?? [];
    const verified = method.verify?.parts(settings, kind.verifySchema?.parse({}), context) ?? [];
    for (const { image } of [...parts, ...restored, ...verified]) expect(Object.keys(IMAGES)).toContain(image);
  });

  test('restores and verifies the parts that it backs up, under the same names', () => {
    const restored = method.restore?.parts(settings, kind.restoreSchema?.parse(sample.restore ?? {}), context);
    const verified = method.verify?.parts(settings, kind.verifySchema?.parse(sample.verify ?? {}), context);
    for (const list of [restored, verified]) if (list) expect(steps(list)).toEqual(steps(parts));
  });

  test('declares whether its restore fills claims, because the pod depends on it', () => {
    const restored = method.restore?.parts(settings, kind.restoreSchema?.parse(sample.restore ?? {}), context) ?? [];
    const fills = restored.some(({ mounts }) => mounts.some((mount) => mount.type === 'claim' && !mount.readOnly));
    expect(method.restore?.fillsClaims ?? false).toBe(fills);
  });

  const [part, ...more] = SAMPLE_PARTS.filter((candidate) => candidate.method === name);

  test('writes only facts that the manifest allows', () => {
    expect(more).toEqual([]);
    expect(strictManifest.shape.parts.parse([part])).toEqual([part]);
    expect(strictManifest.shape.parts.safeParse([{ ...part, more: 1 }]).success).toBe(false);
  });

  test('stores only the artifact and its companions', () => {
    const { files = [] } = part ?? {};
    expect(files.map(({ role }) => role)).toEqual(['artifact', ...Object.keys(method.companions ?? {})]);
    expect(strictManifest.shape.parts.safeParse([{ ...part, files: [{ ...files[0], role: 'other' }] }]).success).toBe(false);
  });

  test('describes a part from its facts alone', () => {
    expect(method.describe(sample.facts as never)).toMatch(/^\S.*\S$/);
    expect(method.describe(sample.facts as never)).not.toContain('undefined');
  });
});
