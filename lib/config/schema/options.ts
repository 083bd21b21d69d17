import * as z from 'zod';
import { DEFAULT_METHODS, LATER_METHODS, METHOD_NAMES } from '../../sources/index.ts';
import { dnsLabel } from '../../units/names.ts';
import { notYet } from '../../units/not-yet.ts';
import { keep } from './keep.ts';
import { job, networkPolicy, pod, throttle } from './pod.ts';
import { schedule } from './schedule.ts';
import { verify } from './verify.ts';

/** A storage in a list: its name, or its name with overrides. */
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

/** Options that can be set at every level. The most specific wins: tier of the source, source, tier of the plan, plan, `defaults`. */
export const optionShape = {
  storages: z.array(storageRef).min(1).optional().meta({ description: 'Where the backups go: the first is the primary, the others are copies.' }),
  keep: keep.optional(),
  timeZone: z.string().min(1).default('Etc/UTC').meta({ description: 'Time zone of the schedules, by its IANA name.' }),
  suspend: z.boolean().default(false).meta({ description: 'Stops new runs. A running one continues.' }),
  filenameTemplate: z.string().min(1).default('{{ .Timestamp }}-{{ .RunID }}').meta({
    description:
      'Name of the stored files, without extension. Must contain `.Timestamp` (UTC, `YYYYMMDD-HHMMSS`) and `.RunID`; may contain `.DatabaseName`.',
  }),
  pod: pod.prefault({}),
  job: job.prefault({}),
  throttle: throttle.prefault({}),
  networkPolicy: networkPolicy.prefault({}),
} as const;

/** All options of one run, with every default. */
export const options = z.strictObject(optionShape);
export type Options = z.output<typeof options>;

/** One tier of a plan, or the overrides of a source. */
export const tier = z
  .strictObject({
    enabled: z.boolean().default(true).meta({ description: '`false` disables the tier.' }),
    schedule: schedule.optional(),
    method: z
      .enum(METHOD_NAMES, {
        error: ({ input }) =>
          LATER_METHODS.some((later) => later === input) ? `the method '${input}' is not built yet` : `expected ${METHOD_NAMES.join(' or ')}`,
      })
      .optional()
      .meta({
        description: `How to take the backup. Default: the method of the kind, ${DEFAULT_METHODS.map((name) => `\`${name}\``).join(' or ')}.`,
      }),
    ...optionShape,
  })
  .meta({ description: 'A schedule with its retention.' });

export const tierName = z
  .string()
  .regex(/^[a-z]([a-z0-9-]*[a-z0-9])?$/, { error: 'expected a name of lowercase letters, digits and dashes' })
  .max(30)
  .refine((name) => name !== 'once', { error: "the tier name 'once' is reserved for manual runs" })
  .refine((name) => name !== 'pre-restore', { error: "the tier name 'pre-restore' is reserved for safety backups" });

/** Storages and tiers that sources share. */
export const plan = z
  .strictObject({
    tiers: z.record(tierName, tier).default({}).meta({ description: 'Tiers by name: daily, weekly, …' }),
    verify: verify.optional(),
    ...optionShape,
  })
  .meta({ description: 'Storages and tiers that sources share. The plan named `default` applies if a source sets none.' });
