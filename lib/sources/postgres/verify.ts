import * as z from 'zod';
import { duration } from '../../units/duration.ts';

const name = z.string().min(1).regex(/^\S+$/, { error: 'expected schema.table, without spaces' });

/** The assertions on one database. */
export const assertionShape = {
  tables: z.array(name).default([]).meta({ description: 'Tables that must be there, as `schema.table`.' }),
  rows: z.record(name, z.int().min(1)).default({}).meta({ description: 'The least number of rows of a table: `{ public.orders: 1000 }`. Count.' }),
  fresh: z
    .array(
      z.strictObject({
        table: name.meta({ description: 'Table, as `schema.table`.' }),
        column: name.meta({ description: 'Column of it that holds a time.' }),
        within: duration.meta({ description: 'How old the newest time may be when the backup began. Duration.' }),
      }),
    )
    .default([])
    .meta({ description: 'Columns whose newest time must be recent, which shows that the backup is current and of the right database.' }),
  queries: z
    .array(
      z.strictObject({
        sql: z.string().min(1).meta({ description: 'A query, run in a read-only transaction.' }),
        expect: z.string().meta({ description: 'Its whole answer as `psql --no-align --tuples-only` prints it.' }),
      }),
    )
    .default([])
    .meta({ description: 'Queries and what they must answer.' }),
} as const;

const assertions = z.strictObject(assertionShape);

/** What people write under `verify.postgres`. */
export const verifySchema = z
  .strictObject({
    ...assertionShape,
    databases: z
      .record(z.string().min(1), assertions)
      .default({})
      .meta({ description: 'The same for each database of a source that has several, by its name.' }),
    amcheck: z.boolean().default(true).meta({ description: 'Look at every table and index with `pg_amcheck`, where the image has it.' }),
    jobs: z.int().min(1).max(64).default(2).meta({ description: 'Tables and indexes that are restored at a time. Count.' }),
  })
  .meta({ description: 'What to check in a restored database.' });

export type Assertions = z.output<typeof assertions>;
export type VerifySlice = z.output<typeof verifySchema>;
