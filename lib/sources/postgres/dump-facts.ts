import * as z from 'zod';
import { count, type FactsOf, type FactsShape, named, type ObjectOf, text } from '../facts.ts';

/** The facts that postgres-dump.sh adds to its part of the manifest. */
export const dumpFacts = (object: ObjectOf) =>
  ({
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
  }) satisfies FactsShape;

export type DumpFacts = FactsOf<ReturnType<typeof dumpFacts>>;
