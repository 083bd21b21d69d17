import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresSource } from '../support/cluster/backups.ts';
import { endOf, type JobEnd, podsOf, statusesOf } from '../support/cluster/job.ts';
import { incompressible, THROTTLE_LOCK } from '../support/cluster/postgres.ts';
import { runsIn, type Stored } from '../support/cluster/stored.ts';
import { SMALL_SQL, startWorld, verdict, type World } from '../support/cluster/world.ts';

const MANY = ['one', 'two', 'three', 'four', 'five', 'six'];

let world: World;

beforeAll(async () => {
  world = await startWorld(
    'side-by-side',
    async ({ db }) => {
      await db.sql('create database held');
      return {
        plans: { default: { tiers: { daily: { keep: { last: 20 } } } } },
        sources: {
          twice: postgresSource('db', 'shop'),
          ...Object.fromEntries(
            MANY.map((name) => [name, { ...postgresSource('db', 'shop'), storages: ['local'], pod: { scratch: { size: '256Mi' } } }]),
          ),
          'no-turn': { ...postgresSource('db', 'shop', { throttleDatabase: 'held' }), throttle: { perServer: 2, wait: '1s' } },
        },
      };
    },
    { sql: SMALL_SQL + incompressible('noise', 40) },
  );
});

afterAll(() => world?.end());

describe('two runs of one source at once', () => {
  let ends: readonly JobEnd[];
  let stored: { readonly local: Stored; readonly offsite: Stored };

  beforeAll(async () => {
    const jobs = await Promise.all([world.start('twice'), world.start('twice')]);
    ends = await Promise.all(jobs.map((job) => endOf(world.namespace, job, 240)));
    stored = await world.stored();
  });

  test('store both backups under names of their own, and neither touches the other', () => {
    expect(ends.map(verdict)).toEqual([expect.stringMatching(/^complete/), expect.stringMatching(/^complete/)]);
    const names = ends.map(({ lastWords }) => lastWords.name).toSorted();
    expect(new Set(names).size).toBe(2);
    for (const storage of [stored.local, stored.offsite]) {
      expect(runsIn(storage, 'twice/daily').map(({ name, broken }) => ({ name, broken }))).toEqual(names.map((name) => ({ name, broken: [] })));
    }
  });

  test('share a ReadWriteOnce claim at the same time', async () => {
    const spans = await Promise.all(
      ends.map(async ({ name }) => {
        const [pod] = await podsOf(world.namespace, name);
        const times = statusesOf(pod).map(({ state }) => state.terminated);
        return [Date.parse(times[0].startedAt), Date.parse(times.at(-1).finishedAt)] as const;
      }),
    );
    const [[start1 = 0, end1 = 0] = [], [start2 = 0, end2 = 0] = []] = spans;
    expect(Math.max(start1, start2)).toBeLessThan(Math.min(end1, end2));
  });
});

test('six backups of one server run three at a time, and all get their turn', async () => {
  const jobs = await Promise.all(MANY.map((name) => world.start(name)));
  let most = 0;
  let watching = true;
  const watch = (async () => {
    while (watching) most = Math.max(most, (await world.db.traces()).slots);
  })();
  const ends = await Promise.all(jobs.map((job) => endOf(world.namespace, job, 240)));
  watching = false;
  await watch;
  expect(ends.map(verdict)).toEqual(MANY.map(() => expect.stringMatching(/^complete/)));
  expect(most).toBe(3);
  const { local } = await world.stored();
  const throttles = MANY.map((name) => runsIn(local, `${name}/daily`)[0]?.manifest.parts[0].throttle);
  expect(new Set(throttles.map(({ slot }) => slot))).toEqual(new Set([1, 2, 3]));
  expect(throttles.filter(({ waitedSeconds }) => waitedSeconds > 0).length).toBeGreaterThan(0);
  expect((await world.db.traces()).slots).toBe(0);
});

test('a backup that gets no turn gives up with 75, and hints at how to get one', async () => {
  const holder = world.db
    .sql(`select pg_advisory_lock(${THROTTLE_LOCK}, n) from generate_series(1, 2) n; select pg_sleep(3600)`, 'held')
    .catch(() => {});
  const end = await world.run('no-turn');
  expect(verdict(end)).toMatch(/^failed: take-postgres 75: 2 backups of db:5432 are still running/);
  expect(end.lastWords.hint).toContain('throttle');
  await world.db.sql(`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'`);
  await holder;
});
