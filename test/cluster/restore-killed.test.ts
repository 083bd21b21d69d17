import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Application, startApplication } from '../support/cluster/application.ts';
import { claim, postgresSource } from '../support/cluster/backups.ts';
import { commandLine } from '../support/cluster/command-line.ts';
import { startDesk } from '../support/cluster/desk.ts';
import { endOf, type JobEnd } from '../support/cluster/job.ts';
import { kill, logged, running } from '../support/cluster/kill.ts';
import { apply, type Json, kubectl } from '../support/cluster/kubectl.ts';
import { startWorld, verdict, type World } from '../support/cluster/world.ts';

/** A moment of a restore, and how it ends there: a container is killed, or the whole pod is taken away. */
interface Blow {
  readonly source: string;
  readonly container: string;
  /** What its log says by then. @default - it runs */
  readonly says?: string;
  readonly by: 'TERM' | 'KILL' | 'delete';
}

const OF_A_DATABASE: readonly Blow[] = [
  { source: 'stopping', container: 'guard', says: 'stops deployment', by: 'KILL' },
  { source: 'safety', container: 'take-postgres', by: 'KILL' },
  { source: 'publish', container: 'publish', says: 'begins', by: 'KILL' },
  { source: 'loading', container: 'restore-postgres', says: 'loading into', by: 'KILL' },
  { source: 'loading-term', container: 'restore-postgres', says: 'loading into', by: 'TERM' },
  { source: 'loading-gone', container: 'restore-postgres', says: 'loading into', by: 'delete' },
  { source: 'swapping', container: 'restore-postgres', says: 'is restored and checked', by: 'KILL' },
  { source: 'starting', container: 'guard', says: 'phase: Starting', by: 'KILL' },
];

const OF_A_VOLUME: readonly Blow[] = [
  { source: 'unpacking', container: 'restore-volume', says: 'unpacking', by: 'KILL' },
  { source: 'moving', container: 'restore-volume', says: 'swapping files', by: 'KILL' },
  { source: 'moving-term', container: 'restore-volume', says: 'swapping files', by: 'TERM' },
  { source: 'moving-gone', container: 'restore-volume', says: 'swapping files', by: 'delete' },
];

const GOODS = `create table goods as select n, md5(n::text) as name, repeat('x', 200) as more from generate_series(1, 60000) n;
create index on goods (name); create index on goods (more, n);`;

/** How many files there are in a volume that is all new, or all old: without `d1*`, and with one more. */
const NEW_FILES = 301;
const OLD_FILES = NEW_FILES - 111 + 1;

let world: World;
const applications = new Map<string, Application>();

beforeAll(async () => {
  world = await startWorld('restore-killed', async ({ namespace, db }) => {
    for (const { source } of OF_A_DATABASE) await db.sql(`create database "${source}"`).then(() => db.sql(GOODS, source));
    for (const { source } of OF_A_VOLUME) await apply(claim(namespace, source));
    await Promise.all(
      [...OF_A_DATABASE, ...OF_A_VOLUME].map(async ({ source }) => {
        const more = OF_A_VOLUME.some((blow) => blow.source === source) ? { claim: source } : {};
        applications.set(source, await startApplication(namespace, { name: `app-${source}`, user: 999, ...more }));
      }),
    );
    return {
      defaults: { job: { backoffLimit: 3 }, throttle: { perServer: 8 } },
      sources: {
        ...Object.fromEntries(
          OF_A_DATABASE.map(({ source }) => [source, postgresSource('db', source, { admin: { credentials: { secret: 'db' } } })]),
        ),
        ...Object.fromEntries(OF_A_VOLUME.map(({ source }) => [source, { volume: { claim: source, nextTo: { app: `app-${source}` } } }])),
      },
    };
  });
  for (const { source } of OF_A_VOLUME) await onDesk(source, 'for n in $(seq 300); do mkdir -p d$n; echo good >d$n/file; done; echo good >file');
  const ends = await twoAtATime([...OF_A_DATABASE, ...OF_A_VOLUME], ({ source }) => world.run(source));
  expect(ends.map(verdict)).toEqual(ends.map(() => expect.stringMatching(/^complete/)));
}, 900_000);

afterAll(() => world?.end());

async function twoAtATime<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<readonly Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const lane = async () => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all([lane(), lane()]);
  return results;
}

async function onDesk(source: string, script: string): Promise<string> {
  const desk = await startDesk(world.namespace, { name: `desk-${source}`, claims: [source] });
  try {
    return await desk.sh(`cd /claims/${source}; ${script}`);
  } finally {
    await kubectl(['delete', 'pod', `desk-${source}`, '-n', world.namespace, '--wait=true']);
  }
}

/** A restore in place as a user prints and applies it; the blow falls at its moment; then the Job goes on by itself. */
async function struck({ source, container, says, by }: Blow): Promise<JobEnd> {
  const target = `test/${source}`;
  const argv = ['restore', target, '--in-place', '--confirm', target, '--scale-down', `deployment/app-${source}`];
  const { status, stdout, stderr } = await commandLine(world.dist)(argv);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const file = join(world.dist, `${source}.restore.yaml`);
  writeFileSync(file, stdout);
  // The scripts are one ConfigMap for all of them: of two that make it at once, one is told that it is there already.
  await kubectl(['apply', '-f', file]).catch(() => kubectl(['apply', '-f', file]));
  const job = /^ {2}name: (restore-\S+)$/m.exec(stdout.slice(stdout.lastIndexOf('kind: Job')))?.[1] ?? '';
  const pod: Json = says === undefined ? await running(world.namespace, job, container) : await logged(world.namespace, job, container, says);
  if (by === 'delete') await kubectl(['delete', 'pod', '-n', world.namespace, pod.metadata.name, '--wait=false', '--grace-period=0', '--force']);
  else await kill(world.namespace, pod, container, by);
  return endOf(world.namespace, job, 280);
}

/** The manifests of the backups that went before the restore of each, in the storage that they go to. */
async function putAside(blows: readonly Blow[]): Promise<readonly (readonly [string, readonly Json[]])[]> {
  const files = [...(await world.stored()).local];
  return blows.map(({ source }) => {
    const manifests = files.filter(([path]) => path.startsWith(`${source}/pre-restore/`) && path.endsWith('.manifest.json'));
    return [source, manifests.map(([, { text }]) => JSON.parse(text ?? ''))];
  });
}

/** Each was backed up, and not more often than it was tried: of the attempts one is gone where its pod was taken away. */
function expectPutAside(blows: readonly Blow[], aside: Awaited<ReturnType<typeof putAside>>, ends: readonly JobEnd[]): void {
  const attempts = ends.map(({ pods }, index) => pods.length + (blows[index]?.by === 'delete' ? 1 : 0));
  const found = aside.map(([source, { length }], index) => [source, length >= 1 && length <= (attempts[index] ?? 0) ? 'backed up' : length]);
  expect(found, JSON.stringify(attempts)).toEqual(aside.map(([source]) => [source, 'backed up']));
}

describe('a database, with the restore killed at every phase', () => {
  let ends: readonly JobEnd[];

  beforeAll(async () => {
    for (const { source } of OF_A_DATABASE) await world.db.sql(`delete from goods where n > 10; insert into goods values (-1, 'old', '')`, source);
    ends = await twoAtATime(OF_A_DATABASE, struck);
  }, 900_000);

  test.each(OF_A_DATABASE.map((blow, index) => [`${blow.container} ${blow.says ?? 'runs'}, ${blow.by}`, blow, index] as const))(
    '%s: ends with the old data or the new, and the application runs again',
    async (_, { source }, index) => {
      const end = ends[index];
      const rows = (await world.db.sql(`select count(*), min(n) from goods`, source)).trim();
      expect(['11|-1', '60000|1'], end?.log).toContain(rows);
      if (end?.complete) expect(rows).toBe('60000|1');
      expect(await applications.get(source)?.state(), end?.log).toEqual({ replicas: 1, available: 1, annotations: [] });
    },
  );

  test('the Job goes on by itself to the new data', () => {
    const failed = OF_A_DATABASE.filter((_, index) => !ends[index]?.complete).map(({ source }) => source);
    expect(failed, ends.map(verdict).join('\n')).toEqual([]);
  });

  test('what was live is backed up, and once more by an attempt before which the application ran again', async () => {
    const aside = await putAside(OF_A_DATABASE);
    expectPutAside(OF_A_DATABASE, aside, ends);
    const loading = OF_A_DATABASE.findIndex(({ source }) => source === 'loading');
    expect(ends[loading]?.pods.length).toBeGreaterThan(1);
    expect(aside[loading]?.[1]).toHaveLength(ends[loading]?.pods.length ?? 0);
  });

  test('leaves no half-restored database behind', async () => {
    expect(await world.db.sql(`select datname from pg_database where datname like '%restored%'`)).toBe('');
  });
});

describe('a volume, with the restore killed at every phase', () => {
  let ends: readonly JobEnd[];

  beforeAll(async () => {
    await Promise.all(OF_A_VOLUME.map(({ source }) => onDesk(source, 'rm -r d1*; echo bad >file; echo bad >d2/file; echo extra >extra')));
    ends = await twoAtATime(OF_A_VOLUME, struck);
  }, 900_000);

  test.each(OF_A_VOLUME.map((blow, index) => [`${blow.says}, ${blow.by}`, blow, index] as const))(
    '%s: ends with the old data or the new, and the application runs again',
    async (_, { source }, index) => {
      const end = ends[index];
      const found = (await onDesk(source, `cat file d2/file; ls -d d* | wc -l; ls extra 2>/dev/null || echo none`)).trim().split(/\s+/);
      expect([['bad', 'bad', '189', 'extra'].join(), ['good', 'good', '300', 'none'].join()], end?.log).toContain(found.join());
      if (end?.complete) expect(found[0]).toBe('good');
      expect(await applications.get(source)?.state(), end?.log).toEqual({ replicas: 1, available: 1, annotations: [] });
    },
  );

  test('what was live is backed up, and never when half of it had changed places', async () => {
    const aside = await putAside(OF_A_VOLUME);
    expectPutAside(OF_A_VOLUME, aside, ends);
    const counts = aside.flatMap(([, manifests]) => manifests.map(({ parts }) => parts[0].volume.files));
    expect(
      counts.filter((count) => count !== OLD_FILES && count !== NEW_FILES),
      JSON.stringify(counts),
    ).toEqual([]);
  });

  test('the Job goes on by itself to the new files', () => {
    expect(ends.map(verdict)).toEqual(OF_A_VOLUME.map(() => expect.stringMatching(/^complete/)));
  });
});
