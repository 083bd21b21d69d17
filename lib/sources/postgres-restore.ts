import * as z from 'zod';
import type { Finding } from '../findings.ts';
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
      .meta({ description: 'Rows of these tables only, as `schema.table`; all definitions come back, but for foreign keys. Default: all.' }),
    globals: z
      .enum(['none', 'missing-roles'])
      .default('none')
      .meta({ description: '`missing-roles` makes the roles of the backup that the server does not have, without passwords, before anything else.' }),
    jobs: z.int().min(1).max(64).default(2).meta({ description: 'Tables and indexes that are restored at a time. Count.' }),
    kept: name
      .optional()
      .meta({ description: 'Which of the databases that were kept is swapped back or dropped. Default: the newest to swap back, and all to drop.' }),
  })
  .meta({ description: 'How databases come back.' });

type Wish = z.output<typeof schema>;

/** A dump into a new database, which then takes the place of the live one where that is asked for. */
export const postgresRestore: Restoring<Settings, typeof schema> = {
  schema,
  check,
  secrets: ({ admin: role, host }) => (role ? [loginNeed(role, `PostgreSQL role that restores into ${host}`)] : []),
  parts,
};

function check(settings: Settings, wish: Wish, { inPlace, action, part: only }: RestoreContext): readonly Finding[] {
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
function checkInPlace({ dump }: Settings, wish: Wish): readonly Finding[] {
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
    return [{ path: [], message: 'the backups hold only a part of the database and cannot replace it', hint }];
  return odd.flatMap(([key, written]) =>
    written ? [{ path: [key], message: `the live database gives way as a whole, so ${key} has no place here`, hint }] : [],
  );
}

function parts(settings: Settings, wish: Wish, context: RestoreContext): readonly RestorePart[] {
  return databasesOf(settings).map((database) => part(settings, wish, context, database));
}

function part(settings: Settings, wish: Wish, context: RestoreContext, database: string): RestorePart {
  const target: Server & { readonly version: number } = wish.server ?? settings;
  const role = wish.server?.admin ?? settings.admin;
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
      ...wishEnv(settings, wish, context, database),
    },
    mounts: caMounts(target),
    peers: [serverPeer(target, context.namespace)],
    secrets: [loginNeed(role, `PostgreSQL role that restores into ${target.host}`)],
  };
}

function wishEnv(settings: Settings, wish: Wish, { inPlace, action }: RestoreContext, database: string): Env {
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
