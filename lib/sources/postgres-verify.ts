import * as z from 'zod';
import type { RelativeDiagnostic } from '../diagnostics.ts';
import type { ImageName } from '../images.ts';
import type { Env } from '../pod.ts';
import { duration } from '../units/duration.ts';
import { lines } from './env.ts';
import type { SourceContext, Verifying, VerifyPart } from './kind.ts';
import { databasesOf, partOf, type Settings } from './postgres-settings.ts';

const name = z.string().min(1).regex(/^\S+$/, { error: 'expected schema.table, without spaces' });

const assertionShape = {
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

const schema = z
  .strictObject({
    ...assertionShape,
    databases: z
      .record(z.string().min(1), assertions)
      .default({})
      .meta({ description: 'The same for each database of a source that has several, by its name.' }),
    amcheck: z.boolean().default(true).meta({ description: 'Look at every table and index with `pg_amcheck`, where the image has it.' }),
    jobs: z.int().min(1).max(64).default(2).meta({ description: 'Tables and indexes that are restored at a time. Count.' }),
  })
  .meta({ description: 'What a restored database is asked.' });

type Assertions = z.output<typeof assertions>;
type Request = z.output<typeof schema>;

/** A dump, restored into a server that lives as long as the pod and that nobody else reaches. */
export const postgresVerify: Verifying<Settings, typeof schema> = {
  schema,
  check,
  parts: (settings, request, context) => databasesOf(settings).map((database) => part(settings, request, context, database)),
};

function check(settings: Settings, request: Request): readonly RelativeDiagnostic[] {
  const databases = databasesOf(settings);
  const strangers = Object.keys(request.databases).filter((database) => !databases.includes(database));
  const found: RelativeDiagnostic[] = strangers.map((database) => ({
    path: ['databases', database],
    message: `the source has no database '${database}'`,
    hint: `its databases: ${databases.join(', ')}`,
  }));
  const general = Object.keys(assertionShape).filter((key) => count(request[key as keyof Assertions]) > 0);
  if (databases.length > 1)
    found.push(
      ...general.map((key) => ({
        path: [key],
        message: 'ambiguous, because the source has several databases',
        hint: `write databases: { ${databases[0]}: { ${key}: … } }`,
      })),
    );
  return found;
}

function count(asserted: Assertions[keyof Assertions]): number {
  return Array.isArray(asserted) ? asserted.length : Object.keys(asserted).length;
}

function part(settings: Settings, request: Request, _: SourceContext, database: string): VerifyPart {
  return {
    name: partOf(settings, database),
    kind: 'postgres',
    method: 'dump',
    image: `postgres${settings.version}` satisfies ImageName,
    script: 'postgres-verify.sh',
    env: {
      DATABASE: database,
      SERVER_MAJOR: String(settings.version),
      AMCHECK: String(request.amcheck),
      RESTORE_JOBS: String(request.jobs),
      ...assertionEnv(request.databases[database] ?? request),
    },
    mounts: [],
  };
}

/** A query may be any text, so each has variables of its own. */
function assertionEnv({ tables, rows, fresh, queries }: Assertions): Env {
  return {
    ...lines('ASSERT_TABLES', tables),
    ...lines(
      'ASSERT_ROWS',
      Object.entries(rows).map(([table, floor]) => `${floor} ${table}`),
    ),
    ...lines(
      'ASSERT_FRESH',
      fresh.map(({ table, column, within }) => `${within} ${table} ${column}`),
    ),
    ASSERT_QUERY_COUNT: String(queries.length),
    ...Object.fromEntries(
      queries.flatMap(({ sql, expect }, index) => [
        [`ASSERT_QUERY_${index + 1}`, sql],
        [`ASSERT_ANSWER_${index + 1}`, expect],
      ]),
    ),
  };
}
