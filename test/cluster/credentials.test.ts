import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { watchArguments } from '../support/cluster/arguments.ts';
import { postgresSource } from '../support/cluster/backups.ts';
import type { JobEnd } from '../support/cluster/job.ts';
import { apply, type Json, kubectl } from '../support/cluster/kubectl.ts';
import { runsIn, type Stored } from '../support/cluster/stored.ts';
import { startWorld, verdict, type World } from '../support/cluster/world.ts';

/** Planted in every password, so that a leak is found whatever surrounds it. */
const PLANTED = 'Pl4nted';

/** Role and password, by source. */
const ROLES: Readonly<Record<string, readonly [role: string, password: string]>> = {
  quotes: [`o'neil "q"`, `${PLANTED}'"\`\\'";--`],
  dollars: ['$HOME$(PW)', `${PLANTED}$$ $(PGHOST) $(id) \${PATH} $PGUSER`],
  blanks: [' lead and tail ', `  ${PLANTED}\t two  blanks  `],
  url: ['a@b:c/d?e=f&g#h%41', `${PLANTED}:@/?#[]&=%41%%=+`],
  glob: ['*?[a-z]{x,y}~!', `${PLANTED}*?[!a]{1..3}~!(x)|<>&;^`],
  letters: ['größe ☃', `${PLANTED}ß☃\u00a0é`],
};
const NAMES = Object.keys(ROLES);
/** A database with a name as awkward as the passwords. */
const DATABASE = `Größe "1" $(id) 'x' = \\`;

let world: World;
let ends: Readonly<Record<string, JobEnd>>;
let stored: { readonly local: Stored; readonly offsite: Stored };
let seen: ReadonlySet<string>;

beforeAll(async () => {
  world = await startWorld('credentials', async ({ namespace, db }) => {
    await db.sql(`create database ${identifier(DATABASE)}`);
    for (const [role, password] of Object.values(ROLES)) {
      await db.sql(`create role ${identifier(role)} login bypassrls password ${literal(password)} in role pg_read_all_data`);
    }
    const secrets = Object.entries({ ...ROLES, wrong: ['postgres', `${PLANTED}-wrong`] as const });
    await apply(...secrets.map(([name, [username, password]]) => secret(namespace, name, { username, password })));
    return {
      sources: {
        ...Object.fromEntries(NAMES.map((name) => [name, postgresSource('db', 'shop', { credentials: { secret: name } })])),
        'odd-database': postgresSource('db', DATABASE, { credentials: { secret: 'dollars' } }),
        wrong: postgresSource('db', 'shop', { credentials: { secret: 'wrong' } }),
      },
    };
  });
  const watch = watchArguments();
  ends = Object.fromEntries(await Promise.all([...NAMES, 'odd-database', 'wrong'].map(async (name) => [name, await world.run(name)] as const)));
  seen = watch.stop();
  stored = await world.stored();
});

afterAll(() => world?.end());

test.each(NAMES)('a role and a password full of %s work', (name) => {
  expect(verdict(ends[name] as JobEnd)).toMatch(/^complete/);
});

test('a database with such a name works, and the manifest has the name unchanged', () => {
  expect(verdict(ends['odd-database'] as JobEnd)).toMatch(/^complete/);
  expect(runsIn(stored.offsite, 'odd-database/daily')[0]?.manifest.parts[0].database.name).toBe(DATABASE);
});

test('a wrong password fails at once with 77, names the Secret to check, and stores nothing', () => {
  const end = ends.wrong as JobEnd;
  expect(verdict(end)).toMatch(/^failed: take-postgres 77: .*password authentication failed/);
  expect(end.lastWords.hint).toContain('Secret');
  expect([end.reason, end.pods.length]).toEqual(['PodFailurePolicy', 1]);
  expect(runsIn(stored.local, 'wrong/daily')).toEqual([]);
});

describe('no secret', () => {
  const secrets = () => [PLANTED, world.db.password, world.s3.secret];
  const leaks = (text: string) => secrets().filter((secret) => text.includes(secret));

  test('is in a log or a termination message', () => {
    expect(Object.keys(ends).length).toBeGreaterThan(3);
    for (const end of Object.values(ends)) expect(leaks(end.log + JSON.stringify(end.pods))).toEqual([]);
  });

  test('is in an object of the cluster other than the Secrets', async () => {
    const kinds = 'pods,jobs,cronjobs,configmaps,networkpolicies,serviceaccounts,events,persistentvolumeclaims';
    expect(leaks(await kubectl(['get', kinds, '-n', world.namespace, '-o', 'yaml']))).toEqual([]);
  });

  test('is in the output of synth', () => {
    const files = readdirSync(world.dist, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) expect(leaks(readFileSync(join(file.parentPath, file.name), 'utf8'))).toEqual([]);
  });

  test('is in a manifest or a companion file', () => {
    for (const storage of [stored.local, stored.offsite]) {
      expect(storage.size).toBeGreaterThan(3);
      for (const { text } of storage.values()) expect(leaks(text ?? '')).toEqual([]);
    }
    const globals = world.s3.keys('backups').filter((key) => key.endsWith('+globals.sql'));
    expect(globals.length).toBeGreaterThan(0);
    for (const key of globals) expect(leaks(readFileSync(join(world.s3.data, 'backups', key), 'utf8'))).toEqual([]);
  });

  test('was an argument of a process', () => {
    const ours = [...seen].filter((line) => /pg_dump|psql|rclone/.test(line));
    expect(ours.length).toBeGreaterThan(10);
    expect(ours.flatMap(leaks)).toEqual([]);
  });

  test('is available to a step that does not need it', async () => {
    const pods: Json[] = JSON.parse(
      await kubectl(['get', 'pods', '-n', world.namespace, '-l', 'app.kubernetes.io/name=backstay', '-o', 'json']),
    ).items;
    expect(pods.length).toBeGreaterThan(0);
    for (const { spec } of pods) {
      const given = (containers: readonly Json[]) =>
        containers.flatMap(({ env }) => env.filter(({ valueFrom }: Json) => valueFrom?.secretKeyRef)).map(({ name }) => name);
      expect(given(spec.initContainers).filter((name) => !name.startsWith('PG'))).toEqual([]);
      expect(given(spec.containers).filter((name) => !name.startsWith('RCLONE_CONFIG_'))).toEqual([]);
    }
  });
});

function secret(namespace: string, name: string, stringData: Readonly<Record<string, string>>): Json {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData };
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
