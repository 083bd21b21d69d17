import * as z from 'zod';
import { duration } from '../../units/duration.ts';
import { network } from '../../units/host.ts';
import { port } from '../../units/names.ts';
import { notYet } from '../../units/not-yet.ts';
import { admin, hostName, login, tls, version } from './server.ts';

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
    .meta({ description: 'Roles and tablespaces of the server, in a file next to each dump. `none` for managed services that forbid it.' }),
  lockWait: duration.default(() => 300).meta({ description: 'How long to wait for a lock on a table.', defaultText: '5m' }),
  copyMethod: notYet('the copy method of a dump'),
});

/** What people write under `postgres`. */
export const schema = z
  .strictObject({
    host: hostName.meta({ description: 'Host name of the server, or its Service: `shop-db.shop`.' }),
    port: port.default(5432).meta({ description: 'Port of the server.' }),
    database: z.string().min(1).optional().meta({ description: 'The database to back up.' }),
    databases: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .meta({ description: 'Several databases of this server, in place of `database`: parts of one run with one manifest.' }),
    version: version.meta({ description: "Major version of the server. It picks the client's image; the script checks it at run time." }),
    user: z.string().min(1).optional().meta({ description: 'Role to log in as. Default: the key `username` of the Secret.' }),
    credentials: login,
    tls,
    network,
    wait: duration.default(() => 120).meta({ description: 'How long to wait for a server that does not answer.', defaultText: '2m' }),
    throttleDatabase: z
      .string()
      .min(1)
      .default('postgres')
      .meta({ description: 'Database that the throttle keeps its advisory locks in; one for all backups of a server.' }),
    dump: dump.prefault({}).meta({ description: 'Settings of the method `dump`.' }),
    basebackup: notYet('the method `basebackup`'),
    wal: notYet('the method `wal`'),
    admin: admin
      .optional()
      .meta({ description: 'Role that restores: it makes databases and owns what is in them. Restores are refused without one.' }),
  })
  .meta({ description: 'Databases of a PostgreSQL server, by `pg_dump`.' });

export type Settings = z.output<typeof schema>;

/** The databases of a source, one or several. */
export function databasesOf({ database, databases }: Pick<Settings, 'database' | 'databases'>): readonly string[] {
  return databases ?? (database === undefined ? [] : [database]);
}

/** The name of a database in names of files and containers. Its real name is in the manifest. */
export function partName(database: string): string {
  return (
    database
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 40)
      .replace(/-$/, '') || 'database'
  );
}

/** The part of a database. It is named after the database if the source has several. */
export function partOf(settings: Settings, database: string): string {
  return settings.databases === undefined ? 'postgres' : partName(database);
}
