import * as z from 'zod';
import { printPath } from '../config/places.ts';
import { oneOf, plainWords } from '../config/plain-words.ts';
import type { Diagnostic } from '../diagnostics.ts';
import { ConfigError } from '../errors.ts';
import { count, type FactsOf, type FactsShape, named, type ObjectOf, text } from '../sources/facts.ts';
import { SOURCE_KINDS } from '../sources/index.ts';
import type { Method, SourceKind } from '../sources/kind.ts';
import { timeOfName } from './stored-name.ts';

/** The version of the manifest format. Within a version facts are only added, never changed. */
export const MANIFEST_VERSION = 'backstay/v1';

const time = z.iso.datetime({ error: 'expected a time in UTC such as 2026-11-21T09:30:00Z' });
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: 'expected 64 hex digits' });
const fileName = z.string().regex(/^[A-Za-z0-9._+-]+$/, { error: 'expected letters, digits, dots, dashes, underscores and plus signs' });

const fileOf = (object: ObjectOf, roles: readonly string[]) =>
  object({
    name: fileName.meta({ description: 'Name of the stored file, in the folder of the manifest.' }),
    role: roleOf(roles).meta({ description: 'The artifact, or what a method stores beside it: roles and tablespaces.' }),
    bytes: count.meta({ description: 'Size as stored. Bytes.' }),
    sha256: sha256.meta({ description: 'SHA-256 of the bytes as stored.' }),
  });

/** Roles that this method knows; the type knows those of all methods. */
const roleOf = (roles: readonly string[]) => z.enum(['artifact', ...roles]) as z.ZodType<Role>;
type Role = 'artifact' | RoleBeside<(typeof SOURCE_KINDS)[number]['methods'][number]>;
type RoleBeside<Each> = Each extends { readonly companions: infer Companions } ? keyof Companions : never;

const partBase = (object: ObjectOf, roles: readonly string[]) => ({
  name: z.string().regex(/^[a-z0-9-]+$/, { error: 'expected lowercase letters, digits and dashes' }),
  start: time,
  end: time,
  compression: object({ method: z.enum(['zstd', 'gzip', 'none']), level: z.int().optional() }),
  encryption: z.null(),
  tools: z.record(named, named).meta({ description: 'Versions of the programs that took it.' }),
  files: z.array(fileOf(object, roles)).min(1),
});

/** What all parts have, and what the method of one adds. */
export type ManifestPart = PartOf<(typeof SOURCE_KINDS)[number]>;
type PartOf<Kind> = Kind extends { readonly name: infer Name; readonly methods: readonly (infer Each)[] } ? PartBy<Name, Each> : never;
type PartBy<Kind, Each> = Each extends { readonly name: infer Name; facts(object: ObjectOf): infer Facts extends FactsShape }
  ? z.output<z.ZodObject<ReturnType<typeof partBase>, z.core.$loose>> & { readonly kind: Kind; readonly method: Name } & FactsOf<Facts>
  : never;

/** A part by any method of any kind. */
const partOf = (object: ObjectOf) =>
  oneBy(
    'kind',
    SOURCE_KINDS.map(({ name: kind, methods }) => [
      kind,
      oneBy(
        'method',
        methods.map((method) => [method.name, byMethod(object, kind, method)]),
      ),
    ]),
  ) as z.ZodType<ManifestPart>;

const byMethod = (object: ObjectOf, kind: SourceKind['name'], { name, companions = {}, facts }: Pick<Method, 'name' | 'companions' | 'facts'>) =>
  object({ ...partBase(object, Object.keys(companions)), kind: z.literal(kind), method: z.literal(name), ...facts(object) });

/** The shape that the value of a key names. A kind or method that only a newer backstay knows is an error at that key. */
function oneBy(key: string, shapes: readonly (readonly [string, z.ZodType])[]): z.ZodType {
  const expected = `expected ${oneOf(shapes.map(([name]) => name))}`;
  return z.discriminatedUnion(key, shapes.map(([, shape]) => shape) as never, {
    error: ({ code }) => (code === 'invalid_union' ? expected : undefined),
  });
}

const manifestOf = (object: ObjectOf) =>
  object({
    version: z.literal(MANIFEST_VERSION, { error: `expected '${MANIFEST_VERSION}'` }),
    environment: named,
    namespace: named,
    source: named,
    tier: named,
    name: z.string().refine((name) => timeOfName(name) !== undefined, { error: 'expected a name with one time and the run id' }),
    runId: z.string().regex(/^[bcdfghjkmnpqrstv]{8}$/, { error: 'expected eight of the letters of a run id' }),
    specHash: named,
    job: text,
    pod: text,
    label: text.optional(),
    start: time,
    end: time,
    bytes: count.meta({ description: 'Sum over all files. Bytes.' }),
    storages: z
      .array(
        object({
          name: named,
          kind: named,
          role: z.enum(['primary', 'copy']),
          compared: z.enum(['checksum', 'size', 'read-back']).meta({ description: 'What had to agree before this manifest was written there.' }),
        }),
      )
      .min(1)
      .meta({ description: 'All storages of the run. That a manifest lies in one says that its files were compared there.' }),
    parts: z.array(partOf(object)).min(1),
  });

/** What is stored of one run: `<name>.manifest.json`. */
export const manifest = manifestOf(z.looseObject);
export type Manifest = z.output<typeof manifest>;

/** The same, but strict: what our own scripts write must pass it. */
export const strictManifest = manifestOf(z.strictObject as unknown as ObjectOf);

/**
 * Parses a manifest. Unknown keys are kept: a newer backstay may have written them.
 *
 * @param from - path or id for the message
 * @throws ConfigError with every error
 */
export function parseManifest(json: string, from = 'the manifest'): Manifest {
  const read = manifest.safeParse(parseJson(json, from), { reportInput: true });
  if (read.success) return read.data;
  throw new ConfigError(read.error.issues.map((issue) => problemOf(issue, from)));
}

function parseJson(json: string, from: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw ConfigError.of(from, 'not JSON, or only half of it', 'the files beside it may still be good: compare them with another copy');
  }
}

function problemOf(issue: z.core.$ZodIssue, from: string): Diagnostic {
  const path = printPath(issue.path.map((step) => (typeof step === 'number' ? step : String(step))));
  return {
    path: path === '' ? from : `${from}: ${path}`,
    message: plainWords(issue),
    hint: 'a manifest of another version needs a backstay of that version',
  };
}
