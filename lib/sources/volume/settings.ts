import * as z from 'zod';
import { objectName, textMap } from '../../units/names.ts';
import { notYet } from '../../units/not-yet.ts';

const pattern = z
  .string()
  .min(1)
  .regex(/^[^\n]+$/, { error: 'expected a pattern on one line' });

/** What people write under `volume`. */
export const schema = z
  .strictObject({
    claim: objectName.meta({ description: 'The claim to back up, in the namespace of the source. It is mounted read-only.' }),
    path: z
      .string()
      .regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\n]+$/, { error: "expected a path below the claim's root, without a leading slash and without '..'" })
      .default('.')
      .meta({ description: 'The folder of the claim that is backed up. Default: all of it.' }),
    include: z.array(pattern).default([]).meta({ description: 'Only these files and folders, as shell patterns relative to `path`. Default: all.' }),
    exclude: z.array(pattern).default([]).meta({ description: 'Not these, as shell patterns relative to `path`: `cache/**`.' }),
    nextTo: textMap
      .optional()
      .meta({ description: 'Labels of the pods that use the claim: the backup runs on their node, which a ReadWriteOnce claim needs.' }),
    node: z.string().min(1).optional().meta({ description: 'Name of the node to run on, where no pod uses the claim.' }),
    accessMode: z.enum(['ReadWriteOnce', 'ReadWriteMany', 'ReadOnlyMany']).optional().meta({
      description:
        'Access mode of the claim. With `ReadWriteOnce`, a missing `nextTo` or `node` is an error; with the others, neither is needed. If it is not set, a missing one is a warning.',
    }),
    tar: z
      .enum(['gnu', 'busybox'])
      .default('gnu')
      .meta({ description: '`gnu` keeps sparse files and packs with zstd; `busybox` is the smallest image and packs with gzip.' }),
    compression: z
      .enum(['zstd', 'gzip', 'none'])
      .optional()
      .meta({ description: 'How the archive is compressed. Default: `zstd` with GNU tar, `gzip` with BusyBox.' }),
    level: z
      .int()
      .min(1)
      .max(19)
      .optional()
      .meta({ description: 'Compression level, 1 to 19 for zstd, 1 to 9 for gzip. Default: 1 for zstd, 6 for gzip.' }),
    onChange: z
      .enum(['fail', 'accept'])
      .default('fail')
      .meta({ description: 'A file that changes while it is read: `fail` the run, or `accept` it and count it in the manifest.' }),
    copyMethod: notYet('the copy method of a volume'),
    xattrs: z
      .boolean()
      .optional()
      .meta({ description: 'Extended attributes `user.*` and file capabilities are kept. Default: `true` with GNU tar; BusyBox cannot.' }),
    acls: z.boolean().optional().meta({ description: 'Access control lists are kept. Default: `true` with GNU tar; BusyBox cannot.' }),
  })
  .meta({ description: 'The files of a claim, by `tar`.' });

export type Settings = z.output<typeof schema>;
