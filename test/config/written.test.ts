import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { listEnvironments } from '../../lib/config/read.ts';
import { values } from '../../lib/config/schema/values.ts';
import { metaOf, shapeOf, unwrapped } from '../../lib/config/schema-at.ts';
import { asOverlay, asWritten } from '../../lib/config/written.ts';
import { loadEnvironment } from '../../lib/model/load.ts';

const FIXTURES = 'test/fixtures/values';
const fixtures = readdirSync(FIXTURES).flatMap((name) => listEnvironments(join(FIXTURES, name)).map((environment) => [name, environment] as const));

test('there are fixtures', () => {
  expect(fixtures.length).toBeGreaterThan(2);
});

test.each(fixtures)('%s/%s passes every check', (name, environment) => {
  const { settings } = loadEnvironment(join(FIXTURES, name), environment);
  expect(settings.sources.length).toBeGreaterThan(0);
});

const accepts = (schema: z.core.$ZodType, written: unknown) => z.safeParse(schema, written).success;

/** Every object of a schema, with the path to it in words. */
function objectsIn(schema: z.core.$ZodType, path: string): (readonly [string, z.core.$ZodType])[] {
  const inner = unwrapped(schema);
  const { def } = inner._zod;
  if (def.type === 'object') return [[path, inner], ...Object.entries(def.shape).flatMap(([key, value]) => objectsIn(value, `${path}.${key}`))];
  if (def.type === 'record') return objectsIn(def.valueType, `${path}.x`);
  if (def.type === 'array') return objectsIn(def.element, `${path}[]`);
  return def.type === 'union' ? def.options.flatMap((option) => objectsIn(option, path)) : [];
}

describe('of every object of the schema', () => {
  const objects = objectsIn(values, 'values');
  const written = objectsIn(asWritten, 'values');
  const over = objectsIn(asOverlay, 'values');

  test('has a schema for what is written, with the same keys', () => {
    const keys = ([path, object]: readonly [string, z.core.$ZodType]) => `${path}: ${Object.keys(shapeOf(object)).join(' ')}`;
    expect(written.map(keys)).toEqual(objects.map(keys));
    expect(over.map(keys)).toEqual(objects.map(keys));
    expect(objects.length).toBeGreaterThan(50);
  });

  test('every key is optional in a file, except in values that are replaced as a whole', () => {
    const demanding = written.filter(([, object]) => !accepts(object, {})).map(([path]) => path.replace(/^.*\.(?=keep$|\w+\[\]$)/, ''));
    expect([...new Set(demanding)].sort()).toEqual(['fresh[]', 'keep', 'queries[]', 'storages[]']);
  });

  test('unknown keys are rejected', () => {
    const codes = ([, object]: readonly [string, z.core.$ZodType]) => z.safeParse(object, { 'no such key': 1 }).error?.issues.map(({ code }) => code);
    for (const entry of [...written, ...over]) expect(codes(entry), entry[0]).toContain('unrecognized_keys');
  });

  test('every key can be null in an overlay, and none in the base', () => {
    const refuse = (list: typeof written, wanted: boolean) =>
      list.flatMap(([path, object]) =>
        Object.entries(shapeOf(object))
          .filter(([, schema]) => accepts(schema, null) !== wanted)
          .map(([key]) => `${path}.${key}`),
      );
    expect(refuse(over, true).filter((path) => !/\.(storages\[\]\.name|fresh\[\]\.\w+|queries\[\]\.\w+)$/.test(path))).toEqual([]);
    expect(refuse(written, false)).toEqual([]);
  });

  test('no default is applied to a file', () => {
    for (const [, object] of written) expect(z.safeParse(object, {}).data ?? {}).toEqual({});
    expect(z.parse(asWritten, { sources: { a: { pod: {}, plan: 'x' } } })).toEqual({ sources: { a: { pod: {}, plan: 'x' } } });
  });

  test('every key has a description', () => {
    const silent = objects.flatMap(([path, object]) =>
      Object.entries(shapeOf(object))
        .filter(([, schema]) => !metaOf(schema).description)
        .map(([key]) => `${path}.${key}`),
    );
    expect(silent).toEqual([]);
  });
});

test('a duration stays the text that was written', () => {
  expect(z.parse(asWritten, { defaults: { job: { deadline: '6h' } } })).toEqual({ defaults: { job: { deadline: '6h' } } });
});

test('a list keeps its required keys, because it is only replaced as a whole', () => {
  expect(accepts(asOverlay, { plans: { default: { storages: [] } } })).toBe(false);
  expect(accepts(asOverlay, { plans: { default: { storages: [null] } } })).toBe(false);
});

test('keep still needs a rule, because it is only replaced as a whole', () => {
  expect(accepts(asOverlay, { plans: { default: { keep: { atLeast: 2 } } } })).toBe(false);
  expect(accepts(asOverlay, { plans: { default: { keep: { last: null, atLeast: 2 } } } })).toBe(false);
  expect(accepts(asOverlay, { plans: { default: { keep: { last: 2 } } } })).toBe(true);
});

test('the fixtures use only what is built', () => {
  for (const name of readdirSync(FIXTURES))
    expect(readFileSync(join(FIXTURES, name, 'base.yaml'), 'utf8')).not.toMatch(/azure|openbao|objects:|encryption/);
});
