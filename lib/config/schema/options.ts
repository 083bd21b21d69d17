import * as z from 'zod';
import { DEFAULT_METHODS, LATER_METHODS, METHOD_NAMES } from '../../sources/index.ts';
import { dnsLabel } from '../../units/names.ts';
import { notYet } from '../../units/not-yet.ts';
import { keep } from './keep.ts';
import { job, networkPolicy, pod, throttle } from './pod.ts';
import { schedule } from './schedule.ts';
import { verify } from './verify.ts';

/** A storage in a list: its name, or its name and what differs there. */
export const storageRef = z.union(
  [
    dnsLabel,
    z.strictObject({
      name: dnsLabel.meta({ description: 'Name of the storage.' }),
      keep: keep.optional(),
      accessTier: notYet('the access tier of a copy'),
    }),
  ],
  { error: 'expected the name of a storage, or { name: …, keep: … }' },
);

/** What may be written at every level: the most specific wins, in the order source's tier, source, plan's tier, plan, `defaults`. */
export const optionShape = {
  storages: z.array(storageRef).min(1).optional().meta({ description: 'Where the backups go: the first is the primary, the others are copies.' }),
  keep: keep.optional(),
  timeZone: z.string().min(1).default('Etc/UTC').meta({ description: 'Time zone of the schedules, as the IANA database spells it.' }),
  suspend: z.boolean().default(false).meta({ description: 'Stops new runs; a run that has begun goes on.' }),
  filenameTemplate: z.string().min(1).default('{{ .Timestamp }}-{{ .RunID }}').meta({
    description:
      'Name of the stored files, without extension. Knows `.Timestamp` (UTC, `YYYYMMDD-HHMMSS`) and `.RunID`, which must be there, and `.DatabaseName`.',
  }),
  pod: pod.prefault({}),
  job: job.prefault({}),
  throttle: throttle.prefault({}),
  networkPolicy: networkPolicy.prefault({}),
} as const;

/** All options of one run, with every default. */
export const options = z.strictObject(optionShape);
export type Options = z.output<typeof options>;

/** One tier of a plan, or what a source changes of it. */
export const tier = z
  .strictObject({
    enabled: z.boolean().default(true).meta({ description: '`false` switches the tier off.' }),
    schedule: schedule.optional(),
    method: z
      .enum(METHOD_NAMES, {
        error: ({ input }) =>
          LATER_METHODS.some((later) => later === input) ? `the method '${input}' is not built yet` : `expected ${METHOD_NAMES.join(' or ')}`,
      })
      .optional()
      .meta({ description: `How the backup is taken. Default: that of the kind, ${DEFAULT_METHODS.map((name) => `\`${name}\``).join(' or ')}.` }),
    ...optionShape,
  })
  .meta({ description: 'A schedule and what to keep.' });

export const tierName = z
  .string()
  .regex(/^[a-z]([a-z0-9-]*[a-z0-9])?$/, { error: 'expected a name of lower-case letters, digits and dashes' })
  .max(30)
  .refine((name) => name !== 'once', { error: "the tier 'once' is kept for runs by hand" })
  .refine((name) => name !== 'pre-restore', { error: "the tier 'pre-restore' is kept for what a restore backs up first" });

/** Storages and tiers that sources share. */
export const plan = z
  .strictObject({
    tiers: z.record(tierName, tier).default({}).meta({ description: 'Tiers by name: daily, weekly, …' }),
    verify: verify.optional(),
    ...optionShape,
  })
  .meta({ description: 'Storages and tiers that sources share. The one named `default` applies where none is named.' });
