import * as z from 'zod';
import { duration } from '../../units/duration.ts';
import { network } from '../../units/host.ts';
import { port } from '../../units/names.ts';
import { admin, hostName, tls, version } from './server.ts';

const name = z
  .string()
  .min(1)
  .regex(/^[^\n]+$/, { error: 'expected a name on one line' });

/** A server other than the one that is backed up. */
const server = z.strictObject({
  host: hostName.meta({ description: 'Host name of the server, or its Service.' }),
  port: port.default(5432).meta({ description: 'Port of the server.' }),
  version: version.meta({ description: "Major version of the server: that of the backup's server, or a newer one." }),
  tls,
  network,
  wait: duration.default(() => 120).meta({ description: 'How long to wait for a server that does not answer.', defaultText: '2m' }),
  admin: admin.meta({ description: 'Role that restores there.' }),
});

/** What people write under `restores.<name>.postgres`. */
export const restoreSchema = z
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

export type RestoreSlice = z.output<typeof restoreSchema>;
