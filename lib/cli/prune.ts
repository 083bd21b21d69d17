import { ConfigError } from '../errors.ts';
import { type Judged, type Pruned, readJudged, readPruned } from './catalogue-output.ts';
import { clusterOf } from './cluster.ts';
import { table } from './format.ts';
import { runInTiers } from './read-stored.ts';
import { STATUS } from './statuses.ts';
import { checkStorage, sourceTarget } from './target.ts';
import { secondsOfTimeout } from './timeout.ts';
import type { Outcome, World } from './world.ts';

export interface PruneOptions {
  readonly config: string;
  /** @default - every storage of each tier */
  readonly storage?: string;
  readonly dryRun?: boolean;
  readonly confirm?: string;
  readonly context?: string;
  readonly timeout: string;
}

/** Deletes what `keep` does not keep, on purpose: also where it is more than one run may delete. Or only says what would go. */
export async function prune(target: string, options: PruneOptions, world: World): Promise<Outcome> {
  const { model, source } = sourceTarget(target, options.config);
  checkStorage([source], options.storage);
  checkConfirmed(target, options);
  const wanted = { model, source, storage: options.storage, patience: secondsOfTimeout(options.timeout) };
  const action = { ACTION: 'prune', ...(options.dryRun ? { DRY_RUN: 'true' } : { DRY_RUN: 'false', CONFIRM: target }) };
  const printed = await runInTiers(clusterOf(world, options), world, wanted, action);
  const text = [...printed.values()].join('\n');
  return { status: STATUS.done, text: options.dryRun ? describePlan(readJudged(text)) : describeDone(readJudged(text), readPruned(text)) };
}

function checkConfirmed(target: string, { dryRun = false, confirm }: PruneOptions): void {
  if (dryRun && confirm !== undefined) throw ConfigError.of('', '--dry-run and --confirm exclude each other', 'look first: --dry-run');
  if (dryRun || confirm === target) return;
  const message = confirm === undefined ? 'neither --dry-run nor --confirm is given' : `--confirm says '${confirm}', and '${target}' is meant`;
  throw ConfigError.of('', message, `look first with --dry-run; then --confirm ${target} deletes`);
}

const ACTIONS = { keep: 'stays', delete: 'goes', sweep: 'goes' } as const;

function describePlan(judged: readonly Judged[]): string {
  if (judged.length === 0) return 'nothing is stored';
  const rows = judged.map(({ storage, folder, name, action, why }) => [storage, folder, name, ACTIONS[action], why.replaceAll(',', ', ')]);
  const goes = judged.filter(({ action }) => action !== 'keep').length;
  return `${table(['STORAGE', 'FOLDER', 'NAME', 'NEXT', 'WHY'], rows)}\n${goes} of ${judged.length} would go; nothing was deleted`;
}

function describeDone(judged: readonly Judged[], pruned: readonly Pruned[]): string {
  if (judged.length === 0) return 'nothing is stored';
  const rows = pruned.map((done) => [done.storage, done.folder, ...[done.pruned, done.swept, done.retained, done.hidden].map(String)]);
  const notes = [
    ...(pruned.some(({ retained }) => retained > 0) ? ['retained: the store refused to delete them; they count as backups still'] : []),
    ...(pruned.some(({ hidden }) => hidden > 0)
      ? ['hidden: the bucket keeps versions; they are still stored, and paid for, until its lifecycle removes them']
      : []),
  ];
  return [table(['STORAGE', 'FOLDER', 'PRUNED', 'SWEPT', 'RETAINED', 'HIDDEN'], rows), ...notes].join('\n');
}
