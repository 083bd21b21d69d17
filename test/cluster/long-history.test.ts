import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresSource } from '../support/cluster/backups.ts';
import type { JobEnd } from '../support/cluster/job.ts';
import { apply, type Json } from '../support/cluster/kubectl.ts';
import { seedRuns, stampOf } from '../support/cluster/seed.ts';
import { runsIn, strayIn } from '../support/cluster/stored.ts';
import { startWorld, verdict, type World } from '../support/cluster/world.ts';

const DAY = 86_400;
const now = Math.floor(Date.now() / 1000);

const source = (keep: Json) => ({ ...postgresSource('db', 'shop', { credentials: { secret: 'role' } }), storages: ['offsite'], keep });

let world: World;

beforeAll(async () => {
  world = await startWorld('history', async ({ namespace, db }) => {
    await apply(role(namespace, db.password));
    return {
      sources: {
        many: source({ last: 5, atMostDeleted: 100 }),
        careful: source({ last: 5 }),
        week: source({ daily: 3 }),
        early: source({ last: 2 }),
      },
    };
  });
});

afterAll(() => world?.end());

const runs = (name: string) => runsIn(world.inBucket(), `${name}/daily`);

/** A run with a wrong clock. */
const runAt = (name: string, seconds: number) =>
  world.run(name, ({ spec: { template } }) => {
    for (const { env } of [...template.spec.initContainers, ...template.spec.containers]) env.push({ name: 'NOW', value: String(seconds) });
  });

describe('a folder of 1,500 objects', () => {
  beforeAll(async () => {
    const times = Array.from({ length: 500 }, (_, hours) => now - (hours + 1) * 3600);
    await Promise.all([seedRuns(world, 'many', times), seedRuns(world, 'careful', times)]);
  });

  test('is read to its end and pruned to what retention keeps, with nothing left of the pruned backups', async () => {
    expect(runs('many')).toHaveLength(500);
    const end = await world.run('many');
    expect(verdict(end)).toMatch(/^complete/);
    expect(end.lastWords).toMatchObject({ pruned: 496, warnings: [] });
    const left = runs('many');
    expect(left.map(({ name }) => name.slice(0, 15))).toEqual([
      ...[4, 3, 2, 1].map((hours) => stampOf(now - hours * 3600)),
      end.lastWords.name.slice(0, 15),
    ]);
    expect(left.flatMap(({ broken }) => broken)).toEqual([]);
    expect(strayIn(world.inBucket(), 'many/daily')).toEqual([]);
  });

  test('loses nothing when one run would delete more than half: the run succeeds and says so', async () => {
    const end = await world.run('careful');
    expect(verdict(end)).toMatch(/^complete/);
    expect(end.lastWords).toMatchObject({ pruned: 0, warnings: [expect.stringContaining('496 of 501')] });
    expect(runs('careful')).toHaveLength(501);
  });
});

describe('seven days of failures', () => {
  const start = now - 10 * DAY;

  test('delete nothing, and the next success counts only days that have a backup', async () => {
    const good: JobEnd[] = [];
    for (const day of [0, 1, 2]) good.push(await runAt('week', start + day * DAY));
    expect(good.map(verdict)).toEqual(good.map(() => expect.stringMatching(/^complete/)));
    const before = runs('week').map(({ name }) => name);
    expect(before).toEqual(good.map(({ lastWords }) => lastWords.name));

    await apply(role(world.namespace, 'wrong'));
    const failed = await Promise.all([3, 4, 5, 6, 7, 8, 9].map((day) => runAt('week', start + day * DAY)));
    expect(failed.map(verdict)).toEqual(failed.map(() => expect.stringMatching(/^failed: take-postgres 77/)));
    expect(runs('week').map(({ name }) => name)).toEqual(before);

    await apply(role(world.namespace, world.db.password));
    const healed = await runAt('week', start + 10 * DAY);
    expect(verdict(healed)).toMatch(/^complete/);
    // keep: { daily: 3 } keeps the newest three days that have a backup, and at least three backups.
    expect(runs('week').map(({ name }) => name)).toEqual([...before.slice(1), healed.lastWords.name]);
    expect(runs('week').flatMap(({ broken }) => broken)).toEqual([]);
  });
});

describe('a clock that is off by more than an hour', () => {
  test('a backup from the future stays, is reported, and does not serve as the anchor', async () => {
    const ends = [await runAt('early', now - 3 * DAY), await runAt('early', now - 2 * DAY)];
    const future = await runAt('early', now + 2 * 3600);
    expect([...ends, future].map(verdict)).toEqual([1, 2, 3].map(() => expect.stringMatching(/^complete/)));
    const end = await world.run('early');
    expect(verdict(end)).toMatch(/^complete/);
    expect(end.lastWords.warnings).toEqual([expect.stringMatching(/future/)]);
    const kept = runs('early').map(({ name }) => name);
    expect(kept).toContain(future.lastWords.name);
    // last: 2, not counting those from the future.
    expect(kept).toEqual([ends[1]?.lastWords.name, end.lastWords.name, future.lastWords.name].toSorted());
  });

  test('a run with a clock an hour behind deletes no good backup', async () => {
    const before = runs('early').map(({ name }) => name);
    const end = await runAt('early', now - 3600);
    expect(verdict(end)).toMatch(/^complete/);
    const after = runs('early').map(({ name }) => name);
    expect(after).toContain(before.filter((name) => name.slice(0, 15) <= stampOf(Math.floor(Date.now() / 1000))).at(-1));
    expect(after).toContain(end.lastWords.name);
    expect(runs('early').flatMap(({ broken }) => broken)).toEqual([]);
  });
});

function role(namespace: string, password: string): Json {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'role', namespace }, stringData: { username: 'postgres', password } };
}
