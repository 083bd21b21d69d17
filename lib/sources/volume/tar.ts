import type { RelativeDiagnostic } from '../../diagnostics.ts';
import type { Env } from '../../pod.ts';
import type { Method, Part } from '../kind.ts';
import { DATA_DIR, placementOf } from './claim.ts';
import type { restoreSchema } from './restore.ts';
import type { Settings, schema } from './settings.ts';
import { type TarFacts, tarFacts } from './tar-facts.ts';
import { tarRestore } from './tar-restore.ts';
import { tarSample } from './tar-sample.ts';
import { tarVerify } from './tar-verify.ts';
import type { verifySchema } from './verify.ts';

/** `tar`: archives the files of a claim while the application runs. */
export const tar = {
  name: 'tar',
  extensions: ['.tar'],
  check: (settings) => [...checkCompression(settings), ...checkAttributes(settings)],
  parts: (settings) => [part(settings)],
  facts: tarFacts,
  describe: ({ volume }: TarFacts) => `claim ${volume.claim}, ${volume.entries} entries`,
  restore: tarRestore,
  verify: tarVerify,
  sample: tarSample,
} as const satisfies Method<typeof schema, typeof restoreSchema, typeof verifySchema, ReturnType<typeof tarFacts>>;

function checkCompression(settings: Settings): readonly RelativeDiagnostic[] {
  const { compression, level } = compressionOf(settings);
  if (settings.tar === 'busybox' && compression === 'zstd')
    return [{ path: ['compression'], message: 'BusyBox tar does not support zstd', hint: 'set compression: gzip, or tar: gnu' }];
  if (compression === 'none' && level !== undefined)
    return [{ path: ['level'], message: "level is set, but compression is 'none'", hint: 'remove the level' }];
  if (compression === 'gzip' && level !== undefined && level > 9)
    return [{ path: ['level'], message: 'gzip supports levels 1 to 9', hint: 'set 9 or less, or compression: zstd' }];
  return [];
}

function checkAttributes({ tar, ...settings }: Settings): readonly RelativeDiagnostic[] {
  if (tar === 'gnu') return [];
  const kept = (['xattrs', 'acls'] as const).filter((key) => settings[key]);
  return kept.map((key) => ({ path: [key], message: `BusyBox tar does not support ${key}`, hint: `set tar: gnu, or remove ${key}` }));
}

function compressionOf({ tar, compression, level }: Settings) {
  const method = compression ?? (tar === 'gnu' ? 'zstd' : 'gzip');
  const defaults = { zstd: 1, gzip: 6, none: undefined };
  return { compression: method, level: level ?? defaults[method] };
}

function part(settings: Settings): Part {
  return {
    name: 'volume',
    kind: 'volume',
    method: 'tar',
    // The image of PostgreSQL is the official one that has GNU tar and zstd; its version does not matter here.
    image: settings.tar === 'gnu' ? 'postgres17' : 'busybox',
    script: 'volume-tar.sh',
    env: env(settings),
    mounts: [{ type: 'claim', claim: settings.claim, path: DATA_DIR, readOnly: true }],
    // The files may belong to any user of the application.
    privileges: { asWritten: true },
    peers: [],
    secrets: [],
    placement: placementOf(settings),
  };
}

function env(settings: Settings): Env {
  const { compression, level } = compressionOf(settings);
  return {
    DATA_DIR,
    DATA_PATH: settings.path,
    CLAIM: settings.claim,
    TAR: settings.tar,
    COMPRESSION: compression,
    ...(level !== undefined && { COMPRESSION_LEVEL: String(level) }),
    ...(settings.include.length > 0 && { INCLUDE: settings.include.join('\n') }),
    ...(settings.exclude.length > 0 && { EXCLUDE: settings.exclude.join('\n') }),
    ON_CHANGE: settings.onChange,
    XATTRS: kept(settings, settings.xattrs),
    ACLS: kept(settings, settings.acls),
  };
}

function kept({ tar }: Settings, wanted: boolean | undefined): string {
  return (wanted ?? tar === 'gnu') ? 'keep' : 'none';
}
