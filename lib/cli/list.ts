import type { Next } from './catalogue-output.ts';
import { clusterOf } from './cluster.ts';
import { ClusterError } from './cluster-error.ts';
import { durationText, sizeText, table, timeText } from './format.ts';
import { readStored } from './read-stored.ts';
import { STATUS } from './statuses.ts';
import type { StoredBackup } from './stored-backup.ts';
import { checkStorage, targetOf } from './target.ts';
import { secondsOfTimeout } from './timeout.ts';
import type { Outcome, World } from './world.ts';

export interface ListOptions {
  readonly config: string;
  readonly storage?: string;
  readonly json?: boolean;
  readonly context?: string;
  readonly timeout: string;
}

/** How many pods run at the same time. Each source has its own. */
const AT_ONCE = 4;

/** Lists the stored backups of an environment or of one source, and what retention will do next. A source that cannot be read does not hide the others. */
export async function list(target: string, options: ListOptions, world: World): Promise<Outcome> {
  const { model, sources } = targetOf(target, options.config);
  checkStorage(sources, options.storage);
  const patience = secondsOfTimeout(options.timeout);
  const cluster = clusterOf(world, options);
  const read = await inTurns(sources, AT_ONCE, async (source) => {
    try {
      const wanted = { model, source, storage: options.storage, patience };
      return { source: source.name, stored: await readStored(cluster, world, wanted) };
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      return { source: source.name, stored: [], error };
    }
  });
  // An error that every source meets, such as no cluster, is reported once.
  const errors = new Map(read.flatMap(({ error }) => (error ? [[`error: ${error.message}\n  HINT: ${error.hint}`, error.status] as const] : [])));
  for (const line of errors.keys()) world.warn(line);
  const rows = read.flatMap(({ source, stored }) => stored.map((backup) => ({ source, ...backup })));
  if (rows.some(({ next }) => !next)) world.warn(olderScripts(model.environment));
  const text = options.json
    ? JSON.stringify(
        rows.map((row) => asJson(model.environment, row)),
        undefined,
        2,
      )
    : asTable(rows, sources.length > 1);
  const status = [...errors.values()][0] ?? STATUS.done;
  return { status, ...((status === STATUS.done || rows.length > 0) && { text }) };
}

function olderScripts(environment: string): string {
  return `warning: the scripts in the cluster are older and do not report what retention will do\n  HINT: kubectl apply -k dist/${environment}/keep`;
}

/** Limits how many run at the same time. The results keep the order of the items. */
async function inTurns<Item, Result>(items: readonly Item[], limit: number, work: (item: Item) => Promise<Result>): Promise<readonly Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

type Row = StoredBackup & { readonly source: string };

function asTable(rows: readonly Row[], several: boolean): string {
  if (rows.length === 0) return 'nothing is stored';
  const head = [...(several ? ['SOURCE'] : []), 'WHEN (UTC)', 'TIER', 'ID', 'SIZE', 'TOOK', 'PINNED', 'VERIFIED', 'NEXT', 'LABEL'];
  const cells = rows.map((row) => [...(several ? [row.source] : []), ...cellsOf(row)]);
  return table(head, cells);
}

function cellsOf({ tier, name, manifest, pinned, next, ...row }: Row): readonly string[] {
  const marks = [pinned ? 'yes' : '-', verifiedText(row), nextText(next)];
  if (!manifest) return ['?', tier, name, '?', '?', ...marks, 'unreadable manifest'];
  const { start, runId, label = '' } = manifest;
  return [timeText(start), tier, runId, sizeText(manifest.bytes), durationText(secondsOf(manifest)), ...marks, label];
}

/** The time in UTC, or `yes` if the record has none. */
function verifiedText({ verified, verifiedAt }: Pick<Row, 'verified' | 'verifiedAt'>): string {
  if (!verified) return '-';
  return verifiedAt === undefined ? 'yes' : timeText(verifiedAt);
}

function nextText(next: Next | undefined): string {
  if (!next) return 'unknown';
  if (next.keep) return `keep: ${next.why.map(reasonText).join(', ')}`;
  return next.refused ? 'delete, blocked by atMostDeleted: backstay prune' : 'delete';
}

const REASONS: Readonly<Record<string, string>> = { atLeast: 'floor', unknown: 'unknown name', future: 'name from the future' };

function reasonText(reason: string): string {
  return REASONS[reason] ?? reason;
}

function secondsOf({ start, end }: { readonly start: string; readonly end: string }): number {
  return (Date.parse(end) - Date.parse(start)) / 1000;
}

function asJson(environment: string, { source, tier, storage, name, manifest, pinned, verified, verifiedAt, verifiedSeconds, next }: Row): object {
  return {
    environment,
    source,
    tier,
    storage,
    name,
    ...(manifest && {
      id: manifest.runId,
      start: manifest.start,
      end: manifest.end,
      seconds: secondsOf(manifest),
      bytes: manifest.bytes,
      label: manifest.label,
    }),
    pinned,
    verified,
    ...(verifiedAt !== undefined && { verifiedAt, verifiedSeconds }),
    next,
  };
}
