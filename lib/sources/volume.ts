import type { RelativeDiagnostic } from '../diagnostics.ts';
import type { Env } from '../pod.ts';
import type { Part, SourceKind } from './kind.ts';
import { DATA_DIR, placementOf } from './volume-claim.ts';
import { volumeRestore } from './volume-restore.ts';
import { type Settings, schema } from './volume-settings.ts';
import { volumeVerify } from './volume-verify.ts';

/** A volume by `tar`: what lies in a claim, file by file, read while the application goes on. */
export const volume: SourceKind<typeof schema, 'volume'> = {
  name: 'volume',
  schema,
  methods: ['tar'],
  check,
  parts: (settings) => [part(settings)],
  restore: volumeRestore,
  verify: volumeVerify,
};

function check(settings: Settings): readonly RelativeDiagnostic[] {
  return [...checkPlacement(settings), ...checkCompression(settings), ...checkAttributes(settings)];
}

function checkPlacement({ nextTo, node, accessMode }: Settings): readonly RelativeDiagnostic[] {
  const hint = 'set nextTo: { app: … } to labels of the pods that use it, or set node: … or accessMode: ReadWriteMany';
  if (nextTo && node) return [{ path: ['node'], message: 'nextTo and node are both set', hint: 'remove one of them' }];
  if (nextTo || node) return [];
  if (accessMode === 'ReadWriteOnce') return [{ path: ['accessMode'], message: 'a ReadWriteOnce claim needs a placement', hint }];
  if (accessMode === undefined) {
    const message = 'no placement: if the claim is ReadWriteOnce, the pod starts only on the node of its application';
    return [{ path: ['claim'], message, hint, severity: 'warning' }];
  }
  return [];
}

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
