import * as z from 'zod';
import { duration } from '../../units/duration.ts';

const count = (what: string) => z.int({ error: 'expected a whole number from 1 to 10000' }).min(1).max(10_000).optional().meta({ description: what });

/** Retention. A backup stays if any rule keeps it. Times are counted back from the newest backup, not from today. */
export const keep = z
  .strictObject({
    last: count('The newest ones. Count.'),
    for: duration.optional().meta({ description: 'Backups younger than this, counted back from the newest backup. Duration.' }),
    daily: count('The newest of each of the last so many days (UTC) that have one. Count.'),
    weekly: count('The newest of each of the last so many ISO weeks that have one. Count.'),
    monthly: count('The newest of each of the last so many months that have one. Count.'),
    yearly: count('The newest of each of the last so many years that have one. Count.'),
    atLeast: count(
      'The floor: so many newest ones stay, whatever the rules say. Count. Default: 3, or `last` where that is the only rule and smaller.',
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
