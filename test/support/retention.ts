import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Keep } from '../../lib/config/schema/keep.ts';
import { FLAT } from './flat-scripts.ts';
import type { Entry, RetentionPlan, Verdict } from './plan-retention.ts';

/** The input of `retention.sh` and of its oracle. */
export interface RetentionCase {
  readonly now: number;
  readonly keep: Partial<Keep>;
  readonly entries: readonly Entry[];
}

/** An input with the expected result, as in `test/vectors/retention.json`. */
export interface RetentionVector extends RetentionCase {
  /** A sentence that describes the case. */
  readonly name: string;
  /** The backups that stay, and why. All others are deleted. */
  readonly kept: Readonly<Record<string, readonly string[]>>;
  readonly refused?: { readonly doomed: number; readonly of: number };
}

export const RETENTION_VECTORS = JSON.parse(readFileSync('test/vectors/retention.json', 'utf8')) as readonly RetentionVector[];

/** The expected result of a vector, in the shape of a plan. */
export function demanded({ entries, kept, refused }: RetentionVector): RetentionPlan {
  const verdicts = entries.map(({ name }): [string, Verdict] => {
    const why = kept[name];
    return [name, why ? ({ keep: true, why } as Verdict) : { keep: false }];
  });
  return { verdicts: new Map(verdicts), ...(refused && { refused }) };
}

/** The results of `retention.sh` for many inputs, in one process. */
export function shellPlans(cases: readonly RetentionCase[], shell: readonly string[], path = process.env.PATH ?? ''): readonly RetentionPlan[] {
  const dir = mkdtempSync(join(tmpdir(), 'retention-'));
  const commands = cases.map(({ now, keep, entries }, index) => {
    mkdirSync(join(dir, String(index)));
    writeFileSync(join(dir, String(index), 'entries'), entries.map(lineOf).join(''));
    return `${rules(keep)} plan ${index} ${now}`;
  });
  writeFileSync(join(dir, 'driver.sh'), driver(dir, commands));
  const [program = 'sh', ...flags] = shell;
  execFileSync(program, [...flags, join(dir, 'driver.sh')], { env: { PATH: path } });
  return cases.map((_, index) => readPlan(join(dir, String(index))));
}

function driver(dir: string, commands: readonly string[]): string {
  return `set -eu
LC_ALL=C; export LC_ALL
. '${FLAT}/retention.sh'
plan() {
	plan_retention "$2" "${dir}/$1/entries" >"${dir}/$1/plan"
	share_exceeded "${dir}/$1/plan" >"${dir}/$1/refused"
}
${commands.join('\n')}
`;
}

function rules(keep: Partial<Keep>): string {
  const values = {
    LAST: keep.last,
    FOR_SECONDS: keep.for,
    DAILY: keep.daily,
    WEEKLY: keep.weekly,
    MONTHLY: keep.monthly,
    YEARLY: keep.yearly,
    AT_LEAST: keep.atLeast,
    AT_MOST_DELETED: keep.atMostDeleted,
  };
  return `${Object.entries(values)
    .map(([name, value]) => `KEEP_${name}=${value ?? ''}`)
    .join(' ')};`;
}

function lineOf({ name, pinned, verified }: Entry): string {
  return `${name} ${pinned ? 'pinned' : '-'} ${verified ? 'verified' : '-'}\n`;
}

function readPlan(dir: string): RetentionPlan {
  const lines = readFileSync(join(dir, 'plan'), 'utf8').split('\n').filter(Boolean);
  const verdicts = lines.map((line): [string, Verdict] => {
    const [name = '', verdict = '', why = ''] = line.split(/ (?=keep|delete)|(?<=keep|delete) /);
    return [name, verdict === 'keep' ? ({ keep: true, why: why.split(',') } as Verdict) : { keep: false }];
  });
  const [, doomed, of] = /^refused: (\d+) of (\d+)$/m.exec(readFileSync(join(dir, 'refused'), 'utf8')) ?? [];
  return { verdicts: new Map(verdicts), ...(doomed && { refused: { doomed: Number(doomed), of: Number(of) } }) };
}
