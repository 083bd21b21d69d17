import * as z from 'zod';
import type { RelativeDiagnostic } from '../diagnostics.ts';
import type { ClaimSpec } from '../pod.ts';
import { objectName } from '../units/names.ts';
import { size } from '../units/size.ts';
import { lines } from './env.ts';
import type { RestoreContext, RestorePart, Restoring } from './kind.ts';
import { DATA_DIR, placementOf } from './volume-claim.ts';
import type { Settings } from './volume-settings.ts';

const path = z
  .string()
  .regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\n]+$/, { error: "expected a path below the folder, without a leading slash and without '..'" });

const into = z.strictObject({
  claim: objectName.meta({ description: 'Name of the new claim.' }),
  size: size.meta({ description: 'Its size.' }),
  storageClassName: z.string().min(1).optional().meta({ description: "Its StorageClass. Default: the cluster's." }),
  accessMode: z.enum(['ReadWriteOnce', 'ReadWriteMany']).default('ReadWriteOnce').meta({ description: 'Its access mode.' }),
});

const schema = z
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
      .meta({ description: 'Links that lead out of the folder: `refuse` the archive, or `keep` them as they were.' }),
  })
  .meta({ description: 'How to restore files.' });

type Request = z.output<typeof schema>;

/** An archive into a folder beside the live files, which then take each other's place where that is asked for. */
export const volumeRestore: Restoring<Settings, typeof schema> = {
  schema,
  check,
  secrets: () => [],
  parts: (settings, request, context) => [part(settings, request, context)],
};

function check({ include, exclude }: Settings, { into: claim, mode }: Request, { inPlace, action }: RestoreContext): readonly RelativeDiagnostic[] {
  if (inPlace && claim)
    return [
      {
        path: ['into'],
        message: 'a restore in place cannot use a new claim',
        hint: 'remove inPlace, and point the application to the new claim',
      },
    ];
  if (inPlace && action === 'restore' && include.length + exclude.length > 0) {
    const message = 'the backups contain only some of the files: the others would no longer be in place';
    if (mode === 'clear') return [{ path: ['mode'], message, hint: 'set mode: merge to leave them, or mode: swap to keep them aside' }];
    if (mode !== 'merge')
      return [{ path: ['mode'], message, hint: 'set mode: merge to leave them; mode: swap keeps them aside until --drop-old', severity: 'warning' }];
  }
  if (!inPlace && mode && action === 'restore')
    return [{ path: ['mode'], message: `mode: ${mode} applies only to a restore in place`, hint: 'add inPlace:, or remove mode' }];
  return [];
}

function part(settings: Settings, request: Request, { inPlace, action, namespace }: RestoreContext): RestorePart {
  const claim = request.into?.claim ?? settings.claim;
  return {
    name: 'volume',
    kind: 'volume',
    method: 'tar',
    image: 'postgres17',
    script: 'volume-restore.sh',
    env: {
      CLAIM: claim,
      DATA_DIR,
      DATA_PATH: request.into ? '.' : settings.path,
      RESTORE_MODE: modeOf(request, inPlace),
      RESTORE_ACTION: action,
      ...lines('PATHS', request.paths),
      OWNERS: request.owners,
      ATTRIBUTES: request.attributes,
      LINKS: request.links,
    },
    mounts: [{ type: 'claim', claim, path: DATA_DIR, readOnly: false }],
    peers: [],
    secrets: [],
    ...(!request.into && { placement: placementOf(settings) }),
    // What was kept is nobody's any more: to drop it, nothing needs to stop.
    ...((action === 'restore' ? inPlace : action === 'swap-back') && { occupies: claim }),
    ...(request.into && { claim: newClaim(request.into, namespace) }),
  };
}

function modeOf({ into: claim, mode }: Request, inPlace: boolean): string {
  if (claim) return 'fill';
  return inPlace ? (mode ?? 'swap') : 'beside';
}

function newClaim({ claim: name, ...rest }: NonNullable<Request['into']>, namespace: string): ClaimSpec {
  return { name, namespace, ...rest };
}
