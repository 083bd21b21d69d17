import type { RelativeDiagnostic } from '../../diagnostics.ts';
import type { Env } from '../../pod.ts';
import { lines } from '../env.ts';
import type { Method, Part, SourceContext } from '../kind.ts';
import { type DumpFacts, dumpFacts } from './dump-facts.ts';
import { dumpRestore } from './dump-restore.ts';
import { dumpSample } from './dump-sample.ts';
import { dumpVerify } from './dump-verify.ts';
import type { PostgresImage } from './images.ts';
import type { restoreSchema } from './restore.ts';
import { caMounts, connection, loginNeed, serverPeer } from './server.ts';
import { databasesOf, partOf, type Settings, type schema } from './settings.ts';
import type { verifySchema } from './verify.ts';

/** `pg_dump`: a consistent dump of each database, and the server's globals beside it. */
export const dump = {
  name: 'dump',
  extensions: ['.dump', '.sql'],
  companions: { globals: '+globals.sql' },
  check,
  parts: (settings, context) => databasesOf(settings).map((database) => part(settings, context, database)),
  facts: dumpFacts,
  describe: ({ database, server }: DumpFacts) => `database ${database.name} of PostgreSQL ${server.version}`,
  restore: dumpRestore,
  verify: dumpVerify,
  sample: dumpSample,
} as const satisfies Method<typeof schema, typeof restoreSchema, typeof verifySchema, ReturnType<typeof dumpFacts>>;

function check({ version, dump }: Settings): readonly RelativeDiagnostic[] {
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
    image: `postgres${settings.version}` satisfies PostgresImage,
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
