import * as z from 'zod';
import { objectName } from '../../units/names.ts';
import { size } from '../../units/size.ts';

const path = z
  .string()
  .regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\n]+$/, { error: "expected a path below the folder, without a leading slash and without '..'" });

const into = z.strictObject({
  claim: objectName.meta({ description: 'Name of the new claim.' }),
  size: size.meta({ description: 'Its size.' }),
  storageClassName: z.string().min(1).optional().meta({ description: "Its StorageClass. Default: the cluster's." }),
  accessMode: z.enum(['ReadWriteOnce', 'ReadWriteMany']).default('ReadWriteOnce').meta({ description: 'Its access mode.' }),
});

/** What people write under `restores.<name>.volume`. */
export const restoreSchema = z
  .strictObject({
    mode: z.enum(['swap', 'merge', 'clear']).optional().meta({
      description:
        'With `inPlace` only: `swap` keeps the old files until they are dropped; `merge` lays the files over what is there; `clear` deletes first, which needs the least room. Default: `swap`.',
    }),
    into: into
      .optional()
      .meta({ description: 'A claim that is made for it. Default: a folder of the same claim, `.backstay-restored-<id>`. Not with `inPlace`.' }),
    paths: z.array(path).default([]).meta({ description: 'Only these files and folders, relative to the `path` of the source. Default: all.' }),
    owners: z
      .enum(['keep', 'none'])
      .default('keep')
      .meta({ description: 'Owners and groups: `keep` them, for which the pod must be their user or root, or `none` for the user of the pod.' }),
    attributes: z.enum(['keep', 'none']).default('keep').meta({
      description: 'Extended attributes and access control lists: `keep` them, for which the file system of the claim must know them, or `none`.',
    }),
    links: z
      .enum(['refuse', 'keep'])
      .default('refuse')
      .meta({ description: 'Links that point outside the folder: `refuse` the archive, or `keep` them unchanged.' }),
  })
  .meta({ description: 'How to restore files.' });

export type RestoreSlice = z.output<typeof restoreSchema>;
