import * as z from 'zod';
import { SOURCE_KINDS } from '../../sources/index.ts';
import { duration } from '../../units/duration.ts';
import { dnsLabel } from '../../units/names.ts';
import { slices } from './slices.ts';
import { ownScratch } from './verify.ts';

const restoring = SOURCE_KINDS.flatMap(({ name, restoreSchema }) => (restoreSchema ? [{ name, schema: restoreSchema }] : []));

/** `deployment/shop-api`, `shop/statefulset/db`, `deployment/app=shop`: by name or by labels, in the pods' namespace or another. */
const application = z
  .string()
  .regex(/^([a-z0-9-]+\/)?(deployment|statefulset)\/([a-z0-9]([a-z0-9.-]*[a-z0-9])?|[A-Za-z0-9._/-]+=[A-Za-z0-9._=,/-]*)$/, {
    error: 'expected deployment/NAME or statefulset/NAME, or labels in place of the name',
  });

const how = (what: string) =>
  z
    .string()
    .min(1)
    .regex(/^[^\n]+$/, { error: 'expected one line' })
    .optional()
    .meta({ description: what });

/** A restore: one run of one backup into one place. */
export const restore = z
  .strictObject({
    enabled: z.boolean().default(true).meta({ description: '`false` takes its file away.' }),
    source: dnsLabel.meta({ description: 'The source that is restored.' }),
    backupsOf: z
      .string()
      .regex(/^[a-z0-9-]+\/[a-z0-9-]+$/, { error: 'expected an environment and a source, such as prod/shop' })
      .optional()
      .meta({ description: 'Whose backups, where they are of another environment or source: `prod/shop`. Default: its own.' }),
    from: dnsLabel.optional().meta({ description: 'Storage to restore from. Default: the primary.' }),
    tier: z.string().min(1).optional().meta({ description: 'Tier to choose from. Default: all that have the storage.' }),
    at: z.string().min(1).default('latest').meta({
      description:
        '`latest`, `latest-verified`, a run id or the name of a backup, or `before:` and a time with its zone: `before:2026-11-21T09:30:00Z`.',
    }),
    part: z.string().min(1).optional().meta({ description: 'One part of a run that has several. Default: all of them.' }),
    inPlace: z
      .strictObject({
        confirm: z.string().meta({ description: 'Environment and source, such as `prod/shop`: what is live there gives way.' }),
        safetyBackup: z
          .boolean()
          .default(true)
          .meta({ description: 'Backs up what is live before anything changes, pinned, in the tier `pre-restore`. `false` does without.' }),
      })
      .optional()
      .meta({ description: 'The restored data takes the place of the live data. Default: a copy is made beside it.' }),
    scaleDown: z.array(application).default([]).meta({
      description: 'Applications that are stopped meanwhile: `deployment/api`, `statefulset/db`, `shop/deployment/api` for another namespace.',
    }),
    paused: z
      .strictObject({
        autoscaler: how('How the autoscaler of these applications is kept from starting them.'),
        gitops: how('How Argo CD or Flux is kept from starting them.'),
      })
      .prefault({})
      .meta({ description: 'What would start a stopped application again is refused, unless this says how it is paused.' }),
    whileInUse: z.boolean().default(false).meta({ description: '`true` restores into a claim that pods use.' }),
    stopWait: duration.default(() => 300).meta({ description: 'How long applications may take to stop.', defaultText: '5m' }),
    startWait: duration.default(() => 300).meta({ description: 'How long they may take to come back.', defaultText: '5m' }),
    scratch: ownScratch.prefault({}).meta({ description: 'Room for the backup.' }),
    ...slices(restoring),
  })
  .meta({ description: 'A restore, in a file of its own: `dist/restores/<environment>/<name>.yaml`.' });

export type Restore = z.output<typeof restore>;
