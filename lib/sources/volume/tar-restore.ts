import type { Finding } from '../../findings.ts';
import type { ClaimSpec } from '../../pod.ts';
import { lines } from '../env.ts';
import type { RestoreContext, RestorePart, Restoring } from '../kind.ts';
import { DATA_DIR, placementOf } from './claim.ts';
import type { RestoreSlice } from './restore.ts';
import type { Settings } from './settings.ts';

/** An archive into a folder beside the live files, which then take each other's place where that is asked for. */
export const tarRestore: Restoring<Settings, RestoreSlice> = {
  fillsClaims: true,
  check,
  secrets: () => [],
  parts: (settings, wish, context) => [part(settings, wish, context)],
};

function check({ include, exclude }: Settings, { into: claim, mode }: RestoreSlice, { inPlace, action }: RestoreContext): readonly Finding[] {
  if (inPlace && claim)
    return [
      {
        path: ['into'],
        message: 'a new claim is not the place of the old one',
        hint: 'leave inPlace out, and let the application use the new claim',
      },
    ];
  if (inPlace && action === 'restore' && include.length + exclude.length > 0) {
    const message = 'the backups hold a part of the files only: the others are gone from where they were';
    if (mode === 'clear') return [{ path: ['mode'], message, hint: 'write mode: merge, which leaves them, or swap, which keeps them aside' }];
    if (mode !== 'merge')
      return [{ path: ['mode'], message, hint: 'mode: merge leaves them; with swap they are kept aside until --drop-old', severity: 'warning' }];
  }
  if (!inPlace && mode && action === 'restore')
    return [{ path: ['mode'], message: `nothing that is live gives way, so there is nothing to ${mode}`, hint: 'write inPlace:, or leave mode out' }];
  return [];
}

/** What root needs to give files away, with the capabilities that programs had, and to write into the folders of others. */
const FILE_OWNER = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETFCAP'];

function part(settings: Settings, wish: RestoreSlice, { inPlace, action, namespace }: RestoreContext): RestorePart {
  const claim = wish.into?.claim ?? settings.claim;
  return {
    name: 'volume',
    kind: 'volume',
    method: 'tar',
    image: 'postgres17',
    script: 'volume-restore.sh',
    env: {
      CLAIM: claim,
      DATA_DIR,
      DATA_PATH: wish.into ? '.' : settings.path,
      RESTORE_MODE: modeOf(wish, inPlace),
      RESTORE_ACTION: action,
      ...lines('PATHS', wish.paths),
      OWNERS: wish.owners,
      ATTRIBUTES: wish.attributes,
      LINKS: wish.links,
    },
    mounts: [{ type: 'claim', claim, path: DATA_DIR, readOnly: false }],
    privileges: { asRoot: FILE_OWNER },
    peers: [],
    secrets: [],
    ...(!wish.into && { placement: placementOf(settings) }),
    // What was kept is nobody's any more: to drop it, nothing needs to stop.
    ...((action === 'restore' ? inPlace : action === 'swap-back') && { occupies: claim }),
    ...(wish.into && { claim: newClaim(wish.into, namespace) }),
  };
}

function modeOf({ into: claim, mode }: RestoreSlice, inPlace: boolean): string {
  if (claim) return 'fill';
  return inPlace ? (mode ?? 'swap') : 'beside';
}

function newClaim({ claim: name, ...rest }: NonNullable<RestoreSlice['into']>, namespace: string): ClaimSpec {
  return { name, namespace, ...rest };
}
