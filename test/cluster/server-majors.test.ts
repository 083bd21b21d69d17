import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { POSTGRES_MAJORS } from '../../lib/sources/postgres/images.ts';
import { AWKWARD_SQL, fingerprint } from '../support/cluster/awkward.ts';
import { postgresSource } from '../support/cluster/backups.ts';
import type { JobEnd } from '../support/cluster/job.ts';
import { type Json, kubectl } from '../support/cluster/kubectl.ts';
import { type Postgres, startPostgres } from '../support/cluster/postgres.ts';
import { runsIn, type Stored } from '../support/cluster/stored.ts';
import { startWorld, verdict, type World } from '../support/cluster/world.ts';

const SERVERS = POSTGRES_MAJORS.filter((major) => major !== 17);

let world: World;
let servers: ReadonlyMap<number, Postgres>;
let ends: Readonly<Record<string, JobEnd>>;
let stored: { readonly local: Stored; readonly offsite: Stored };

beforeAll(async () => {
  world = await startWorld(
    'majors',
    async ({ namespace, db }) => {
      const started = SERVERS.map(async (major) => [major, await startPostgres(namespace, { name: `db${major}`, major })] as const);
      servers = new Map([...(await Promise.all(started)), [17, db] as const]);
      const others = [...servers].filter(([major]) => major !== 17).map(([, server]) => server);
      await Promise.all(others.map((server) => server.sql('create database shop').then(() => server.sql(AWKWARD_SQL, 'shop'))));
      return {
        sources: {
          ...Object.fromEntries([...servers].map(([major, { name }]) => [`custom${major}`, postgresSource(name, 'shop', { version: major })])),
          ...Object.fromEntries(
            [...servers].map(([major, { name }]) => [`plain${major}`, postgresSource(name, 'shop', { version: major, dump: { format: 'plain' } })]),
          ),
          'says-older': postgresSource('db', 'shop', { version: 16 }),
          'says-newer': postgresSource('db', 'shop', { version: 18 }),
          'wrong-image': postgresSource('db', 'shop', { version: 17 }),
        },
      };
    },
    { sql: AWKWARD_SQL },
  );
  const sources = [...POSTGRES_MAJORS.flatMap((major) => [`custom${major}`, `plain${major}`]), 'says-older', 'says-newer'];
  ends = Object.fromEntries(await Promise.all(sources.map(async (name) => [name, await world.run(name, undefined, 240)] as const)));
  stored = await world.stored();
});

afterAll(() => world?.end());

describe.each(POSTGRES_MAJORS)('PostgreSQL %i', (major) => {
  test('restores from a custom dump with its own pg_restore, equal to the original', async () => {
    expect(verdict(ends[`custom${major}`] as JobEnd)).toMatch(/^complete/);
    await restore(major, `custom${major}`, (file) => `pg_restore --exit-on-error -h /tmp -U postgres -d custom '${file}'`, 'custom');
  });

  test('restores from a plain dump with its own psql, equal to the original', async () => {
    expect(verdict(ends[`plain${major}`] as JobEnd)).toMatch(/^complete/);
    const psql = `psql -X -q -v ON_ERROR_STOP=1 -h /tmp -U postgres -d plain`;
    await restore(
      major,
      `plain${major}`,
      (file) => `case '${file}' in *.zst) zstd -dc '${file}' ;; *) gzip -dc '${file}' ;; esac >/tmp/sql; ${psql} -f /tmp/sql >/dev/null`,
      'plain',
    );
  });
});

test.each(['says-older', 'says-newer'])('a server of another major than the values say (%s) fails with 64 and names the right one', (name) => {
  const end = ends[name] as JobEnd;
  expect(verdict(end)).toMatch(/^failed: take-postgres 64: the server is PostgreSQL 17/);
  expect(end.lastWords.hint).toContain('version: 17');
  expect([end.reason, end.pods.length]).toEqual(['PodFailurePolicy', 1]);
  for (const storage of [stored.local, stored.offsite]) expect(runsIn(storage, `${name}/daily`)).toEqual([]);
});

test('an image whose tools are of another major fails with 64 too', async () => {
  const end = await world.run('wrong-image', (job) => {
    job.spec.template.spec.initContainers[0].image = 'docker.io/library/postgres:16';
  });
  expect(verdict(end)).toMatch(/^failed: take-postgres 64: this image has pg_dump 16/);
});

async function restore(major: number, source: string, command: (file: string) => string, database: string): Promise<void> {
  const server = servers.get(major) as Postgres;
  const [run] = runsIn(stored.offsite, `${source}/daily`);
  expect(run?.broken).toEqual([]);
  const file: string = run?.manifest.parts[0].files.find(({ role }: Json) => role === 'artifact').name;
  const bytes = readFileSync(join(world.s3.data, 'backups/test', source, 'daily', file));
  await kubectl(['exec', '-i', '-n', world.namespace, `${server.name}-0`, '--', 'sh', '-c', 'cat >"$0"', `/tmp/${file}`], bytes);
  await server.program(`createdb -h /tmp -U postgres ${database}\n${command(`/tmp/${file}`)}`);
  expect(await fingerprint(server, database)).toBe(await fingerprint(server, 'shop'));
}
