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

/** Deletes the backups that `keep` does not cover, even more than one run may delete. A dry run only shows them. */
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
  if (dryRun && confirm !== undefined) throw ConfigError.of('', '--dry-run and --confirm exclude each other', 'run it with --dry-run first');
  if (dryRun || confirm === target) return;
  const message = confirm === undefined ? 'expected --dry-run or --confirm' : `--confirm must be '${target}', got '${confirm}'`;
  throw ConfigError.of('', message, `run it with --dry-run first, then with --confirm ${target} to delete`);
}

const ACTIONS = { keep: 'keep', delete: 'delete', sweep: 'delete' } as const;

function describePlan(judged: readonly Judged[]): string {
  if (judged.length === 0) return 'nothing is stored';
  const rows = judged.map(({ storage, folder, name, action, why }) => [storage, folder, name, ACTIONS[action], why.replaceAll(',', ', ')]);
  const doomed = judged.filter(({ action }) => action !== 'keep').length;
  return `${table(['STORAGE', 'FOLDER', 'NAME', 'NEXT', 'WHY'], rows)}\n${doomed} of ${judged.length} would be deleted; this is a dry run`;
}

function describeDone(judged: readonly Judged[], pruned: readonly Pruned[]): string {
  if (judged.length === 0) return 'nothing is stored';
  const rows = pruned.map((done) => [done.storage, done.folder, ...[done.pruned, done.swept, done.retained, done.hidden].map(String)]);
  const notes = [
    ...(pruned.some(({ retained }) => retained > 0) ? ['retained: the store refused to delete them; they still count as backups'] : []),
    ...(pruned.some(({ hidden }) => hidden > 0)
      ? ['hidden: the bucket keeps versions; they are stored, and cost money, until its lifecycle removes them']
      : []),
  ];
  return [table(['STORAGE', 'FOLDER', 'PRUNED', 'SWEPT', 'RETAINED', 'HIDDEN'], rows), ...notes].join('\n');
}
