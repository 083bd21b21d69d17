import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresSource } from '../support/cluster/backups.ts';
import type { Call } from '../support/cluster/gate.ts';
import { endOf, type JobEnd } from '../support/cluster/job.ts';
import { kill, running } from '../support/cluster/kill.ts';
import { inBucket, runsIn, type StoredRun, strayIn } from '../support/cluster/stored.ts';
import { latch } from '../support/cluster/until.ts';
import { startWorld, verdict, type World } from '../support/cluster/world.ts';

/** Sources that run side by side, so that forty kills do not take forty times as long as one. */
const LANES = ['one', 'two', 'three', 'four', 'five', 'six'] as const;

let world: World;
/** The store calls of a successful publish, in order. */
let steps: readonly Call[];

beforeAll(async () => {
  world = await startWorld('killed-publish', () => ({
    plans: { default: { tiers: { daily: { keep: { last: 1, atMostDeleted: 100 } } } } },
    sources: Object.fromEntries(LANES.map((name) => [name, postgresSource('db', 'shop')])),
  }));
  for (const round of [1, 2]) {
    const ends = await Promise.all(LANES.map((lane) => world.run(lane)));
    expect(ends.map(verdict), `round ${round}`).toEqual(LANES.map(() => expect.stringMatching(/^complete/)));
    // Those of the second run, which owns the folder already and prunes the first backup.
    steps = world.s3.gate.calls.filter((call) => concerns(call, 'one')).slice(steps?.length ?? 0);
  }
});

afterAll(() => world?.end());

describe.each(['TERM', 'KILL'] as const)('publish, stopped by %s at each of its calls to the store', (signal) => {
  let killed: readonly Killed[];

  beforeAll(async () => {
    const turns = LANES.map((_, lane) => steps.map((__, nth) => nth).filter((nth) => nth % LANES.length === lane));
    killed = (await Promise.all(LANES.map((lane, index) => killAtSteps(lane, signal, turns[index] ?? [])))).flat();
  });

  test('fails with a reason, unless it was stopped after the last commit', () => {
    expect(killed.length).toBeGreaterThanOrEqual(steps.length - 3);
    for (const { step, end, after } of killed) {
      if (signal === 'KILL') expect(end.statuses.publish, step).toBe(137);
      else if (end.complete) expect(after.at(-1)?.name, step).toBe(end.lastWords.name);
      else expect(end.lastWords, step).toMatchObject({ status: 70, reason: expect.stringContaining('stopped by TERM') });
    }
    expect(killed.filter(({ end }) => !end.complete).length).toBeGreaterThan(steps.length / 2);
  });

  test('every listed backup is complete, and the newest good one is still there', () => {
    for (const { step, before, after } of killed) {
      expect(
        after.flatMap(({ broken }) => broken),
        step,
      ).toEqual([]);
      expect(after.at(-1)?.name.localeCompare(before.at(-1)?.name ?? 'none'), step).toBeGreaterThanOrEqual(0);
    }
  });

  test('the next run recovers and commits in both storages', async () => {
    const heals = await Promise.all(LANES.map((lane) => world.run(lane)));
    expect(heals.map(verdict)).toEqual(LANES.map(() => expect.stringMatching(/^complete/)));
    const { local, offsite } = await world.stored();
    for (const [index, lane] of LANES.entries()) {
      for (const stored of [local, offsite]) {
        const runs = runsIn(stored, `${lane}/daily`);
        expect(runs.flatMap(({ broken }) => broken)).toEqual([]);
        expect(runs.at(-1)?.name).toBe(heals[index]?.lastWords.name);
      }
    }
  });
});

test('files without a manifest are not swept while they may belong to a running backup', async () => {
  const { offsite } = await world.stored();
  expect(LANES.flatMap((lane) => strayIn(offsite, `${lane}/daily`)).length).toBeGreaterThan(0);
});

interface Killed {
  readonly step: string;
  readonly end: JobEnd;
  /** Backups in the store right before and right after. */
  readonly before: readonly StoredRun[];
  readonly after: readonly StoredRun[];
}

/** One run per call: the gate holds that call, the run is killed, and the gate opens. */
async function killAtSteps(lane: string, signal: 'TERM' | 'KILL', wanted: readonly number[]): Promise<readonly Killed[]> {
  const killed: Killed[] = [];
  const look = () => runsIn(inBucket(world.s3, 'backups'), `${lane}/daily`);
  for (const nth of wanted) {
    const [arrival, release] = [latch(), latch()];
    let seen = 0;
    const forget = world.s3.gate.rule(async (call) => {
      if (!concerns(call, lane) || seen++ !== nth) return undefined;
      arrival.open();
      await release.opened;
      return 'cut';
    });
    const before = look();
    const job = await world.start(lane);
    // The last calls prune. Runs with less to prune end before them.
    const ended = endOf(world.namespace, job, 300);
    const reached = await Promise.race([arrival.opened.then(() => true), ended.then(() => false)]);
    if (reached) await kill(world.namespace, await running(world.namespace, job, 'publish'), 'publish', signal);
    const end = await ended;
    if (reached) killed.push({ step: describeCall(steps[nth]), end, before, after: look() });
    else expect(verdict(end)).toMatch(/^complete/);
    release.open();
    forget();
  }
  return killed;
}

function concerns({ path, query }: Call, lane: string): boolean {
  return decodeURIComponent(`${path}?${query}`).includes(`/${lane}/`);
}

function describeCall(call: Call | undefined): string {
  return call ? `${call.method} ${call.path.replace(/.*\//, '')}${call.query && ' ?'}` : 'nothing';
}
