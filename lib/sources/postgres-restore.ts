import * as z from 'zod';
import type { RelativeDiagnostic } from '../diagnostics.ts';
import type { ImageName } from '../images.ts';
import type { Env } from '../pod.ts';
import { duration } from '../units/duration.ts';
import { network } from '../units/host.ts';
import { port } from '../units/names.ts';
import { lines } from './env.ts';
import type { RestoreContext, RestorePart, Restoring } from './kind.ts';
import { admin, caMounts, checkTls, connection, hostName, loginNeed, type Server, serverPeer, tls, version } from './postgres-server.ts';
import { databasesOf, partOf, type Settings } from './postgres-settings.ts';

const name = z
  .string()
  .min(1)
  .regex(/^[^\n]+$/, { error: 'expected a name on one line' });

/** Another server than the one that is backed up. */
const server = z.strictObject({
  host: hostName.meta({ description: 'Host name of the server, or its Service.' }),
  port: port.default(5432).meta({ description: 'Port of the server.' }),
  version: version.meta({ description: "Major version of the server: that of the backup's server, or a newer one." }),
  tls,
  network,
  wait: duration.default(() => 120).meta({ description: 'How long a server that does not answer is waited for.', defaultText: '2m' }),
  admin: admin.meta({ description: 'Role that restores there.' }),
});

const schema = z
  .strictObject({
    database: name
      .optional()
      .meta({ description: 'Name that the restored database gets; it must not exist. Default: `<database>_restored_<id>`. Not with `inPlace`.' }),
    server: server.optional().meta({ description: 'Another server to restore into. Default: the one that is backed up. Not with `inPlace`.' }),
    owner: z
      .union([z.enum(['keep', 'none']), z.strictObject({ role: name.meta({ description: 'Role that is to own everything.' }) })], {
        error: "expected 'keep', 'none' or { role: NAME }",
      })
      .default('keep')
      .meta({ description: 'Who owns what comes back: `keep` as it was, `none` for the role that restores, or one role for everything.' }),
    privileges: z.enum(['keep', 'none']).default('keep').meta({ description: 'What was granted: `keep` it, or `none`.' }),
    only: z
      .enum(['all', 'schema', 'data'])
      .default('all')
      .meta({ description: '`schema` for the definitions without rows; `data` for the rows, into a `database` that has the tables, empty.' }),
    schemas: z.array(name).default([]).meta({ description: 'Only these schemas. Default: all.' }),
    tables: z
      .array(name)
      .default([])
      .meta({ description: 'Restores rows of these tables only, as `schema.table`, and all definitions except foreign keys. Default: all.' }),
    globals: z
      .enum(['none', 'missing-roles'])
      .default('none')
      .meta({ description: '`missing-roles` makes the roles of the backup that the server does not have, without passwords, before anything else.' }),
    jobs: z.int().min(1).max(64).default(2).meta({ description: 'Tables and indexes that are restored at a time. Count.' }),
    kept: name
      .optional()
      .meta({ description: 'Which of the databases that were kept is swapped back or dropped. Default: the newest to swap back, and all to drop.' }),
  })
  .meta({ description: 'How to restore databases.' });

type Request = z.output<typeof schema>;

/** A dump into a new database, which then takes the place of the live one where that is asked for. */
export const postgresRestore: Restoring<Settings, typeof schema> = {
  schema,
  check,
  secrets: ({ admin: role, host }) => (role ? [loginNeed(role, `PostgreSQL role that restores into ${host}`)] : []),
  parts,
};

function check(settings: Settings, request: Request, { inPlace, action, part: only }: RestoreContext): readonly RelativeDiagnostic[] {
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

/** What would leave the application with less than it had is no restore in place. */
function checkInPlace({ dump }: Settings, request: Request): readonly RelativeDiagnostic[] {
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

function parts(settings: Settings, request: Request, context: RestoreContext): readonly RestorePart[] {
  return databasesOf(settings).map((database) => part(settings, request, context, database));
}

function part(settings: Settings, request: Request, context: RestoreContext, database: string): RestorePart {
  const target: Server & { readonly version: number } = request.server ?? settings;
  const role = request.server?.admin ?? settings.admin;
  if (!role) throw new Error('a restore without an admin passed the check');
  return {
    name: partOf(settings, database),
    kind: 'postgres',
    method: 'dump',
    image: `postgres${target.version}` as ImageName,
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

function requestEnv(settings: Settings, request: Request, { inPlace, action }: RestoreContext, database: string): Env {
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
