import * as z from 'zod';
import type { RelativeDiagnostic } from '../diagnostics.ts';
import { objectName } from '../units/names.ts';
import { prefix } from '../units/prefix.ts';
import { size } from '../units/size.ts';
import type { StorageContext, StorageKind } from './kind.ts';

const schema = z
  .strictObject({
    claim: objectName
      .optional()
      .meta({ description: 'Name of the claim. With `size` it is created under this name; without, it must exist. Default: `backup-<storage>`.' }),
    size: size.optional().meta({ description: 'Size of the claim to create. Leave it out to use an existing `claim`.' }),
    storageClassName: z.string().min(1).optional().meta({ description: "StorageClass of the claim to create. Default: the cluster's." }),
    accessMode: z
      .enum(['ReadWriteOnce', 'ReadWriteMany'])
      .default('ReadWriteOnce')
      .meta({ description: 'Access mode of the claim. Pods that share a ReadWriteOnce claim are placed on one node.' }),
    prefix,
  })
  .meta({ description: 'A PersistentVolumeClaim: the nearest copy, lost with its cluster.' });

type Settings = z.output<typeof schema>;

/** A PersistentVolumeClaim: the closest copy, which is lost with its cluster. */
export const pvc: StorageKind<typeof schema, 'pvc'> = {
  name: 'pvc',
  schema,
  samples: [{ size: '10Gi', storageClassName: 'standard' }],
  check,
  access: (settings, context) => {
    const claim = claimOf(settings, context);
    const path = `/storage/${context.name}`;
    const folder = settings.prefix ?? context.environment;
    return {
      remote: joined(path, folder),
      where: `claim ${claim}: ${folder}`,
      compare: 'checksum',
      readBack: false,
      env: {},
      mounts: [{ type: 'claim', claim, path, readOnly: false }],
      peers: [],
      secrets: [],
      ...(settings.size && {
        claim: {
          name: claim,
          namespace: context.namespace,
          size: settings.size,
          accessMode: settings.accessMode,
          storageClassName: settings.storageClassName,
        },
      }),
      ...(settings.accessMode === 'ReadWriteOnce' && { exclusiveClaim: claim }),
    };
  },
  place: (settings, context) => `pvc:${context.namespace}/${claimOf(settings, context)}/${settings.prefix ?? context.environment}`,
};

function check({ claim, size: wanted, storageClassName }: Settings): readonly RelativeDiagnostic[] {
  if (!claim && !wanted)
    return [{ path: [], message: 'neither claim nor size is set', hint: 'set size: 10Gi for a new claim, or claim: NAME for an existing one' }];
  if (!wanted && storageClassName)
    return [
      {
        path: ['storageClassName'],
        message: 'storageClassName has no effect on an existing claim',
        hint: 'remove it, or set size: to create a claim',
      },
    ];
  return [];
}

function claimOf(settings: Settings, context: StorageContext): string {
  return settings.claim ?? `backup-${context.name}`;
}

function joined(path: string, folder: string): string {
  return folder === '' ? path : `${path}/${folder}`;
}
