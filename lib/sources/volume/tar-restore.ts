import type { RelativeDiagnostic } from '../../diagnostics.ts';
import type { ClaimSpec } from '../../pod.ts';
import { lines } from '../env.ts';
import type { RestoreContext, RestorePart, Restoring } from '../kind.ts';
import { DATA_DIR, placementOf } from './claim.ts';
import type { RestoreSlice } from './restore.ts';
import type { Settings } from './settings.ts';

/** Restores an archive into a folder beside the live files. In place, the two are then swapped. */
export const tarRestore: Restoring<Settings, RestoreSlice> = {
  fillsClaims: true,
  check,
  secrets: () => [],
  parts: (settings, request, context) => [part(settings, request, context)],
};

function check(
  { include, exclude }: Settings,
  { into: claim, mode }: RestoreSlice,
  { inPlace, action }: RestoreContext,
): readonly RelativeDiagnostic[] {
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

/** Capabilities with which root restores owners and file capabilities, and writes to folders of other users. */
const FILE_OWNER = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETFCAP'];

function part(settings: Settings, request: RestoreSlice, { inPlace, action, namespace }: RestoreContext): RestorePart {
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
    privileges: { asRoot: FILE_OWNER },
    peers: [],
    secrets: [],
    ...(!request.into && { placement: placementOf(settings) }),
    // No application uses the old data that was kept, so it can be dropped while they run.
    ...((action === 'restore' ? inPlace : action === 'swap-back') && { occupies: claim }),
    ...(request.into && { claim: newClaim(request.into, namespace) }),
  };
}

function modeOf({ into: claim, mode }: RestoreSlice, inPlace: boolean): string {
  if (claim) return 'fill';
  return inPlace ? (mode ?? 'swap') : 'beside';
}

function newClaim({ claim: name, ...rest }: NonNullable<RestoreSlice['into']>, namespace: string): ClaimSpec {
  return { name, namespace, ...rest };
}
