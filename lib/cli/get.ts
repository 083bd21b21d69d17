import { ConfigError } from '../errors.ts';
import type { Manifest, ManifestPart } from '../model/manifest.ts';
import { allRuns } from '../model/plan-restore.ts';
import { SAFETY_TIER } from '../model/restore-storages.ts';
import { methodOf, sourceKind } from '../sources/index.ts';
import { clusterOf } from './cluster.ts';
import { durationText, sizeText, table, timeText } from './format.ts';
import type { ListOptions } from './list.ts';
import { readStored } from './read-stored.ts';
import { STATUS } from './statuses.ts';
import type { StoredBackup } from './stored-backup.ts';
import { checkStorage, sourceTarget } from './target.ts';
import { secondsOfTimeout } from './timeout.ts';
import type { Outcome, World } from './world.ts';

/** Shows one backup: its manifest, and where its files are. */
export async function get(target: string, id: string, options: ListOptions, world: World): Promise<Outcome> {
  const { model, source } = sourceTarget(target, options.config);
  checkStorage([source], options.storage);
  const wanted = { model, source, storage: options.storage, patience: secondsOfTimeout(options.timeout) };
  const stored = await readStored(clusterOf(world, options), world, wanted, id === LATEST ? undefined : checkedId(id));
  const { manifest, ...backup } = chosen(stored, id, target);
  if (!manifest)
    throw ConfigError.of('', `the manifest of ${backup.name} cannot be read`, 'another storage may hold a good copy of it: --storage NAME');
  if (options.json) return { status: STATUS.done, text: JSON.stringify(manifest, undefined, 2) };
  const run = allRuns(source).find(({ tier }) => tier === backup.tier);
  const access = run?.storages.find(({ name }) => name === backup.storage)?.access;
  return { status: STATUS.done, text: describe(manifest, backup, `${access?.where ?? ''}/${run?.folder}`) };
}

/** Used instead of an id: the newest backup of all tiers. */
const LATEST = 'latest';

function checkedId(id: string): string {
  if (/^[A-Za-z0-9_-]+$/.test(id)) return id;
  throw new ConfigError([{ path: 'id', message: 'not an id', value: id, hint: "give a run id of 8 letters, a backup's name, or latest" }]);
}

function chosen(stored: readonly StoredBackup[], id: string, target: string): StoredBackup {
  // A safety backup is never the newest good backup: it is shown only by id.
  const readable = stored.filter(({ manifest, tier }) => manifest && tier !== SAFETY_TIER);
  const latest = readable.toSorted((a, b) => ((a.manifest?.start ?? '') < (b.manifest?.start ?? '') ? 1 : -1))[0];
  const found = id === LATEST ? latest : stored.find(({ name, manifest }) => name === id || manifest?.runId === id);
  if (found) return found;
  throw ConfigError.of(
    '',
    id === LATEST ? `nothing is stored of ${target}` : `no backup '${id}' of ${target}`,
    `backstay list ${target} lists the ids`,
  );
}

function describe(manifest: Manifest, { tier, storage, pinned, ...backup }: Omit<StoredBackup, 'manifest'>, folder: string): string {
  const { name, runId, label, start, end, bytes, job, parts } = manifest;
  const facts = [
    ['id', runId],
    ['name', name],
    ['tier', tier],
    ...(label === undefined ? [] : [['label', label]]),
    ['start', `${timeText(start)} UTC`],
    ['took', durationText((Date.parse(end) - Date.parse(start)) / 1000)],
    ['size', sizeText(bytes)],
    ['job', job || 'by hand'],
    ['pinned', pinned ? 'yes' : 'no'],
    ['verified', verifiedText(backup)],
    ['storage', storage],
    ['folder', folder],
    ...parts.map((part) => [`part ${part.name}`, partText(part)]),
  ];
  const files = parts.flatMap((part) => part.files.map((file) => [file.name, sizeText(file.bytes), file.sha256]));
  const width = Math.max(...facts.map(([key = '']) => key.length));
  return [...facts.map(([key = '', value]) => `${key.padEnd(width)}  ${value}`), '', table(['FILE', 'SIZE', 'SHA-256'], files)].join('\n');
}

function verifiedText({ verified, verifiedAt, verifiedSeconds = 0 }: Pick<StoredBackup, 'verified' | 'verifiedAt' | 'verifiedSeconds'>): string {
  if (!verified) return 'no';
  return verifiedAt === undefined ? 'yes' : `${timeText(verifiedAt)} UTC, took ${durationText(verifiedSeconds)}`;
}

function partText(part: ManifestPart): string {
  const tools = Object.entries(part.tools).map(([tool, version]) => `${tool} ${version}`);
  const what = methodOf(sourceKind(part.kind), part.method).describe(part);
  return `${what}; ${part.format}, ${part.compression.method}; ${tools.join(', ')}`;
}
