import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { jsonSchema } from '../../lib/config/json-schema.ts';
import { referenceFiles } from '../../lib/config/reference-files.ts';
import { valuesReference } from '../../lib/config/values-reference.ts';
import { asOverlay, asWritten } from '../../lib/config/written.ts';
import { SOURCE_KINDS } from '../../lib/sources/index.ts';
import { STORAGE_KINDS } from '../../lib/storages/index.ts';

test.each([...referenceFiles()])('%s matches the schema of the values; if not, run npm run schema', (path, text) => {
  expect(readFileSync(path, 'utf8')).toBe(text);
});

/** Values of both files, right and wrong, as an editor sees them. */
const CASES: readonly (readonly [string, unknown])[] = [
  ['nothing', {}],
  ['a storage', { storages: { local: { pvc: { size: '10Gi' } } } }],
  ['a storage removed', { storages: { local: null } }],
  ['a wrong size', { storages: { local: { pvc: { size: '10G' } } } }],
  ['an unknown key', { storages: { local: { pvc: { sise: '10Gi' } } } }],
  ['an unknown key deep in a plan', { plans: { default: { tiers: { daily: { pod: { scratch: { sise: '1Gi' } } } } } } }],
  ['a name of a storage that is none', { storages: { Local: {} } }],
  ['storages by name and with their own keep', { plans: { default: { storages: ['a', { name: 'b', keep: { last: 3 } }] } } }],
  ['a storage that is a number', { plans: { default: { storages: [5] } } }],
  ['no storage at all', { plans: { default: { storages: [] } } }],
  ['a duration', { defaults: { job: { deadline: '6h' } } }],
  ['a duration that is a number', { defaults: { job: { deadline: 6 } } }],
  ['a count that is too large', { plans: { default: { keep: { last: 100_000 } } } }],
  ['a template in the defaults', { defaults: { postgres: { host: '{{ .Source }}-db', credentials: { secret: '{{ .Source }}-db' } } } }],
  ['a host with a space', { sources: { a: { postgres: { host: 'a b' } } } }],
  ['a version', { sources: { a: { postgres: { version: 17 } } } }],
  ['a version that is not built', { sources: { a: { postgres: { version: 13 } } } }],
  ['a kind that is not built', { sources: { a: { openbao: {} } } }],
  ['a section that is not built', { encryption: {} }],
  ['network by a word', { sources: { a: { postgres: { network: 'external' } } } }],
  ['network by another word', { sources: { a: { postgres: { network: 'internal' } } } }],
  ['network by labels', { sources: { a: { postgres: { network: { labels: { app: 'db' } } } } } }],
  ['a verification', { verify: { schedule: '@weekly', postgres: { rows: { 'public.orders': 1000 } } } }],
  ['a verification that requires no row', { plans: { default: { verify: { postgres: { rows: { 'public.orders': 0 } } } } } }],
  ['a question without an answer', { defaults: { verify: { postgres: { queries: [{ sql: 'select 1' }] } } } }],
  ['a restore', { restores: { copy: { source: 'shop', at: 'latest', postgres: { owner: { role: 'app' } } } } }],
  ['an unknown key of a restore', { restores: { copy: { source: 'shop', volume: { path: ['www'] } } } }],
  ['an application that is none', { restores: { copy: { source: 'shop', scaleDown: ['pod/shop'] } } }],
  ['tolerations as Kubernetes has them', { defaults: { pod: { tolerations: [{ key: 'x', operator: 'Exists' }] } } }],
];

test.each(CASES)('an editor judges %s like we do', (_, written) => {
  for (const [role, ours] of [
    ['base', asWritten],
    ['overlay', asOverlay],
  ] as const) {
    const editors = z.fromJSONSchema(JSON.parse(jsonSchema(role)) as Parameters<typeof z.fromJSONSchema>[0]);
    expect(editors.safeParse(written).success, role).toBe(z.safeParse(ours, written).success);
  }
});

test('an editor shows the description and the default of each key', () => {
  const schema = JSON.parse(jsonSchema('base'));
  expect(schema.properties.namespace.description).toBe('Namespace that pods run in.');
  expect(schema.definitions.job.properties.deadline).toMatchObject({ default: '6h', type: 'string' });
  expect(schema.definitions.tier.properties.keep).toMatchObject({ allOf: [{ $ref: '#/definitions/keep' }] });
});

test('the JSON Schemas are Draft 7, which editors support fully, and small enough to read', () => {
  for (const role of ['base', 'overlay'] as const) {
    const text = jsonSchema(role);
    expect(JSON.parse(text).$schema).toBe('http://json-schema.org/draft-07/schema#');
    expect(text).not.toContain('__schema');
    // A budget for each kind, because the overlay repeats every key with null.
    expect(text.length).toBeLessThan(60_000 + 30_000 * (SOURCE_KINDS.length + STORAGE_KINDS.length));
  }
});

test('every heading of the reference is unique, and every link has a target', () => {
  const text = valuesReference();
  const anchors = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^a-z0-9 _-]/g, '')
      .replaceAll(' ', '-'),
  );
  expect(new Set(anchors).size).toBe(anchors.length);
  const links = [...text.matchAll(/\]\(#([^)]*)\)/g)].map(([, link]) => link);
  expect(links.filter((link) => !anchors.includes(link!))).toEqual([]);
  expect(links.length).toBeGreaterThan(30);
});

test('objects that are also at the top level say so', () => {
  expect(valuesReference()).toMatch(/^Used in .*\[the top level\]\(#the-top-level\)/m);
});

test('the reference lists keys that are not built yet in their own section only', () => {
  const [built, refused] = valuesReference().split('## Not supported yet');
  expect(refused).toContain('| `storages.<storage>.azure` | the storage `azure` |');
  expect(built).not.toContain('| `azure`');
});

test('a table says type, default and description of a key', () => {
  expect(valuesReference()).toContain('| `deadline` | duration | `6h` | A run longer than this is stopped and counts as failed. |');
  expect(valuesReference()).toContain('| `version` | `14`, `15`, `16`, `17` or `18` | **required** |');
});
