import * as z from 'zod';
import { duration } from '../../units/duration.ts';

const count = (what: string) => z.int({ error: 'expected a whole number from 1 to 10000' }).min(1).max(10_000).optional().meta({ description: what });

/** Retention. A backup stays if any rule keeps it. Times are counted back from the newest backup, not from today. */
export const keep = z
  .strictObject({
    last: count('The newest backups. Count.'),
    for: duration.optional().meta({ description: 'Every backup that is at most this much older than the newest one. Duration.' }),
    daily: count('The newest backup of each day (UTC), for the last days that have one. Count.'),
    weekly: count('The newest backup of each ISO week, for the last weeks that have one. Count.'),
    monthly: count('The newest backup of each month, for the last months that have one. Count.'),
    yearly: count('The newest backup of each year, for the last years that have one. Count.'),
    atLeast: count(
      'The floor: the newest backups that stay, whatever the rules say. Count. Default: 3, or `last` if that is the only rule and smaller.',
    ),
    atMostDeleted: z
      .int({ error: 'expected a percentage from 0 to 100' })
      .min(0)
      .max(100)
      .default(50)
      .meta({ description: 'The largest share of backups that one run may delete. `backstay prune` deletes more. Percent.' }),
  })
  .refine((rules) => rules.last ?? rules.for ?? rules.daily ?? rules.weekly ?? rules.monthly ?? rules.yearly, {
    error: 'expected at least one rule: last, for, daily, weekly, monthly or yearly',
  })
  .meta({ description: 'Retention. A `keep` is replaced as a whole, never merged.' });

export type Keep = z.output<typeof keep>;
