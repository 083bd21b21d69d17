import type { RelativeDiagnostic } from '../../diagnostics.ts';
import type { Env } from '../../pod.ts';
import { lines } from '../env.ts';
import type { Verifying, VerifyPart } from '../kind.ts';
import type { PostgresImage } from './images.ts';
import { databasesOf, partOf, type Settings } from './settings.ts';
import { type Assertions, assertionShape, type VerifySlice } from './verify.ts';

/** Restores a dump into a throw-away server that is reachable only from inside the pod. */
export const dumpVerify: Verifying<Settings, VerifySlice> = {
  check,
  parts: (settings, request) => databasesOf(settings).map((database) => part(settings, request, database)),
};

function check(settings: Settings, request: VerifySlice): readonly RelativeDiagnostic[] {
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

function part(settings: Settings, request: VerifySlice, database: string): VerifyPart {
  return {
    name: partOf(settings, database),
    kind: 'postgres',
    method: 'dump',
    image: `postgres${settings.version}` satisfies PostgresImage,
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

/** A query can be any text, so each has its own variables. */
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
