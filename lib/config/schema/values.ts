import * as z from 'zod';
import { IMAGES, type ImageName } from '../../sources/images.ts';
import { LATER_SOURCES, SOURCE_KINDS } from '../../sources/index.ts';
import { LATER_STORAGES, STORAGE_KINDS } from '../../storages/index.ts';
import { dnsLabel } from '../../units/names.ts';
import { notYet } from '../../units/not-yet.ts';
import { monitoring } from './monitoring.ts';
import { optionShape, plan, tier, tierName } from './options.ts';
import { restore } from './restore.ts';
import { slices } from './slices.ts';
import { verify } from './verify.ts';

function later<Name extends string>(kinds: Readonly<Record<Name, string>>) {
  return Object.fromEntries(Object.entries<string>(kinds).map(([name, what]) => [name, notYet(what)])) as Record<Name, ReturnType<typeof notYet>>;
}

/** A storage: one key for each kind, of which exactly one is set. */
export const storage = z
  .strictObject({
    enabled: z.boolean().default(true).meta({ description: '`false` removes it from every list.' }),
    namespace: dnsLabel.optional().meta({ description: 'Namespace of a claim. Default: `namespace` of the values.' }),
    ...slices(STORAGE_KINDS),
    ...later(LATER_STORAGES),
  })
  .meta({ description: 'A place for backups.' });

export const source = z
  .strictObject({
    enabled: z.boolean().default(true).meta({ description: '`false` disables it: its CronJobs are removed, its backups stay.' }),
    plan: dnsLabel.default('default').meta({ description: 'Name of a plan, or `none` for manual runs only.' }),
    namespace: dnsLabel.optional().meta({ description: 'Namespace that its pods run in. Default: `namespace` of the values.' }),
    folder: dnsLabel.optional().meta({
      description: 'Folder in the storages. Set it to the old name to keep the history of a renamed source. Default: the name of the source.',
    }),
    tiers: z.record(tierName, tier).default({}).meta({ description: 'Overrides of tiers of the plan, and additional tiers.' }),
    ...slices(SOURCE_KINDS, { templates: 'rejected' }),
    ...later(LATER_SOURCES),
    verify: verify.optional(),
    ...optionShape,
  })
  .meta({ description: 'What to back up. Several kinds in one source are parts of one run.' });

const image = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._:/-]*[a-z0-9])?:[\w][\w.-]*(@sha256:[0-9a-f]{64})?$/, {
    error: 'expected an image with a tag, such as registry.acme.dev/postgres:17.6',
  })
  .refine((reference) => !/:latest(@|$)/.test(reference), { error: "the tag 'latest' does not pin a version" });

const ours = Object.fromEntries(
  Object.entries(IMAGES).map(([name, reference]) => [name, image.default(reference).meta({ description: 'Replaces our image. It needs a tag.' })]),
) as Record<ImageName, z.ZodDefault<typeof image>>;

const images = z
  .strictObject({
    registry: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.:/-]*[a-z0-9]$/, { error: 'expected a registry such as registry.acme.dev/mirror' })
      .optional()
      .meta({ description: 'Mirror that replaces `docker.io` and `registry.k8s.io` in our images.' }),
    ...ours,
  })
  .meta({ description: 'The images that pods run.' });

/** Short enough for the name of a Job, which also contains the id. */
const restoreName = dnsLabel.max(40, { error: 'expected at most 40 characters' });

/** The schema of the values, with every default. `config/base.yaml` under `config/<environment>.yaml`. */
export const values = z.strictObject({
  namespace: dnsLabel.meta({ description: 'Namespace that pods run in.' }),
  createNamespace: z.boolean().default(false).meta({ description: 'Creates the namespaces, with labels that enforce Pod Security "restricted".' }),
  production: z.boolean().optional().meta({
    description: 'Whether this is a production environment, for which some checks are stricter. Default: true for `prod` and `production`.',
  }),
  images: images.prefault({}),
  storages: z.record(dnsLabel, storage).meta({ description: 'Places for backups, by name.' }),
  plans: z.record(dnsLabel, plan).default({}).meta({ description: 'Storages and tiers that sources share, by name.' }),
  defaults: z
    .strictObject({ ...slices(SOURCE_KINDS, { templates: 'expanded' }), ...later(LATER_SOURCES), verify: verify.optional(), ...optionShape })
    .prefault({})
    .meta({ description: 'Defaults of every source. `{{ .Source }}` is replaced by its name.' }),
  sources: z.record(dnsLabel, source).meta({ description: 'What to back up, by name.' }),
  timeZone: optionShape.timeZone,
  encryption: notYet('encryption'),
  alerts: notYet('alerting'),
  monitoring,
  verify: verify.optional(),
  backups: notYet('a list of one-off backups (`backstay backup` makes one by hand)'),
  restores: z.record(restoreName, restore).default({}).meta({ description: 'Restores by name. Each gets its own file, to be applied manually.' }),
});
