import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresSource } from '../support/cluster/backups.ts';
import { endOf } from '../support/cluster/job.ts';
import { kubectl, read } from '../support/cluster/kubectl.ts';
import { runsIn } from '../support/cluster/stored.ts';
import { until } from '../support/cluster/until.ts';
import { startWorld, verdict, type World } from '../support/cluster/world.ts';

/** An odd offset without daylight saving time, which could skip the minute and so be refused. */
const ZONE = 'Asia/Kathmandu';

let world: World;
/** The minute at which the CronJob must fire. */
let due: Date;

beforeAll(async () => {
  world = await startWorld('schedule', () => {
    // Late enough for the apply to be done.
    due = new Date((Math.floor(Date.now() / 60_000) + 2) * 60_000);
    const minute = new Intl.DateTimeFormat('en-GB', { timeZone: ZONE, minute: 'numeric' }).format(due);
    const hour = new Intl.DateTimeFormat('en-GB', { timeZone: ZONE, hour: 'numeric', hourCycle: 'h23' }).format(due);
    return {
      timeZone: ZONE,
      sources: {
        shop: { ...postgresSource('db', 'shop'), tiers: { daily: { schedule: `${Number(minute)} ${Number(hour)} * * *` } } },
        late: { ...postgresSource('db', 'shop', { port: 5433, wait: '5m' }), job: { deadline: '15s' } },
      },
    };
  });
});

afterAll(() => world?.end());

test('one kubectl command starts a manual run', async () => {
  await kubectl(['create', 'job', '-n', world.namespace, 'by-hand', '--from=cronjob/backup-shop-daily']);
  const end = await endOf(world.namespace, 'by-hand');
  expect(verdict(end)).toMatch(/^complete/);
  expect(runsIn((await world.stored()).offsite, 'shop/daily')[0]?.manifest).toMatchObject({ job: 'by-hand', pod: end.pods[0]?.name });
});

describe('a run past its deadline', () => {
  test('fails, and keeps its pod, log and last words', async () => {
    const end = await world.run('late');
    expect(end.complete).toBe(false);
    expect(end.pods).toMatchObject([{ phase: 'Failed', reason: 'DeadlineExceeded' }]);
    expect(end.lastWords).toMatchObject({ status: 70, reason: expect.stringContaining('past its deadline') });
    expect(end.log).toContain('waiting for db:5433');
  });
});

test('the CronJob fires at its minute, in its time zone', async () => {
  const job = await until('the Job of the CronJob', 150, async () => {
    const { items } = await read(`/apis/batch/v1/namespaces/${world.namespace}/jobs`);
    return items.find(({ metadata }: { metadata: { name: string } }) => /^backup-shop-daily-\d+$/.test(metadata.name));
  });
  expect(job.metadata.annotations['batch.kubernetes.io/cronjob-scheduled-timestamp']).toBe(localIso(due));
  const end = await endOf(world.namespace, job.metadata.name);
  expect(verdict(end)).toMatch(/^complete/);
  const start = Date.parse(runsIn((await world.stored()).offsite, 'shop/daily').at(-1)?.manifest.start);
  expect(start).toBeGreaterThanOrEqual(due.getTime());
  expect(start).toBeLessThan(due.getTime() + 60_000);
});

/** With the zone's offset, as the controller writes it: 2026-11-22T02:31:00+05:45. */
function localIso(date: Date): string {
  const parts = new Intl.DateTimeFormat('sv-SE', { timeZone: ZONE, dateStyle: 'short', timeStyle: 'medium' }).format(date).replace(' ', 'T');
  const offset = new Intl.DateTimeFormat('en-GB', { timeZone: ZONE, timeZoneName: 'longOffset' })
    .formatToParts(date)
    .find(({ type }) => type === 'timeZoneName');
  return `${parts}${offset?.value.replace('GMT', '')}`;
}
