import type { Values } from '../../lib/config/define.ts';
import { SOURCE_KINDS, sourceKind } from '../../lib/sources/index.ts';
import type { Method, SourceKind } from '../../lib/sources/kind.ts';

interface Sampled {
  readonly kind: SourceKind;
  readonly method: Method;
  /** Name of its source and of its restore. */
  readonly name: string;
}

/** Every method of every kind. */
export const SAMPLES: readonly Sampled[] = SOURCE_KINDS.map(({ name }) => sourceKind(name)).flatMap((kind) =>
  kind.methods.map((method) => ({ kind, method, name: `sample-${method.name}` })),
);

/** A source for each method, from its sample. */
export const SAMPLE_SOURCES = Object.fromEntries(
  SAMPLES.map(({ kind, method: { name: method, sample }, name }) => [
    name,
    { [kind.name]: sample.settings, verify: { [kind.name]: sample.verify }, tiers: { daily: { method }, weekly: { method } } },
  ]),
) as Values['sources'];

/** A restore for each method that supports it, from its sample. */
export const SAMPLE_RESTORES = Object.fromEntries(
  SAMPLES.flatMap(({ kind, method, name }) => (method.restore ? [[name, { source: name, [kind.name]: method.sample.restore }]] : [])),
) as NonNullable<Values['restores']>;

const SHA256 = 'a'.repeat(64);
export const TIME = { start: '2026-11-21T09:30:00Z', end: '2026-11-21T09:31:00Z' };

/** A part of a manifest for each method, with the facts of its sample and a file with its extension. */
export const SAMPLE_PARTS = SAMPLES.map(({ kind, method: { name, extensions, companions = {}, sample } }) => ({
  name,
  kind: kind.name,
  method: name,
  ...TIME,
  compression: { method: 'none' },
  encryption: null,
  tools: { tool: '1.0' },
  ...sample.facts,
  files: [['artifact', extensions[0]] as const, ...Object.entries(companions)].map(([role, ending]) => ({
    name: `20261121-093000-bcdfghjk.${name}${ending}`,
    role,
    bytes: 1000,
    sha256: SHA256,
  })),
}));
