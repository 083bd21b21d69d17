import type { RestoreSettings, Settings, SourceSettings, StorageSettings } from '../config/settings.ts';
import { unique } from './lists.ts';
import { alike } from './methods.ts';
import type { Origin, PlannedStorage } from './model.ts';
import { planStorage } from './plan-storage.ts';
import { wantedOf } from './wanted.ts';

/** The settings of another environment of the same folder. */
export type Elsewhere = (environment: string) => Settings;

/** The tier of safety backups. */
export const SAFETY_TIER = 'pre-restore';

type Request = RestoreSettings['settings'];

interface From {
  readonly origin: Origin;
  readonly storages: readonly PlannedStorage[];
}

/** Where the backups are: of the source itself or of another one, possibly in another environment. */
export function originOf(settings: Settings, request: Request, elsewhere: Elsewhere): From {
  const { settings: there, source } = originSource(settings, request, elsewhere);
  const storage = storageToReadFrom(source, request);
  const inStorage = source.tiers.filter(({ storages }) => storages.some((use) => use.storage.name === storage.name));
  const tiers = alike(source, inStorage).map(({ name }) => name);
  const wanted = wantedOf(request.at);
  // A safety backup is never the newest good backup: it is restored only by id.
  const everywhere = wanted.byId ? [...tiers, SAFETY_TIER] : tiers;
  return {
    origin: {
      environment: there.environment,
      sources: unique([source.name, source.folder], String),
      folders: (request.tier === undefined ? everywhere : [request.tier]).map((tier) => `${source.folder}/${tier}`),
      wanted: wanted.text,
      from: 1,
    },
    storages: [planStorage(there, { storage }, 1)],
  };
}

/** Whose backups are restored. */
export function originSource(settings: Settings, { source, backupsOf }: Request, elsewhere: Elsewhere) {
  const [environment = '', name = ''] = backupsOf?.split('/') ?? [settings.environment, source];
  const there = environment === settings.environment ? settings : elsewhere(environment);
  return { settings: there, source: sourceNamed(there, name) };
}

/** The requested storage, or the primary of the requested tier or of the first one. */
export function storageToReadFrom(source: SourceSettings, { from, tier }: Pick<Request, 'from' | 'tier'>): StorageSettings {
  const uses = tiersWanted(source, tier).flatMap(({ storages }) => storages);
  const use = from === undefined ? uses[0] : uses.find(({ storage }) => storage.name === from);
  if (!use) throw new Error(`no storage '${from}'`);
  return use.storage;
}

/** The tiers whose storages may be read. Safety backups are where the first tier is. */
export function tiersWanted({ tiers }: SourceSettings, tier: string | undefined): SourceSettings['tiers'] {
  return tier === SAFETY_TIER ? tiers.slice(0, 1) : tiers.filter(({ name }) => tier === undefined || name === tier);
}

/**
 * Markers are in every storage of the restored source, so that a restore stays done when another storage becomes the primary.
 * The storage of another environment may be read-only for us. A manual restore has only the attempts of one Job, and its
 * markers are where its safety backup is.
 */
export function markedStorages(once: boolean, { tiers }: SourceSettings, safety: readonly StorageSettings[]): readonly StorageSettings[] {
  if (!once) return safety;
  return unique(
    tiers.flatMap(({ storages }) => storages.map(({ storage }) => storage)),
    ({ name }) => name,
  );
}

/** The storages of a pod, each once: those that are read, then those with markers. Also returns the numbers of the latter. */
export function storagesOf(settings: Settings, read: readonly PlannedStorage[], marked: readonly StorageSettings[]) {
  const storages = [...read];
  const numbers = marked.map((storage) => {
    // Equal in everything, endpoint and key included: a marker in another environment's store, or with its key, is lost.
    const known = storages.findIndex((other, index) => {
      const mine = planStorage(settings, { storage }, index + 1);
      return other.name === mine.name && JSON.stringify(other.access) === JSON.stringify(mine.access);
    });
    return known < 0 ? storages.push(planStorage(settings, { storage }, storages.length + 1)) : known + 1;
  });
  return { storages, numbers };
}

/**
 * The storage of the safety backup: the one that the restore reads, if it is the source's own, because it is known to work. A copy
 * that cannot be reached must not prevent a restore.
 */
export function safetyStorage(settings: Settings, source: SourceSettings, { backupsOf, from, tier }: Request): StorageSettings {
  const own = backupsOf === undefined || backupsOf === `${settings.environment}/${source.name}`;
  return storageToReadFrom(source, own ? { from, tier } : {});
}

export function sourceNamed({ sources, environment }: Settings, name: string): SourceSettings {
  const source = sources.find((candidate) => candidate.name === name);
  if (!source) throw new Error(`unknown source '${name}' in ${environment}`);
  return source;
}
