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
    error: 'expected deployment/NAME or statefulset/NAME, or labels instead of the name',
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
    enabled: z.boolean().default(true).meta({ description: '`false` removes its file.' }),
    source: dnsLabel.meta({ description: 'The source to restore.' }),
    backupsOf: z
      .string()
      .regex(/^[a-z0-9-]+\/[a-z0-9-]+$/, { error: 'expected an environment and a source, such as prod/shop' })
      .optional()
      .meta({ description: 'Environment and source whose backups to restore, such as `prod/shop`. Default: those of `source`.' }),
    from: dnsLabel.optional().meta({ description: 'Storage to restore from. Default: the primary.' }),
    tier: z.string().min(1).optional().meta({ description: 'Tier to select from. Default: all that use the storage.' }),
    at: z.string().min(1).default('latest').meta({
      description:
        'Backup to restore: `latest`, `latest-verified`, a run id, the name of a backup, or `before:` and a time with its zone, such as `before:2026-11-21T09:30:00Z`.',
    }),
    part: z.string().min(1).optional().meta({ description: 'The only part to restore. Default: all parts.' }),
    inPlace: z
      .strictObject({
        confirm: z.string().meta({ description: 'Environment and source whose live data is replaced, such as `prod/shop`.' }),
        safetyBackup: z
          .boolean()
          .default(true)
          .meta({ description: 'Backs up the live data first: pinned, in the tier `pre-restore`. `false` disables it.' }),
      })
      .optional()
      .meta({ description: 'Replaces the live data. Default: a copy next to it.' }),
    scaleDown: z.array(application).default([]).meta({
      description: 'Applications to stop during the restore: `deployment/api`, `statefulset/db`, `shop/deployment/api` for another namespace.',
    }),
    paused: z
      .strictObject({
        autoscaler: how('How the autoscaler of these applications is paused.'),
        gitops: how('How Argo CD or Flux is paused.'),
      })
      .prefault({})
      .meta({
        description: 'How autoscalers and GitOps are paused. Otherwise the restore refuses to stop applications that they would start again.',
      }),
    whileInUse: z.boolean().default(false).meta({ description: '`true` restores into a claim even if pods use it.' }),
    stopWait: duration.default(() => 300).meta({ description: 'How long applications may take to stop.', defaultText: '5m' }),
    startWait: duration.default(() => 300).meta({ description: 'How long applications may take to start.', defaultText: '5m' }),
    scratch: ownScratch.prefault({}).meta({ description: 'Scratch space for the backup.' }),
    ...slices(restoring),
  })
  .meta({ description: 'A restore, in its own file `dist/restores/<environment>/<name>.yaml`.' });

export type Restore = z.output<typeof restore>;
