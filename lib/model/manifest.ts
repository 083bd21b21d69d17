import * as z from 'zod';
import { printPath } from '../config/places.ts';
import { plainWords } from '../config/plain-words.ts';
import { ConfigError, type Problem } from '../errors.ts';
import type { SOURCE_KINDS } from '../sources/index.ts';
import { timeOfName } from './stored-name.ts';

/** The format of manifests. What reads it reads all that will ever be called so: new facts are added, none changes. */
export const MANIFEST_VERSION = 'backstay/v1';

/** How objects treat keys that they do not know: refused in what we write, kept in what we read. */
type ObjectOf = typeof z.looseObject;

const time = z.iso.datetime({ error: 'expected a time in UTC such as 2026-11-21T09:30:00Z' });
const count = z.int().min(0);
const text = z.string();
const named = z.string().min(1);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: 'expected 64 hex digits' });
const fileName = z.string().regex(/^[A-Za-z0-9._+-]+$/, { error: 'expected letters, digits, dots, dashes, underscores and plus signs' });

const fileOf = (object: ObjectOf) =>
  object({
    name: fileName.meta({ description: 'Name of the stored file, in the folder of the manifest.' }),
    role: z.enum(['artifact', 'globals']).meta({ description: 'The artifact, or roles and tablespaces beside it.' }),
    bytes: count.meta({ description: 'Size as stored. Bytes.' }),
    sha256: sha256.meta({ description: 'SHA-256 of the bytes as stored.' }),
  });

const partBase = (object: ObjectOf) => ({
  name: z.string().regex(/^[a-z0-9-]+$/, { error: 'expected lower-case letters, digits and dashes' }),
  start: time,
  end: time,
  compression: object({ method: z.enum(['zstd', 'gzip', 'none']), level: z.int().optional() }),
  encryption: z.null(),
  tools: z.record(named, named).meta({ description: 'Versions of the programs that took it.' }),
  files: z.array(fileOf(object)).min(1),
});

const postgresOf = (object: ObjectOf) =>
  object({
    ...partBase(object),
    kind: z.literal('postgres'),
    method: z.literal('dump'),
    format: z.enum(['custom', 'plain']),
    server: object({ version: named, major: z.int() }),
    database: object({
      name: named,
      owner: named,
      encoding: named,
      collation: text.nullable(),
      ctype: text.nullable(),
      localeProvider: text.nullable(),
      locale: text.nullable().optional().meta({ description: 'Locale of a provider other than libc.' }),
      collationVersion: text.nullable(),
      bytes: count.meta({ description: 'Size in the server. Bytes.' }),
      tables: count,
      largeObjects: count,
      extensions: z.array(object({ name: named, version: named })),
    }),
    roles: object({
      owners: z.array(named).meta({ description: 'Owners of what was dumped.' }),
      grantees: z.array(named).meta({ description: 'Roles that privileges were granted to or revoked from.' }),
      grantors: z.array(named).meta({ description: 'Roles that granted a privilege without being the owner.' }),
      others: z.array(named).meta({ description: 'Roles of policies and user mappings.' }),
      database: z.array(named).meta({ description: 'Roles in grants and settings of the database itself. No restore depends on them.' }),
    })
      .optional()
      .meta({ description: 'Roles of the whole database, also where filters limit the dump. Missing: they are read from the dump.' }),
    tablespaces: z.array(named).optional().meta({ description: 'Tablespaces of tables and indexes, without the default of the database.' }),
    filters: z.record(named, z.array(named)).optional().meta({ description: 'What was left out on purpose.' }),
    throttle: object({ slot: z.int().min(1), waitedSeconds: count, held: z.boolean() }).optional(),
  });

const volumeOf = (object: ObjectOf) =>
  object({
    ...partBase(object),
    kind: z.literal('volume'),
    method: z.literal('tar'),
    format: z.literal('tar'),
    volume: object({
      claim: text,
      path: text,
      entries: count,
      files: count,
      bytes: count.meta({ description: 'Size of the content. Bytes.' }),
      changed: count.meta({ description: 'Files that changed while they were read.' }),
      attributed: count.optional().meta({ description: 'Entries with extended attributes or access control lists. Missing: they were not kept.' }),
    }),
  });

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
    parts: z.array(z.discriminatedUnion('kind', [postgresOf(object), volumeOf(object)])).min(1),
  });

/** What is stored of one run: `<name>.manifest.json`. */
export const manifest = manifestOf(z.looseObject);
export type Manifest = z.output<typeof manifest>;
export type ManifestPart = Manifest['parts'][number];

/** A kind of source whose facts have no shape here does not compile: `get` could read none of its manifests. */
type Unshaped = Exclude<(typeof SOURCE_KINDS)[number]['name'], ManifestPart['kind']>;
const everyKindHasAShape: [Unshaped] extends [never] ? true : Unshaped = true;
void everyKindHasAShape;

/** The same without a key too many: what our own scripts write must pass it. */
export const strictManifest = manifestOf(z.strictObject as unknown as ObjectOf);

/**
 * Reads a manifest. Keys that it does not know are kept: a newer backstay may have written it.
 *
 * @param from - where it comes from, for the message: a path, or an id
 * @throws ConfigError with all that is wrong with it
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

function problemOf(issue: z.core.$ZodIssue, from: string): Problem {
  const path = printPath(issue.path.map((step) => (typeof step === 'number' ? step : String(step))));
  return {
    path: path === '' ? from : `${from}: ${path}`,
    message: plainWords(issue),
    hint: 'a manifest of another version needs a backstay of that version',
  };
}
