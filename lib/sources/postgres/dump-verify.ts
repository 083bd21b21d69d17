import type { Finding } from '../../findings.ts';
import type { Env } from '../../pod.ts';
import { lines } from '../env.ts';
import type { Verifying, VerifyPart } from '../kind.ts';
import type { PostgresImage } from './images.ts';
import { databasesOf, partOf, type Settings } from './settings.ts';
import { type Assertions, assertionShape, type VerifySlice } from './verify.ts';

/** A dump, restored into a server that lives as long as the pod and that nobody else reaches. */
export const dumpVerify: Verifying<Settings, VerifySlice> = {
  check,
  parts: (settings, wish) => databasesOf(settings).map((database) => part(settings, wish, database)),
};

function check(settings: Settings, wish: VerifySlice): readonly Finding[] {
  const databases = databasesOf(settings);
  const strangers = Object.keys(wish.databases).filter((database) => !databases.includes(database));
  const found: Finding[] = strangers.map((database) => ({
    path: ['databases', database],
    message: `the source has no database '${database}'`,
    hint: `its databases: ${databases.join(', ')}`,
  }));
  const general = Object.keys(assertionShape).filter((key) => count(wish[key as keyof Assertions]) > 0);
  if (databases.length > 1)
    found.push(
      ...general.map((key) => ({
        path: [key],
        message: 'which of the databases is meant?',
        hint: `write databases: { ${databases[0]}: { ${key}: … } }`,
      })),
    );
  return found;
}

function count(asserted: Assertions[keyof Assertions]): number {
  return Array.isArray(asserted) ? asserted.length : Object.keys(asserted).length;
}

function part(settings: Settings, wish: VerifySlice, database: string): VerifyPart {
  return {
    name: partOf(settings, database),
    kind: 'postgres',
    method: 'dump',
    image: `postgres${settings.version}` satisfies PostgresImage,
    script: 'postgres-verify.sh',
    env: {
      DATABASE: database,
      SERVER_MAJOR: String(settings.version),
      AMCHECK: String(wish.amcheck),
      RESTORE_JOBS: String(wish.jobs),
      ...assertionEnv(wish.databases[database] ?? wish),
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
