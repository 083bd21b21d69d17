import type { Finding } from '../../findings.ts';
import type { Env } from '../../pod.ts';
import { lines } from '../env.ts';
import type { RestoreContext, RestorePart, Restoring } from '../kind.ts';
import type { PostgresImage } from './images.ts';
import type { RestoreSlice } from './restore.ts';
import { caMounts, checkTls, connection, loginNeed, type Server, serverPeer } from './server.ts';
import { databasesOf, partOf, type Settings } from './settings.ts';

/** A dump into a new database, which then takes the place of the live one where that is asked for. */
export const dumpRestore: Restoring<Settings, RestoreSlice> = {
  check,
  secrets: ({ admin: role, host }) => (role ? [loginNeed(role, `PostgreSQL role that restores into ${host}`)] : []),
  parts,
};

function check(settings: Settings, wish: RestoreSlice, { inPlace, action, part: only }: RestoreContext): readonly Finding[] {
  const found: Finding[] = [];
  if (!settings.admin && !wish.server)
    found.push({
      path: [],
      message: 'a restore needs a role that may make databases',
      hint: 'name its Secret in the source: postgres: { admin: { credentials: { secret: … } } }',
    });
  if (wish.server) found.push(...checkTls(wish.server.tls).map((finding) => ({ ...finding, path: ['server', ...finding.path] })));
  const several = databasesOf(settings).length > 1 && only === undefined;
  if (action !== 'restore' && several && wish.kept !== undefined)
    found.push({ path: ['kept'], message: 'one name for several databases', hint: 'choose one with part:, or leave the name out' });
  if (action !== 'restore') return found;
  if (wish.kept !== undefined)
    found.push({
      path: ['kept'],
      message: 'a restore takes a backup, and not what was kept',
      hint: 'backstay restore --swap-back or --drop-old takes it',
    });
  if (inPlace) found.push(...checkInPlace(settings, wish));
  else if (wish.only === 'data' && wish.database === undefined)
    found.push({ path: ['database'], message: 'rows alone need a database that has their tables', hint: 'write database: with its name' });
  if (several && wish.database !== undefined)
    found.push({ path: ['database'], message: 'one name for several databases', hint: 'choose one with part:, or leave the name out' });
  if (settings.dump.format === 'plain' && (wish.schemas.length > 0 || wish.tables.length > 0 || wish.only !== 'all'))
    found.push({ path: [], message: 'a plain dump comes back whole', hint: 'dump: { format: custom } allows schemas, tables and only' });
  return found;
}

/** What would leave the application with less than it had is no restore in place. */
function checkInPlace({ dump }: Settings, wish: RestoreSlice): readonly Finding[] {
  const odd = [
    ['database', wish.database !== undefined],
    ['server', wish.server !== undefined],
    ['only', wish.only !== 'all'],
    ['schemas', wish.schemas.length > 0],
    ['tables', wish.tables.length > 0],
  ] as const;
  const hint = 'restore beside, look at it, and move over what is needed';
  const filters = [dump.schemas, dump.excludeSchemas, dump.tables, dump.excludeTables, dump.excludeTableData];
  if (filters.some((patterns) => patterns.length > 0))
    return [{ path: [], message: 'the backups hold a part of the database only, and cannot take its place', hint }];
  return odd.flatMap(([key, written]) =>
    written ? [{ path: [key], message: `the live database gives way as a whole, so ${key} has no place here`, hint }] : [],
  );
}

function parts(settings: Settings, wish: RestoreSlice, context: RestoreContext): readonly RestorePart[] {
  return databasesOf(settings).map((database) => part(settings, wish, context, database));
}

function part(settings: Settings, wish: RestoreSlice, context: RestoreContext, database: string): RestorePart {
  const target: Server & Pick<Settings, 'version'> = wish.server ?? settings;
  const role = wish.server?.admin ?? settings.admin;
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
      ...wishEnv(settings, wish, context, database),
    },
    mounts: caMounts(target),
    peers: [serverPeer(target, context.namespace)],
    secrets: [loginNeed(role, `PostgreSQL role that restores into ${target.host}`)],
  };
}

function wishEnv(settings: Settings, wish: RestoreSlice, { inPlace, action }: RestoreContext, database: string): Env {
  const { owner } = wish;
  return {
    DATABASE: database,
    TARGET_DATABASE: inPlace || action !== 'restore' ? database : (wish.database ?? ''),
    IN_PLACE: String(inPlace),
    RESTORE_ACTION: action,
    LOCK_WAIT_SECONDS: String(settings.dump.lockWait),
    OWNER: typeof owner === 'string' ? owner : `role:${owner.role}`,
    PRIVILEGES: wish.privileges,
    ONLY: wish.only,
    ...lines('INCLUDE_SCHEMAS', wish.schemas),
    ...lines('INCLUDE_TABLES', wish.tables),
    RESTORE_GLOBALS: wish.globals,
    RESTORE_JOBS: String(wish.jobs),
    ...(wish.kept !== undefined && { KEPT_DATABASE: wish.kept }),
  };
}
