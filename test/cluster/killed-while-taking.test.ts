import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claim, postgresSource } from '../support/cluster/backups.ts';
import { startDesk } from '../support/cluster/desk.ts';
import { endOf, type JobEnd } from '../support/cluster/job.ts';
import { kill, logged } from '../support/cluster/kill.ts';
import { apply, type Json } from '../support/cluster/kubectl.ts';
import { incompressible, THROTTLE_LOCK } from '../support/cluster/postgres.ts';
import { runsIn, strayIn } from '../support/cluster/stored.ts';
import { until } from '../support/cluster/until.ts';
import { SMALL_SQL, startWorld, verdict, type World } from '../support/cluster/world.ts';

const APP_USER = 1000;

interface Step {
  readonly source: Json;
  /** What the log says when the step is under way. */
  readonly underway: RegExp;
}

/** Little of a processor: a step takes long enough to be met, without much data. A step that waits anyway needs none of it. */
const SLOW = { scratch: { size: '256Mi' }, resources: { limits: { cpu: '150m', memory: '512Mi' } } };
const database = (over: Json = {}, more: Json = {}) => ({ ...postgresSource('db', 'shop', over), ...more });

/** Each step of `take`, by a source of its own that is slow there. */
const STEPS: Readonly<Record<string, Step>> = {
  preflight: { source: database({ port: 5433, wait: '5m' }), underway: /waiting for db:5433/ },
  throttle: { source: database({ throttleDatabase: 'held' }, { throttle: { perServer: 1 } }), underway: /waiting up to/ },
  dump: { source: database({}, { pod: SLOW }), underway: /slot \d of/ },
  verify: { source: database({}, { pod: SLOW }), underway: /\.dump has / },
  archive: {
    source: { volume: { claim: 'app-data', nextTo: { app: 'web' } }, pod: { runAsUser: APP_USER, ...SLOW } },
    underway: /writing a tar/,
  },
};
const NAMES = Object.keys(STEPS);
const containerOf = (name: string) => (name === 'archive' ? 'take-volume' : 'take-postgres');

let world: World;

beforeAll(async () => {
  world = await startWorld(
    'killed-take',
    async ({ namespace, db }) => {
      await db.sql('create database held');
      await apply(claim(namespace, 'app-data'));
      const app = await startDesk(namespace, { name: 'app', claims: ['app-data'], user: APP_USER, labels: { app: 'web' } });
      await app.sh('dd if=/dev/urandom of=/claims/app-data/noise bs=1M count=50 status=none');
      return { sources: Object.fromEntries(NAMES.map((name) => [name, STEPS[name]?.source])) };
    },
    { sql: SMALL_SQL + incompressible('noise', 25) },
  );
  // Holds the only slot of one source for as long as the server lives.
  world.db.sql(`select pg_advisory_lock(${THROTTLE_LOCK}, 1), pg_sleep(3600)`, 'held').catch(() => {});
});

afterAll(() => world?.end());

describe.each(['TERM', 'KILL'] as const)('take, stopped by %s', (signal) => {
  let ends: Readonly<Record<string, JobEnd>>;

  beforeAll(async () => {
    ends = Object.fromEntries(await Promise.all(NAMES.map(async (name) => [name, await killAt(name, signal)] as const)));
  });

  test.each(NAMES)('at %s: the run fails, and publish never starts', (name) => {
    const end = ends[name] as JobEnd;
    expect(end.complete).toBe(false);
    expect(end.statuses).toEqual({ [containerOf(name)]: signal === 'KILL' ? 137 : 70 });
    if (signal === 'TERM') expect(end.lastWords).toMatchObject({ status: 70, reason: expect.stringContaining('stopped by TERM') });
  });

  test('stores nothing', async () => {
    const { local, offsite } = await world.stored();
    for (const name of NAMES) {
      for (const stored of [local, offsite]) {
        expect(runsIn(stored, `${name}/daily`), name).toEqual([]);
        expect(strayIn(stored, `${name}/daily`), name).toEqual([]);
      }
    }
  });

  test('leaves no session and no slot on the server', async () => {
    // One slot is held by the test itself.
    await until('no trace of a backup', 30, async () => {
      const traces = await world.db.traces();
      expect(traces).toEqual({ sessions: 0, slots: 1 });
      return true;
    });
  });
});

test('the next runs succeed', async () => {
  const healthy = ['dump', 'verify', 'archive'];
  const ends = await Promise.all(healthy.map((name) => world.run(name)));
  expect(ends.map(verdict)).toEqual(healthy.map(() => expect.stringMatching(/^complete/)));
  const { local, offsite } = await world.stored();
  for (const name of healthy) {
    for (const stored of [local, offsite]) expect(runsIn(stored, `${name}/daily`)).toMatchObject([{ broken: [] }]);
  }
});

async function killAt(name: string, signal: 'TERM' | 'KILL'): Promise<JobEnd> {
  const container = containerOf(name);
  const job = await world.start(name);
  const pod = await logged(world.namespace, job, container, STEPS[name]?.underway ?? /./);
  await kill(world.namespace, pod, container, signal);
  return endOf(world.namespace, job);
}
