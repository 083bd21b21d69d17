import type { RelativeDiagnostic } from '../diagnostics.ts';
import type { ImageName } from '../images.ts';
import type { Env } from '../pod.ts';
import { lines } from './env.ts';
import type { Part, SourceContext, SourceKind } from './kind.ts';
import { postgresRestore } from './postgres-restore.ts';
import { caMounts, checkTls, connection, loginNeed, serverPeer } from './postgres-server.ts';
import { databasesOf, partName, partOf, type Settings, schema } from './postgres-settings.ts';
import { postgresVerify } from './postgres-verify.ts';

/** PostgreSQL by `pg_dump`: a consistent copy of each database, with the server's globals beside it. */
export const postgres: SourceKind<typeof schema, 'postgres'> = {
  name: 'postgres',
  schema,
  methods: ['dump'],
  check,
  parts: (settings, context) => databasesOf(settings).map((database) => part(settings, context, database)),
  restore: postgresRestore,
  verify: postgresVerify,
};

function check(settings: Settings): readonly RelativeDiagnostic[] {
  return [...checkDatabases(settings), ...checkTls(settings.tls), ...checkCompression(settings)];
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

function checkCompression({ version, dump }: Settings): readonly RelativeDiagnostic[] {
  const { compression, level } = compressionOf(version, dump);
  if (compression === 'zstd' && version < 16) {
    return [
      {
        path: ['dump', 'compression'],
        message: `pg_dump ${version} does not support zstd`,
        hint: 'set gzip, or remove it: the default depends on the version',
      },
    ];
  }
  if (compression === 'none' && level !== undefined)
    return [{ path: ['dump', 'level'], message: "level is set, but compression is 'none'", hint: 'remove the level' }];
  if (compression === 'gzip' && level !== undefined && level > 9)
    return [{ path: ['dump', 'level'], message: 'gzip supports levels 1 to 9', hint: 'set 9 or less, or compression: zstd' }];
  return [];
}

function compressionOf(version: number, { compression, level }: Settings['dump']) {
  const method = compression ?? (version >= 16 ? 'zstd' : 'gzip');
  const defaults = { zstd: 1, gzip: 6, none: undefined };
  return { compression: method, level: level ?? defaults[method] };
}

function part(settings: Settings, context: SourceContext, database: string): Part {
  return {
    name: partOf(settings, database),
    kind: 'postgres',
    method: 'dump',
    image: `postgres${settings.version}` satisfies ImageName,
    script: 'postgres-dump.sh',
    env: { ...connection(settings, settings), ...dumpEnv(settings, database), ...throttleEnv(settings, context) },
    mounts: caMounts(settings),
    peers: [serverPeer(settings, context.namespace)],
    secrets: [loginNeed(settings, `PostgreSQL role that backs up ${settings.host}`)],
    databaseName: database,
  };
}

function dumpEnv({ version, dump }: Settings, database: string): Env {
  const { compression, level } = compressionOf(version, dump);
  return {
    DATABASE: database,
    SERVER_MAJOR: String(version),
    DUMP_FORMAT: dump.format,
    COMPRESSION: compression,
    ...(level !== undefined && { COMPRESSION_LEVEL: String(level) }),
    ...lines('INCLUDE_SCHEMAS', dump.schemas),
    ...lines('EXCLUDE_SCHEMAS', dump.excludeSchemas),
    ...lines('INCLUDE_TABLES', dump.tables),
    ...lines('EXCLUDE_TABLES', dump.excludeTables),
    ...lines('EXCLUDE_TABLE_DATA', dump.excludeTableData),
    GLOBALS: dump.globals,
    LOCK_WAIT_SECONDS: String(dump.lockWait),
  };
}

function throttleEnv({ throttleDatabase }: Settings, { throttle }: SourceContext): Env {
  return { THROTTLE_DATABASE: throttleDatabase, THROTTLE_SLOTS: String(throttle.perServer), THROTTLE_WAIT_SECONDS: String(throttle.wait) };
}
