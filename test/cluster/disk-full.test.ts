import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claim, postgresSource } from '../support/cluster/backups.ts';
import { startDesk } from '../support/cluster/desk.ts';
import type { JobEnd } from '../support/cluster/job.ts';
import { logged } from '../support/cluster/kill.ts';
import { apply, exec, onTestBed, read } from '../support/cluster/kubectl.ts';
import { incompressible } from '../support/cluster/postgres.ts';
import { inClaim, runsIn, type Stored, strayIn } from '../support/cluster/stored.ts';
import { until } from '../support/cluster/until.ts';
import { BACKUP_GROUP, SMALL_SQL, startWorld, verdict, type World } from '../support/cluster/world.ts';

const scratch = (size: string) => ({ pod: { scratch: { size } } });

let world: World;

beforeAll(async () => {
  world = await startWorld('disk-full', async ({ namespace, db }) => {
    await apply(claim(namespace, 'tiny', 'immediate'));
    await db.sql('create database large');
    await db.sql(SMALL_SQL + incompressible('noise', 40), 'large');
    return {
      storages: { tiny: { pvc: { claim: 'tiny' } } },
      sources: {
        growing: { ...postgresSource('db', 'shop'), storages: ['tiny', 'offsite'] },
        refused: { ...postgresSource('db', 'large', { dump: { compression: 'none' } }), ...scratch('8Mi') },
        overflowing: { ...postgresSource('db', 'large'), ...scratch('16Mi') },
        evicted: { ...postgresSource('db', 'shop', { port: 5433, wait: '5m' }), ...scratch('16Mi') },
      },
    };
  });
});

afterAll(() => world?.end());

// Only its backing file system limits a claim, so the test mounts a small one.
describe.runIf(onTestBed)('a claim without room', () => {
  let look: () => Promise<Stored>;
  let unmount: () => void;

  beforeAll(async () => {
    const volume = await until(
      'the claim bound',
      60,
      async () => (await read(`/api/v1/namespaces/${world.namespace}/persistentvolumeclaims/tiny`))?.spec.volumeName,
    );
    const folder = `/var/lib/backstay-testbed/volumes/${volume}`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=777', 'tmpfs', folder]);
    unmount = () => execFileSync('umount', ['-l', folder]);
    const desk = await startDesk(world.namespace, { name: 'tiny', claims: ['tiny'], fsGroup: BACKUP_GROUP });
    look = () => inClaim(desk, 'tiny');
  });

  afterAll(() => unmount?.());

  test('the run fails with 73, removes its partial file and keeps the good backups', async () => {
    const good = await world.run('growing');
    expect(verdict(good)).toMatch(/^complete/);
    const before = await look();
    await world.db.sql(incompressible('noise', 6), 'shop');

    const full = await world.run('growing');
    expect(verdict(full)).toMatch(/^failed: take-postgres 0, publish 73: storage tiny: no room/);
    expect(full.lastWords.hint).toContain('enlarge the storage, or keep fewer backups');
    expect(full.reason).toBe('PodFailurePolicy');
    const after = await look();
    expect([...after.keys()]).toEqual([...before.keys()]);
    expect(strayIn(after, 'growing/daily')).toEqual([]);
    expect(runsIn((await world.stored()).offsite, 'growing/daily')).toMatchObject([{ broken: [] }, { name: full.lastWords.name, broken: [] }]);

    await world.db.sql('drop table noise', 'shop');
    const healed = await world.run('growing');
    expect(verdict(healed)).toMatch(/^complete/);
    expect(runsIn(await look(), 'growing/daily')).toMatchObject([{ broken: [] }, { name: healed.lastWords.name, broken: [] }]);
  });
});

describe('scratch without room', () => {
  let refused: JobEnd;
  let overflowing: JobEnd;

  beforeAll(async () => {
    [refused, overflowing] = await Promise.all([world.run('refused'), world.run('overflowing')]);
  });

  test('a dump that cannot fit is refused before it starts, with 73', () => {
    expect(verdict(refused)).toMatch(/^failed: take-postgres 73: the tables have .* of scratch space is free/);
    expect(refused.lastWords).toMatchObject({ phase: 'preflight', hint: 'give the run more scratch space: pod.scratch.size' });
  });

  test('a dump that outgrows it is a write error with 73, no silent eviction', () => {
    expect(verdict(overflowing)).toMatch(/^failed: take-postgres 73: pg_dump ended with status \d+: .*(File too large|No space left)/);
    expect(overflowing.pods).toMatchObject([{ phase: 'Failed', reason: undefined }]);
  });

  test('neither leaves anything in a storage, and neither is retried', async () => {
    expect([refused.reason, overflowing.reason]).toEqual(['PodFailurePolicy', 'PodFailurePolicy']);
    const { local, offsite } = await world.stored();
    for (const folder of ['refused/daily', 'overflowing/daily']) {
      for (const stored of [local, offsite]) expect([runsIn(stored, folder), strayIn(stored, folder)]).toEqual([[], []]);
    }
  });

  test('when something else fills it, the pod is evicted and stores no backup', async () => {
    const job = await world.start('evicted');
    const pod = await logged(world.namespace, job, 'take-postgres', /waiting for db:5433/);
    await exec(world.namespace, pod.metadata.name, 'head -c 200000000 /dev/zero >/work/foreign', 'take-postgres');
    const gone = await until('the eviction', 90, async () => {
      const now = await read(`/api/v1/namespaces/${world.namespace}/pods/${pod.metadata.name}`);
      return now?.status.phase === 'Failed' ? now : undefined;
    });
    expect(gone.status).toMatchObject({ reason: 'Evicted', message: expect.stringContaining('limit') });
    const { local, offsite } = await world.stored();
    for (const stored of [local, offsite]) expect(runsIn(stored, 'evicted/daily')).toEqual([]);
  });
});
