import type { Keep } from '../../lib/config/schema/keep.ts';
import { floorOf } from '../../lib/model/keep-floor.ts';
import { timeOfName } from '../../lib/model/stored-name.ts';

/** A committed backup, as a listing shows it. */
export interface Entry {
  readonly name: string;
  /** It has a `.keep` marker. */
  readonly pinned?: boolean;
  /** It was verified: it has a `.verified.json`. */
  readonly verified?: boolean;
}

/** Why a backup stays: a rule of `keep`, or what takes precedence over the rules. */
export type Reason =
  | 'unknown'
  | 'future'
  | 'pinned'
  | 'verified'
  | 'atLeast'
  | 'last'
  | 'for'
  | 'daily'
  | 'weekly'
  | 'monthly'
  | 'yearly'
  | 'no rule';

export type Verdict = { readonly keep: true; readonly why: readonly Reason[] } | { readonly keep: false };

export interface RetentionPlan {
  /** The verdict for each backup by name, newest first; unknown names come last. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** More backups would be deleted than one run may delete, so none is: how many, of how many. @default - not exceeded */
  readonly refused?: { readonly doomed: number; readonly of: number };
}

type Rules = Omit<Keep, 'atMostDeleted'> & { readonly atMostDeleted?: number };
type Dated = Entry & { readonly time: number };

const DAY = 86_400;
/** How far a name may be ahead of the clock, as clocks differ; anything further ahead is not trusted. Seconds. */
const TOLERANCE = 3600;
const SHARE = 50;

/**
 * Decides which committed backups of a tier in one storage one run of retention keeps and deletes. This is the oracle of
 * `retention.sh`, which alone decides in production.
 *
 * Times are counted back from the newest backup, not from `now`, so that backups do not expire while none are made.
 * `retention.sh` implements the same; `test/vectors/retention.json` tests both.
 */
export function planRetention(entries: readonly Entry[], keep: Rules, now: number): RetentionPlan {
  const unknown = entries.filter(({ name }) => timeOfName(name) === undefined).sort((a, b) => (a.name < b.name ? 1 : -1));
  const dated = entries.flatMap((entry) => dateOf(entry)).sort(newestFirst);
  const future = dated.filter(({ time }) => time > now + TOLERANCE);
  const counted = dated.filter(({ time }) => time <= now + TOLERANCE);
  const judged = judge(counted, keep);
  const doomed = judged.filter(([, verdict]) => !verdict.keep).length;
  return {
    verdicts: new Map([
      ...future.map(({ name }): [string, Verdict] => [name, { keep: true, why: ['future'] }]),
      ...judged,
      ...unknown.map(({ name }): [string, Verdict] => [name, { keep: true, why: ['unknown'] }]),
    ]),
    ...(doomed * 100 > (keep.atMostDeleted ?? SHARE) * counted.length && { refused: { doomed, of: counted.length } }),
  };
}

function judge(counted: readonly Dated[], keep: Rules): readonly [string, Verdict][] {
  const anchor = counted[0]?.time ?? 0;
  const newestVerified = counted.find(({ verified }) => verified)?.name;
  const rules = [
    { why: 'daily', holds: newestOfEach(keep.daily, (time) => Math.floor(time / DAY)) },
    { why: 'weekly', holds: newestOfEach(keep.weekly, isoWeek) },
    { why: 'monthly', holds: newestOfEach(keep.monthly, (time) => iso(time).slice(0, 7)) },
    { why: 'yearly', holds: newestOfEach(keep.yearly, (time) => iso(time).slice(0, 4)) },
  ] as const;
  const ruled = (keep.last ?? keep.for ?? keep.daily ?? keep.weekly ?? keep.monthly ?? keep.yearly) !== undefined;
  return counted.map(({ name, time, pinned }, index) => {
    const why: Reason[] = [];
    if (pinned) why.push('pinned');
    if (name === newestVerified) why.push('verified');
    if (index < floorOf(keep)) why.push('atLeast');
    if (index < (keep.last ?? 0)) why.push('last');
    if (keep.for !== undefined && anchor - time <= keep.for) why.push('for');
    // Every rule sees every backup, even one that stays anyway, because it counts in its bucket.
    for (const { why: rule, holds } of rules) if (holds(time)) why.push(rule);
    if (!ruled) why.push('no rule');
    return [name, why.length > 0 ? { keep: true, why } : { keep: false }];
  });
}

/** Keeps the first backup of each bucket, for so many buckets. Call it newest first. */
function newestOfEach(count: number | undefined, bucketOf: (time: number) => number | string): (time: number) => boolean {
  let buckets = 0;
  let last: number | string | undefined;
  return (time) => {
    const bucket = bucketOf(time);
    if (bucket === last || buckets >= (count ?? 0)) return false;
    last = bucket;
    buckets += 1;
    return true;
  };
}

/** The number of an ISO week: weeks start on Mondays, and 1970 started on a Thursday. */
function isoWeek(time: number): number {
  return Math.floor((Math.floor(time / DAY) + 3) / 7);
}

function iso(time: number): string {
  return new Date(time * 1000).toISOString();
}

function dateOf(entry: Entry): readonly Dated[] {
  const time = timeOfName(entry.name);
  return time === undefined ? [] : [{ ...entry, time }];
}

/** Within one second the greater name is the newer one: arbitrary, but the same everywhere. */
function newestFirst(a: Dated, b: Dated): number {
  if (a.time !== b.time) return b.time - a.time;
  if (a.name === b.name) return 0;
  return a.name < b.name ? 1 : -1;
}
