import type { RelativeDiagnostic } from '../../diagnostics.ts';
import type { Env } from '../../pod.ts';
import { lines } from '../env.ts';
import type { RestoreContext, RestorePart, Restoring } from '../kind.ts';
import type { PostgresImage } from './images.ts';
import type { RestoreSlice } from './restore.ts';
import { caMounts, checkTls, connection, loginNeed, type Server, serverPeer } from './server.ts';
import { databasesOf, partOf, type Settings } from './settings.ts';

/** Restores a dump into a new database. In place, it then replaces the live one. */
export const dumpRestore: Restoring<Settings, RestoreSlice> = {
  check,
  secrets: ({ admin: role, host }) => (role ? [loginNeed(role, `PostgreSQL role that restores into ${host}`)] : []),
  parts,
};

function check(settings: Settings, request: RestoreSlice, { inPlace, action, part: only }: RestoreContext): readonly RelativeDiagnostic[] {
  const found: RelativeDiagnostic[] = [];
  if (!settings.admin && !request.server)
    found.push({
      path: [],
      message: 'a restore needs a role that may create databases',
      hint: 'set its Secret in the source: postgres: { admin: { credentials: { secret: … } } }',
    });
  if (request.server) found.push(...checkTls(request.server.tls).map((diagnostic) => ({ ...diagnostic, path: ['server', ...diagnostic.path] })));
  const several = databasesOf(settings).length > 1 && only === undefined;
  if (action !== 'restore' && several && request.kept !== undefined)
    found.push({ path: ['kept'], message: 'one name for several databases is ambiguous', hint: 'select one with part:, or remove the name' });
  if (action !== 'restore') return found;
  if (request.kept !== undefined)
    found.push({
      path: ['kept'],
      message: 'kept applies only to --swap-back and --drop-old',
      hint: 'remove it, or run backstay restore with --swap-back or --drop-old',
    });
  if (inPlace) found.push(...checkInPlace(settings, request));
  else if (request.only === 'data' && request.database === undefined)
    found.push({ path: ['database'], message: 'only: data needs a database that already has the tables', hint: 'set database: NAME' });
  if (several && request.database !== undefined)
    found.push({ path: ['database'], message: 'one name for several databases is ambiguous', hint: 'select one with part:, or remove the name' });
  if (settings.dump.format === 'plain' && (request.schemas.length > 0 || request.tables.length > 0 || request.only !== 'all'))
    found.push({
      path: [],
      message: 'a plain dump can only be restored as a whole',
      hint: 'set dump: { format: custom } to use schemas, tables and only',
    });
  return found;
}

/** Rejects a restore in place that would leave out some of the application's data. */
function checkInPlace({ dump }: Settings, request: RestoreSlice): readonly RelativeDiagnostic[] {
  const odd = [
    ['database', request.database !== undefined],
    ['server', request.server !== undefined],
    ['only', request.only !== 'all'],
    ['schemas', request.schemas.length > 0],
    ['tables', request.tables.length > 0],
  ] as const;
  const hint = 'restore a copy, inspect it, and copy over what you need';
  const filters = [dump.schemas, dump.excludeSchemas, dump.tables, dump.excludeTables, dump.excludeTableData];
  if (filters.some((patterns) => patterns.length > 0))
    return [{ path: [], message: 'the backups contain only part of the database and cannot replace it', hint }];
  return odd.flatMap(([key, written]) =>
    written ? [{ path: [key], message: `${key} does not work in place: the live database is replaced as a whole`, hint }] : [],
  );
}

function parts(settings: Settings, request: RestoreSlice, context: RestoreContext): readonly RestorePart[] {
  return databasesOf(settings).map((database) => part(settings, request, context, database));
}

function part(settings: Settings, request: RestoreSlice, context: RestoreContext, database: string): RestorePart {
  const target: Server & Pick<Settings, 'version'> = request.server ?? settings;
  const role = request.server?.admin ?? settings.admin;
  if (!role) throw new Error('a restore without an admin passed the check');
  return {
    name: partOf(settings, database),
    kind: 'postgres',
    method: 'dump',
    image: `postgres${target.version}` satisfies PostgresImage,
    script: 'postgres-restore.sh',
    env: {
      ...connection(target, role),
      ADMIN_DATABASE: role.database,
      SERVER_MAJOR: String(target.version),
      ...requestEnv(settings, request, context, database),
    },
    mounts: caMounts(target),
    peers: [serverPeer(target, context.namespace)],
    secrets: [loginNeed(role, `PostgreSQL role that restores into ${target.host}`)],
  };
}

function requestEnv(settings: Settings, request: RestoreSlice, { inPlace, action }: RestoreContext, database: string): Env {
  const { owner } = request;
  return {
    DATABASE: database,
    TARGET_DATABASE: inPlace || action !== 'restore' ? database : (request.database ?? ''),
    IN_PLACE: String(inPlace),
    RESTORE_ACTION: action,
    LOCK_WAIT_SECONDS: String(settings.dump.lockWait),
    OWNER: typeof owner === 'string' ? owner : `role:${owner.role}`,
    PRIVILEGES: request.privileges,
    ONLY: request.only,
    ...lines('INCLUDE_SCHEMAS', request.schemas),
    ...lines('INCLUDE_TABLES', request.tables),
    RESTORE_GLOBALS: request.globals,
    RESTORE_JOBS: String(request.jobs),
    ...(request.kept !== undefined && { KEPT_DATABASE: request.kept }),
  };
}
