import { nearest } from '../config/nearest.ts';
import { listEnvironments } from '../config/read.ts';
import { ConfigError } from '../errors.ts';
import { type Loaded, loadEnvironment } from '../model/load.ts';
import type { Model, PlannedRun, PlannedSource, PlannedStorage } from '../model/model.ts';

/** An environment or one of its sources, from `<environment>[/<source>]`. */
export interface Target extends Loaded {
  /** The named source, or all. */
  readonly sources: readonly PlannedSource[];
}

/** One environment, loaded. */
export function environmentOf(name: string, config: string): Loaded {
  const known = listEnvironments(config);
  if (!known.includes(name)) throw unknown('environment', name, known, config);
  return loadEnvironment(config, name);
}

/** One environment, or one source of it. */
export function targetOf(written: string, config: string): Target {
  const [environment = '', source, ...more] = written.split('/');
  if (environment === '' || source === '' || more.length > 0)
    throw ConfigError.of('', `expected ENVIRONMENT[/SOURCE], got '${written}'`, 'write it as prod or prod/shop');
  const loaded = environmentOf(environment, config);
  return { ...loaded, sources: source === undefined ? loaded.model.sources : [sourceOf(loaded.model, source)] };
}

/** Exactly one source of one environment. */
export interface SourceTarget extends Loaded {
  readonly source: PlannedSource;
}

export function sourceTarget(written: string, config: string): SourceTarget {
  const { sources, ...loaded } = targetOf(written, config);
  const { model } = loaded;
  const [source] = sources;
  if (written.includes('/') && source) return { ...loaded, source };
  throw ConfigError.of(
    '',
    `expected ENVIRONMENT/SOURCE, got '${written}'`,
    `write ${written}/${source?.name ?? 'SOURCE'}; sources: ${namesOf(model.sources)}`,
  );
}

/** The named tier, or the only one. */
export function runOf(source: PlannedSource, tier: string | undefined): PlannedRun {
  const tiers = source.runs.map((run) => run.tier);
  const run = source.runs.find((candidate) => candidate.tier === tier);
  if (run) return run;
  if (tier !== undefined) throw unknown('tier', tier, tiers, source.name);
  const [only, ...others] = source.runs;
  if (only && others.length === 0) return only;
  throw ConfigError.of('', `'${source.name}' has several tiers`, `choose one: ${tiers.map((name) => `--tier ${name}`).join(', ')}`);
}

/** The named storage of a run, or its primary. */
export function storageOf(run: PlannedRun, storage: string | undefined): PlannedStorage | undefined {
  return run.storages.find(({ name, role }) => (storage === undefined ? role === 'primary' : name === storage));
}

/** Refuses a storage that none of the runs writes to. */
export function checkStorage(sources: readonly PlannedSource[], storage: string | undefined): void {
  const known = [...new Set(sources.flatMap(({ runs }) => runs.flatMap(({ storages }) => storages.map(({ name }) => name))))];
  if (storage !== undefined && !known.includes(storage)) throw unknown('storage', storage, known, namesOf(sources));
}

function sourceOf(model: Model, name: string): PlannedSource {
  const source = model.sources.find((candidate) => candidate.name === name);
  if (source) return source;
  throw unknown(
    'source',
    name,
    model.sources.map((candidate) => candidate.name),
    model.environment,
  );
}

function unknown(what: string, name: string, known: readonly string[], where: string): ConfigError {
  const hint = nearest(name, known) ?? `known ${what}s: ${known.join(', ') || 'none'}`;
  return ConfigError.of('', `unknown ${what} '${name}' in ${where}`, hint);
}

const namesOf = (sources: readonly PlannedSource[]) => sources.map(({ name }) => name).join(', ') || 'none';
