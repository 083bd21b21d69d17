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

/** A moment of a restore, and what happens to it then: a container is killed, or the whole pod is deleted. */
interface Interruption {
  readonly source: string;
  readonly container: string;
  /** What its log says by then. @default - the container runs */
  readonly says?: string;
  readonly by: 'TERM' | 'KILL' | 'delete';
}

const OF_A_DATABASE: readonly Interruption[] = [
  { source: 'stopping', container: 'guard', says: 'stopping deployment', by: 'KILL' },
  { source: 'safety', container: 'take-postgres', by: 'KILL' },
  { source: 'publish', container: 'publish', says: 'starting', by: 'KILL' },
  { source: 'loading', container: 'restore-postgres', says: 'loading into', by: 'KILL' },
  { source: 'loading-term', container: 'restore-postgres', says: 'loading into', by: 'TERM' },
  { source: 'loading-gone', container: 'restore-postgres', says: 'loading into', by: 'delete' },
  { source: 'swapping', container: 'restore-postgres', says: 'is restored and checked', by: 'KILL' },
  { source: 'starting', container: 'guard', says: 'phase: Starting', by: 'KILL' },
];

const OF_A_VOLUME: readonly Interruption[] = [
  { source: 'unpacking', container: 'restore-volume', says: 'unpacking', by: 'KILL' },
  { source: 'moving', container: 'restore-volume', says: 'swapping files', by: 'KILL' },
  { source: 'moving-term', container: 'restore-volume', says: 'swapping files', by: 'TERM' },
  { source: 'moving-gone', container: 'restore-volume', says: 'swapping files', by: 'delete' },
];

const GOODS = `create table goods as select n, md5(n::text) as name, repeat('x', 200) as more from generate_series(1, 60000) n;
create index on goods (name); create index on goods (more, n);`;

/** Number of files in a volume that is all new or all old. Old means without `d1*` and with one more file. */
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
        const more = OF_A_VOLUME.some((interruption) => interruption.source === source) ? { claim: source } : {};
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

/** Prints and applies a restore in place, as a user does, interrupts it, and leaves the rest to the Job. */
async function interrupted({ source, container, says, by }: Interruption): Promise<JobEnd> {
  const target = `test/${source}`;
  const argv = ['restore', target, '--in-place', '--confirm', target, '--scale-down', `deployment/app-${source}`];
  const { status, stdout, stderr } = await commandLine(world.dist)(argv);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const file = join(world.dist, `${source}.restore.yaml`);
  writeFileSync(file, stdout);
  // All restores share the ConfigMap of the scripts. If two create it at once, one gets AlreadyExists and tries again.
  await kubectl(['apply', '-f', file]).catch(() => kubectl(['apply', '-f', file]));
  const job = /^ {2}name: (restore-\S+)$/m.exec(stdout.slice(stdout.lastIndexOf('kind: Job')))?.[1] ?? '';
  const pod: Json = says === undefined ? await running(world.namespace, job, container) : await logged(world.namespace, job, container, says);
  if (by === 'delete') await kubectl(['delete', 'pod', '-n', world.namespace, pod.metadata.name, '--wait=false', '--grace-period=0', '--force']);
  else await kill(world.namespace, pod, container, by);
  return endOf(world.namespace, job, 280);
}

/** Manifests of the safety backups of each source, from the storage that holds them. */
async function safetyBackups(interruptions: readonly Interruption[]): Promise<readonly (readonly [string, readonly Json[]])[]> {
  const files = [...(await world.stored()).local];
  return interruptions.map(({ source }) => {
    const manifests = files.filter(([path]) => path.startsWith(`${source}/pre-restore/`) && path.endsWith('.manifest.json'));
    return [source, manifests.map(([, { text }]) => JSON.parse(text ?? ''))];
  });
}

/** Each source has a safety backup, and at most one per attempt. The pod of an attempt is gone where it was deleted. */
function expectSafetyBackups(
  interruptions: readonly Interruption[],
  aside: Awaited<ReturnType<typeof safetyBackups>>,
  ends: readonly JobEnd[],
): void {
  const attempts = ends.map(({ pods }, index) => pods.length + (interruptions[index]?.by === 'delete' ? 1 : 0));
  const found = aside.map(([source, { length }], index) => [source, length >= 1 && length <= (attempts[index] ?? 0) ? 'backed up' : length]);
  expect(found, JSON.stringify(attempts)).toEqual(aside.map(([source]) => [source, 'backed up']));
}

describe('a database, with the restore killed at every phase', () => {
  let ends: readonly JobEnd[];

  beforeAll(async () => {
    for (const { source } of OF_A_DATABASE) await world.db.sql(`delete from goods where n > 10; insert into goods values (-1, 'old', '')`, source);
    ends = await twoAtATime(OF_A_DATABASE, interrupted);
  }, 900_000);

  test.each(
    OF_A_DATABASE.map(
      (interruption, index) => [`${interruption.container} ${interruption.says ?? 'runs'}, ${interruption.by}`, interruption, index] as const,
    ),
  )('%s: ends with the old data or the new data, and the application runs again', async (_, { source }, index) => {
    const end = ends[index];
    const rows = (await world.db.sql(`select count(*), min(n) from goods`, source)).trim();
    expect(['11|-1', '60000|1'], end?.log).toContain(rows);
    if (end?.complete) expect(rows).toBe('60000|1');
    expect(await applications.get(source)?.state(), end?.log).toEqual({ replicas: 1, available: 1, annotations: [] });
  });

  test('the Job itself finishes with the new data', () => {
    const failed = OF_A_DATABASE.filter((_, index) => !ends[index]?.complete).map(({ source }) => source);
    expect(failed, ends.map(verdict).join('\n')).toEqual([]);
  });

  test('the live data has a safety backup, and another one where the application ran between attempts', async () => {
    const aside = await safetyBackups(OF_A_DATABASE);
    expectSafetyBackups(OF_A_DATABASE, aside, ends);
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
    ends = await twoAtATime(OF_A_VOLUME, interrupted);
  }, 900_000);

  test.each(OF_A_VOLUME.map((interruption, index) => [`${interruption.says}, ${interruption.by}`, interruption, index] as const))(
    '%s: ends with the old data or the new data, and the application runs again',
    async (_, { source }, index) => {
      const end = ends[index];
      const found = (await onDesk(source, `cat file d2/file; ls -d d* | wc -l; ls extra 2>/dev/null || echo none`)).trim().split(/\s+/);
      expect([['bad', 'bad', '189', 'extra'].join(), ['good', 'good', '300', 'none'].join()], end?.log).toContain(found.join());
      if (end?.complete) expect(found[0]).toBe('good');
      expect(await applications.get(source)?.state(), end?.log).toEqual({ replicas: 1, available: 1, annotations: [] });
    },
  );

  test('the live data has a safety backup, none of it taken from half-restored files', async () => {
    const aside = await safetyBackups(OF_A_VOLUME);
    expectSafetyBackups(OF_A_VOLUME, aside, ends);
    const counts = aside.flatMap(([, manifests]) => manifests.map(({ parts }) => parts[0].volume.files));
    expect(
      counts.filter((count) => count !== OLD_FILES && count !== NEW_FILES),
      JSON.stringify(counts),
    ).toEqual([]);
  });

  test('the Job itself finishes with the new files', () => {
    expect(ends.map(verdict)).toEqual(OF_A_VOLUME.map(() => expect.stringMatching(/^complete/)));
  });
});
