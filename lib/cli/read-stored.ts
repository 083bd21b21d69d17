import type { Model, PlannedSource } from '../model/model.ts';
import { allRuns } from '../model/plan-restore.ts';
import type { Env } from '../pod.ts';
import { type Printed, runErrand } from './catalogue.ts';
import { readListed } from './catalogue-output.ts';
import type { Cluster } from './cluster.ts';
import { type StoredBackup, storedBackups } from './stored-backup.ts';
import { storageOf } from './target.ts';
import type { World } from './world.ts';

export interface Wanted {
  readonly model: Model;
  readonly source: PlannedSource;
  /** @default - the primary of each tier */
  readonly storage?: string;
  /** Seconds. */
  readonly patience: number;
}

/** The committed backups of a source in one storage, tier by tier, the newest first: all of them, or the one with this id. */
export async function readStored(cluster: Cluster, world: World, wanted: Wanted, id?: string): Promise<readonly StoredBackup[]> {
  const action: Env = id === undefined ? { ACTION: 'list' } : { ACTION: 'get', RUN_ID_WANTED: id };
  const printed = await runInTiers(cluster, world, wanted, action);
  return allRuns(wanted.source).flatMap((run) => {
    const storage = storageOf(run, wanted.storage);
    return storage ? storedBackups(run, storage, readListed(printed.get(run.tier) ?? '')) : [];
  });
}

/** Runs an action in every tier that has the storage: in one pod, unless a tier does not have it. */
export async function runInTiers(cluster: Cluster, world: World, { model, source, storage, patience }: Wanted, action: Env): Promise<Printed> {
  const runs = allRuns(source);
  const known = runs.filter((run) => storageOf(run, storage)).map(({ tier }) => tier);
  const tiers = known.length === runs.length ? [undefined] : known;
  const asked = { ...action, ...(storage !== undefined && { STORAGE: storage }) };
  const printed = new Map<string, string>();
  for (const tier of tiers) {
    for (const [name, text] of await runErrand(cluster, world, { model, source, tier, action: asked, patience })) printed.set(name, text);
  }
  return printed;
}
