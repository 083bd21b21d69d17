import type { RestoreSettings, Settings, SourceSettings, StorageSettings } from '../config/settings.ts';
import { unique } from './lists.ts';
import type { Origin, PlannedStorage } from './model.ts';
import { planStorage } from './plan-storage.ts';
import { wantedOf } from './wanted.ts';

/** The settings of another environment of the same folder. */
export type Elsewhere = (environment: string) => Settings;

/** Where the backups lie that a restore in place makes first. */
export const SAFETY_TIER = 'pre-restore';

type Wish = RestoreSettings['settings'];

interface From {
  readonly origin: Origin;
  readonly storages: readonly PlannedStorage[];
}

/** Where the backups are: of the source itself, or of another one, maybe of another environment. */
export function originOf(settings: Settings, wish: Wish, elsewhere: Elsewhere): From {
  const { settings: there, source } = originSource(settings, wish, elsewhere);
  const storage = storageToReadFrom(source, wish);
  const tiers = source.tiers.filter(({ storages }) => storages.some((use) => use.storage.name === storage.name)).map(({ name }) => name);
  const wanted = wantedOf(wish.at);
  // What a restore has put aside is never the newest good backup; who wants it names it.
  const everywhere = wanted.byId ? [...tiers, SAFETY_TIER] : tiers;
  return {
    origin: {
      environment: there.environment,
      sources: unique([source.name, source.folder], String),
      folders: (wish.tier === undefined ? everywhere : [wish.tier]).map((tier) => `${source.folder}/${tier}`),
      wanted: wanted.text,
      from: 1,
    },
    storages: [planStorage(there, { storage }, 1)],
  };
}

/** Whose backups are restored. */
export function originSource(settings: Settings, { source, backupsOf }: Wish, elsewhere: Elsewhere) {
  const [environment = '', name = ''] = backupsOf?.split('/') ?? [settings.environment, source];
  const there = environment === settings.environment ? settings : elsewhere(environment);
  return { settings: there, source: sourceNamed(there, name) };
}

/** The one that is named, or the primary: of the tier that is named, or of the first. */
export function storageToReadFrom(source: SourceSettings, { from, tier }: Pick<Wish, 'from' | 'tier'>): StorageSettings {
  const uses = tiersWanted(source, tier).flatMap(({ storages }) => storages);
  const use = from === undefined ? uses[0] : uses.find(({ storage }) => storage.name === from);
  if (!use) throw new Error(`no storage '${from}'`);
  return use.storage;
}

/** Those whose storages may be read. What a restore has put aside is where the first tier is. */
export function tiersWanted({ tiers }: SourceSettings, tier: string | undefined): SourceSettings['tiers'] {
  return tier === SAFETY_TIER ? tiers.slice(0, 1) : tiers.filter(({ name }) => tier === undefined || name === tier);
}

/**
 * Markers lie in every storage of the source that is restored: what is done stays done when another one becomes the first.
 * Another environment's storage may not be ours to write to. One by hand has the attempts of one Job, and its markers lie
 * where the backup that goes first does.
 */
export function markedStorages(once: boolean, { tiers }: SourceSettings, safety: readonly StorageSettings[]): readonly StorageSettings[] {
  if (!once) return safety;
  return unique(
    tiers.flatMap(({ storages }) => storages.map(({ storage }) => storage)),
    ({ name }) => name,
  );
}

/** The storages of a pod, each once: those that are read, then those that its markers lie in, of which the numbers are told. */
export function storagesOf(settings: Settings, read: readonly PlannedStorage[], marked: readonly StorageSettings[]) {
  const storages = [...read];
  const numbers = marked.map((storage) => {
    const mine = planStorage(settings, { storage }, storages.length + 1);
    const known = storages.findIndex((other) => other.name === mine.name && other.access.where === mine.access.where);
    return known < 0 ? storages.push(mine) : known + 1;
  });
  return { storages, numbers };
}

/**
 * Where it goes: to the storage that is restored from, which has just answered, where that is one of the source's own. A copy
 * elsewhere that cannot be reached must not keep anybody from restoring.
 */
export function safetyStorage(settings: Settings, source: SourceSettings, { backupsOf, from, tier }: Wish): StorageSettings {
  const own = backupsOf === undefined || backupsOf === `${settings.environment}/${source.name}`;
  return storageToReadFrom(source, own ? { from, tier } : {});
}

export function sourceNamed({ sources, environment }: Settings, name: string): SourceSettings {
  const source = sources.find((candidate) => candidate.name === name);
  if (!source) throw new Error(`no source '${name}' in ${environment}`);
  return source;
}
