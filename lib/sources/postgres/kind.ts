import type { RelativeDiagnostic } from '../../diagnostics.ts';
import type { SourceKind } from '../kind.ts';
import { dump } from './dump.ts';
import { checkImages, POSTGRES_IMAGES } from './images.ts';
import { restoreSchema } from './restore.ts';
import { admin, checkTls, login, tls } from './server.ts';
import { databasesOf, partName, type Settings, schema } from './settings.ts';
import { verifySchema } from './verify.ts';

/** Databases of a PostgreSQL server. */
export const postgres = {
  name: 'postgres',
  schema,
  restoreSchema,
  verifySchema,
  sharedSchemas: { login, admin, tls },
  images: POSTGRES_IMAGES,
  checkImages,
  methods: [dump],
  check,
} as const satisfies SourceKind<typeof schema, typeof restoreSchema, typeof verifySchema>;

function check(settings: Settings): readonly RelativeDiagnostic[] {
  return [...checkDatabases(settings), ...checkTls(settings.tls)];
}

function checkDatabases({ database, databases }: Settings): readonly RelativeDiagnostic[] {
  if ((database === undefined) === (databases === undefined)) {
    return [{ path: ['database'], message: 'expected either database or databases', hint: 'set database: for one, or databases: for several' }];
  }
  const seen = new Set<string>();
  return databasesOf({ database, databases }).flatMap((name, index) => {
    const part = partName(name);
    const path = database === undefined ? ['databases', index] : ['database'];
    if (seen.has(part)) return [{ path, message: `two databases share the part name '${part}'`, hint: 'move one of them to a separate source' }];
    seen.add(part);
    return [];
  });
}
