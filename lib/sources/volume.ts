import * as z from 'zod';
import type { Finding } from '../findings.ts';
import type { Env } from '../pod.ts';
import { objectName, textMap } from '../units/names.ts';
import { notYet } from '../units/not-yet.ts';
import type { Part, SourceKind } from './kind.ts';
import { DATA_DIR, placementOf } from './volume-claim.ts';
import { volumeRestore } from './volume-restore.ts';
import { volumeVerify } from './volume-verify.ts';

const pattern = z
  .string()
  .min(1)
  .regex(/^[^\n]+$/, { error: 'expected a pattern on one line' });

const schema = z
  .strictObject({
    claim: objectName.meta({ description: 'The claim to back up, in the namespace of the source. It is mounted read-only.' }),
    path: z
      .string()
      .regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\n]+$/, { error: "expected a path below the claim's root, without a leading slash and without '..'" })
      .default('.')
      .meta({ description: 'The folder of the claim that is backed up. Default: all of it.' }),
    include: z.array(pattern).default([]).meta({ description: 'Only these files and folders, as shell patterns relative to `path`. Default: all.' }),
    exclude: z.array(pattern).default([]).meta({ description: 'Not these, as shell patterns relative to `path`: `cache/**`.' }),
    nextTo: textMap
      .optional()
      .meta({ description: 'Labels of the pods that use the claim: the backup runs on their node, which a ReadWriteOnce claim needs.' }),
    node: z.string().min(1).optional().meta({ description: 'Name of the node to run on, where no pod uses the claim.' }),
    accessMode: z
      .enum(['ReadWriteOnce', 'ReadWriteMany', 'ReadOnlyMany'])
      .optional()
      .meta({ description: 'What the claim allows. Say it, and a missing placement is refused or needless; otherwise it is a warning.' }),
    tar: z
      .enum(['gnu', 'busybox'])
      .default('gnu')
      .meta({ description: '`gnu` keeps sparse files and packs with zstd; `busybox` is the smallest image and packs with gzip.' }),
    compression: z
      .enum(['zstd', 'gzip', 'none'])
      .optional()
      .meta({ description: 'How the archive is compressed. Default: `zstd` with GNU tar, `gzip` with BusyBox.' }),
    level: z
      .int()
      .min(1)
      .max(19)
      .optional()
      .meta({ description: 'Compression level, 1 to 19 for zstd, 1 to 9 for gzip. Default: 1 for zstd, 6 for gzip.' }),
    onChange: z
      .enum(['fail', 'accept'])
      .default('fail')
      .meta({ description: 'A file that changes while it is read: `fail` the run, or `accept` it and count it in the manifest.' }),
    copyMethod: notYet('the copy method of a volume'),
    xattrs: z
      .boolean()
      .optional()
      .meta({ description: 'Extended attributes `user.*` and file capabilities are kept. Default: `true` with GNU tar; BusyBox cannot.' }),
    acls: z.boolean().optional().meta({ description: 'Access control lists are kept. Default: `true` with GNU tar; BusyBox cannot.' }),
  })
  .meta({ description: 'The files of a claim, by `tar`.' });

export type Settings = z.output<typeof schema>;

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

function check(settings: Settings): readonly Finding[] {
  return [...checkPlacement(settings), ...checkCompression(settings), ...checkAttributes(settings)];
}

function checkPlacement({ nextTo, node, accessMode }: Settings): readonly Finding[] {
  const hint = 'write nextTo: { app: … } with labels of the pods that use it, or node: …, or accessMode: ReadWriteMany';
  if (nextTo && node) return [{ path: ['node'], message: 'nextTo and node are both given', hint: 'keep one of them' }];
  if (nextTo || node) return [];
  if (accessMode === 'ReadWriteOnce') return [{ path: ['accessMode'], message: 'a ReadWriteOnce claim without placement', hint }];
  if (accessMode === undefined) {
    const message = 'no placement: if the claim is ReadWriteOnce, the pod hangs on any other node than its application';
    return [{ path: ['claim'], message, hint, severity: 'warning' }];
  }
  return [];
}

function checkCompression(settings: Settings): readonly Finding[] {
  const { compression, level } = compressionOf(settings);
  if (settings.tar === 'busybox' && compression === 'zstd')
    return [{ path: ['compression'], message: 'BusyBox has no zstd', hint: 'write compression: gzip, or tar: gnu' }];
  if (compression === 'none' && level !== undefined)
    return [{ path: ['level'], message: "a level is given, but compression is 'none'", hint: 'leave the level out' }];
  if (compression === 'gzip' && level !== undefined && level > 9)
    return [{ path: ['level'], message: 'gzip has levels 1 to 9', hint: 'write 9 or less, or compression: zstd' }];
  return [];
}

function checkAttributes({ tar, ...settings }: Settings): readonly Finding[] {
  if (tar === 'gnu') return [];
  const kept = (['xattrs', 'acls'] as const).filter((key) => settings[key]);
  return kept.map((key) => ({ path: [key], message: "BusyBox' tar cannot keep them", hint: `write tar: gnu, or leave ${key} out` }));
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
