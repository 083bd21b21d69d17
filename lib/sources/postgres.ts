import * as z from 'zod';
import type { Finding } from '../findings.ts';
import { type ImageName, POSTGRES_MAJORS } from '../images.ts';
import type { Env, Mount } from '../pod.ts';
import { caFile } from '../units/credentials.ts';
import { duration } from '../units/duration.ts';
import { network, peerOf } from '../units/host.ts';
import { objectName, port } from '../units/names.ts';
import { notYet } from '../units/not-yet.ts';
import type { Part, SourceContext, SourceKind } from './kind.ts';

const CA_PATH = '/etc/backstay/postgres/ca.crt';

const pattern = z
  .string()
  .min(1)
  .regex(/^[^\n]+$/, { error: 'expected a name on one line' });

const dump = z.strictObject({
  format: z
    .enum(['custom', 'plain'], {
      error: (issue) => (issue.input === 'directory' ? "the format 'directory' is not built yet" : "expected 'custom' or 'plain'"),
    })
    .default('custom')
    .meta({ description: '`custom` for `pg_restore`, which can restore parts; `plain` for `psql`. `directory` is not built yet.' }),
  compression: z
    .enum(['zstd', 'gzip', 'none'], {
      error: (issue) => (issue.input === 'lz4' ? "the compression 'lz4' is not built yet" : "expected 'zstd', 'gzip' or 'none'"),
    })
    .optional()
    .meta({ description: 'How the dump is compressed. Default: `zstd` from PostgreSQL 16 on, `gzip` before, whose `pg_dump` has no other.' }),
  level: z
    .int()
    .min(1)
    .max(19)
    .optional()
    .meta({ description: 'Compression level, 1 to 19 for zstd, 1 to 9 for gzip. Default: 1 for zstd, 6 for gzip.' }),
  schemas: z.array(pattern).default([]).meta({ description: 'Only these schemas, as patterns of `pg_dump --schema`. Default: all.' }),
  excludeSchemas: z.array(pattern).default([]).meta({ description: 'Not these schemas, as patterns of `pg_dump --exclude-schema`.' }),
  tables: z.array(pattern).default([]).meta({ description: 'Only these tables, as patterns of `pg_dump --table`. Default: all.' }),
  excludeTables: z.array(pattern).default([]).meta({ description: 'Not these tables, as patterns of `pg_dump --exclude-table`.' }),
  excludeTableData: z
    .array(pattern)
    .default([])
    .meta({ description: 'Of these tables the definition only, as patterns of `pg_dump --exclude-table-data`.' }),
  globals: z
    .enum(['without-passwords', 'none'], {
      error: (issue) =>
        issue.input === 'with-passwords' ? "'with-passwords' needs encryption, which is not built yet" : "expected 'without-passwords' or 'none'",
    })
    .default('without-passwords')
    .meta({ description: 'Roles and tablespaces of the server, in a file beside each dump. `none` for managed services that forbid it.' }),
  lockWait: duration.default(() => 300).meta({ description: 'How long to wait for a lock that somebody holds on a table.', defaultText: '5m' }),
  copyMethod: notYet('the copy method of a dump'),
});

const schema = z
  .strictObject({
    host: z
      .string()
      .min(1)
      .regex(/^[^\s/]+$/, { error: 'expected a host name or address' })
      .meta({ description: 'Host name of the server, or its Service: `shop-db.shop`.' }),
    port: port.default(5432).meta({ description: 'Port of the server.' }),
    database: z.string().min(1).optional().meta({ description: 'The database to back up.' }),
    databases: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .meta({ description: 'Several databases of this server, in place of `database`: parts of one run with one manifest.' }),
    version: z
      .union(
        POSTGRES_MAJORS.map((major) => z.literal(major)),
        { error: `expected a major version: ${POSTGRES_MAJORS.join(', ')}` },
      )
      .meta({ description: "Major version of the server. It picks the client's image; the script checks it at run time." }),
    user: z.string().min(1).optional().meta({ description: 'Role to log in as. Default: the key `username` of the Secret.' }),
    credentials: z
      .strictObject({
        secret: objectName.meta({ description: 'Name of an existing Secret.' }),
        keys: z
          .strictObject({
            username: z.string().min(1).default('username').meta({ description: 'Key of the role.' }),
            password: z.string().min(1).default('password').meta({ description: 'Key of the password.' }),
          })
          .prefault({})
          .meta({ description: 'Which keys of the Secret are meant.' }),
      })
      .meta({ description: 'Where the role and its password are. Only the name is ever written.' }),
    tls: z
      .strictObject({
        mode: z.enum(['disable', 'prefer', 'require', 'verify-ca', 'verify-full']).default('prefer').meta({ description: '`sslmode` of libpq.' }),
        ca: caFile.optional().meta({ description: "Certificate of the server's authority. `verify-ca` and `verify-full` need it." }),
      })
      .prefault({})
      .meta({ description: 'Encryption of the connection.' }),
    network,
    wait: duration.default(() => 120).meta({ description: 'How long a server that does not answer is waited for.', defaultText: '2m' }),
    throttleDatabase: z
      .string()
      .min(1)
      .default('postgres')
      .meta({ description: 'Database that the throttle keeps its advisory locks in; one for all backups of a server.' }),
    dump: dump.prefault({}).meta({ description: 'Settings of the method `dump`.' }),
    basebackup: notYet('the method `basebackup`'),
    wal: notYet('the method `wal`'),
    admin: notYet('restoring, which `admin` is for,'),
  })
  .meta({ description: 'Databases of a PostgreSQL server, by `pg_dump`.' });

type Settings = z.output<typeof schema>;

/** PostgreSQL by `pg_dump`: a consistent copy of each database, with the server's globals beside it. */
export const postgres: SourceKind<typeof schema, 'postgres'> = {
  name: 'postgres',
  schema,
  methods: ['dump'],
  check,
  parts: (settings, context) => databasesOf(settings).map((database) => part(settings, context, database)),
};

function check(settings: Settings): readonly Finding[] {
  return [...checkDatabases(settings), ...checkTls(settings), ...checkCompression(settings)];
}

function checkDatabases({ database, databases }: Settings): readonly Finding[] {
  if ((database === undefined) === (databases === undefined)) {
    return [{ path: ['database'], message: 'expected either database or databases', hint: 'name one database, or several under `databases`' }];
  }
  const seen = new Set<string>();
  return databasesOf({ database, databases }).flatMap((name, index) => {
    const part = partName(name);
    const path = database === undefined ? ['databases', index] : ['database'];
    if (seen.has(part)) return [{ path, message: `the part '${part}' stands for two databases`, hint: 'put one of them in a source of its own' }];
    seen.add(part);
    return [];
  });
}

function checkTls({ tls }: Settings): readonly Finding[] {
  const verifies = tls.mode === 'verify-ca' || tls.mode === 'verify-full';
  if (verifies === (tls.ca !== undefined)) return [];
  if (verifies) return [{ path: ['tls', 'ca'], message: `mode '${tls.mode}' needs a ca`, hint: 'name a ConfigMap: ca: { configMap: postgres-ca }' }];
  return [
    {
      path: ['tls', 'mode'],
      message: `a ca is given, but mode '${tls.mode}' does not verify it`,
      hint: 'write mode: verify-full, or leave the ca out',
    },
  ];
}

function checkCompression({ version, dump }: Settings): readonly Finding[] {
  const { compression, level } = compressionOf(version, dump);
  if (compression === 'zstd' && version < 16) {
    return [
      {
        path: ['dump', 'compression'],
        message: `pg_dump ${version} cannot compress with zstd`,
        hint: 'write gzip, or leave it out: the default follows the version',
      },
    ];
  }
  if (compression === 'none' && level !== undefined)
    return [{ path: ['dump', 'level'], message: "a level is given, but compression is 'none'", hint: 'leave the level out' }];
  if (compression === 'gzip' && level !== undefined && level > 9)
    return [{ path: ['dump', 'level'], message: 'gzip has levels 1 to 9', hint: 'write 9 or less, or compression: zstd' }];
  return [];
}

function databasesOf({ database, databases }: Pick<Settings, 'database' | 'databases'>): readonly string[] {
  return databases ?? (database === undefined ? [] : [database]);
}

/** What a database is called in names of files and containers; its real name is in the manifest. */
function partName(database: string): string {
  return (
    database
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 40)
      .replace(/-$/, '') || 'database'
  );
}

function compressionOf(version: number, { compression, level }: Settings['dump']) {
  const method = compression ?? (version >= 16 ? 'zstd' : 'gzip');
  const defaults = { zstd: 1, gzip: 6, none: undefined };
  return { compression: method, level: level ?? defaults[method] };
}

function part(settings: Settings, context: SourceContext, database: string): Part {
  const { secret, keys } = settings.credentials;
  return {
    name: settings.databases === undefined ? 'postgres' : partName(database),
    kind: 'postgres',
    method: 'dump',
    image: `postgres${settings.version}` satisfies ImageName,
    script: 'postgres-dump.sh',
    needs: ['postgres.sh', 'postgres-preflight.sh', 'throttle.sh'],
    env: { ...connection(settings), ...dumpEnv(settings, database), ...throttleEnv(settings, context) },
    mounts: caMounts(settings),
    peers: [peerOf(settings.host, settings.port, context.namespace, settings.network)],
    secrets: [
      {
        secret,
        keys: settings.user === undefined ? [keys.username, keys.password] : [keys.password],
        purpose: `PostgreSQL role that backs up ${settings.host}`,
      },
    ],
    databaseName: database,
  };
}

function connection({ host, port: number, user, credentials, tls, wait }: Settings): Env {
  const { secret, keys } = credentials;
  return {
    PGHOST: host,
    PGPORT: String(number),
    PGUSER: user ?? { secret, key: keys.username },
    PGPASSWORD: { secret, key: keys.password },
    PGSSLMODE: tls.mode,
    ...(tls.ca && { PGSSLROOTCERT: CA_PATH }),
    WAIT_SECONDS: String(wait),
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

/** A list as a script reads it: one entry a line, and no variable for an empty one. */
function lines(name: string, list: readonly string[]): Env {
  return list.length === 0 ? {} : { [name]: list.join('\n') };
}

function caMounts({ tls }: Settings): readonly Mount[] {
  const { ca } = tls;
  if (ca?.configMap) return [{ type: 'configMap', configMap: ca.configMap, key: ca.key, path: CA_PATH }];
  if (ca?.secret) return [{ type: 'secret', secret: ca.secret, key: ca.key, path: CA_PATH }];
  return [];
}
