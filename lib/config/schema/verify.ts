import * as z from 'zod';
import { SOURCE_KINDS } from '../../sources/index.ts';
import { duration } from '../../units/duration.ts';
import { dnsLabel } from '../../units/names.ts';
import { size } from '../../units/size.ts';
import { schedule } from './schedule.ts';
import { slices } from './slices.ts';

/** Scratch space for the fetched backup and, when verifying, for the restored data. */
export const ownScratch = z.strictObject({
  size: size.optional().meta({ description: 'Its size. Default: that of `pod.scratch`.' }),
  storageClassName: z.string().min(1).optional().meta({ description: 'StorageClass of the scratch space. Default: that of `pod.scratch`.' }),
});

const verifying = SOURCE_KINDS.flatMap(({ name, verifySchema }) => (verifySchema ? [{ name, schema: verifySchema }] : []));

/** Verification of the backups of a source. */
export const verify = z
  .strictObject({
    enabled: z.boolean().default(true).meta({ description: '`false` disables it. Then nothing shows that the backups can be restored.' }),
    schedule: schedule.default('@weekly').meta({
      description: 'Five cron fields in `timeZone`, or a word such as `@weekly`, which gives each source its own fixed time.',
    }),
    newerThan: duration.optional().meta({
      description:
        'Maximum age of the newest backup. An older one fails the verification. Default: twice the longest time between two runs of the most frequent tier.',
    }),
    storage: dnsLabel.optional().meta({ description: 'Storage to read from. Default: the primary.' }),
    scratch: ownScratch.prefault({}).meta({ description: 'Scratch space for the backup and the restored data.' }),
    deadline: duration.default(() => 21_600).meta({ description: 'A run longer than this is stopped and counts as failed.', defaultText: '6h' }),
    ...slices(verifying),
  })
  .meta({ description: 'Restores the newest backup into a throw-away place and checks it. Weekly by default.' });

export type Verify = z.output<typeof verify>;
