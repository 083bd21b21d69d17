import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { strictManifest } from '../../lib/model/manifest.ts';
import { contentOf, dump, factsOf, makeRole, NAME, real, sessionsOf } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type Outcome, SHELLS } from '../support/run-script.ts';

let server: PostgresServer;
let elsewhere: PostgresServer;

beforeAll(async () => {
  [server, elsewhere] = await Promise.all([startPostgres(17), startPostgres(17)]);
  await makeRole(server);
  await server.sql('create database shop');
  await server.tool('psql', ['-X', '-q', '--set=ON_ERROR_STOP=1', '--file=test/support/awkward.sql', 'shop']);
});

afterAll(async () => {
  await Promise.all([server?.stop(), elsewhere?.stop()]);
});

describe.each(SHELLS)('under %s', (_, shell) => {
  // Pitfalls P10, P11.
  test('the read-only role dumps the whole database, and globals and dump restore it on another server', async () => {
    const done = await dump(server, { shell });
    expect(done).toMatchObject({ status: 0, stdout: '', out: [`${NAME}+globals.sql`, `${NAME}.dump`] });
    expect(done.lastWords).toMatchObject({ status: 0, reason: 'database shop dumped and read to its end' });

    await restoreGlobals(done);
    await elsewhere.tool('pg_restore', ['--exit-on-error', '--create', '--dbname=postgres', join(done.work, 'out', `${NAME}.dump`)]);
    expect(await contentOf(elsewhere, 'shop', '--create')).toBe(await contentOf(server, 'shop', '--create'));
    await elsewhere.sql('drop database shop');
    expect(await sessionsOf(server)).toEqual([]);
  });

  test('the facts describe the dump, and the sums match the files', async () => {
    const done = await dump(server, { shell });
    const files = [hashed(done, `${NAME}.dump`, 'artifact'), hashed(done, `${NAME}+globals.sql`, 'globals')];
    expect(factsOf(done)).toEqual({
      name: 'postgres',
      kind: 'postgres',
      method: 'dump',
      start: expect.stringMatching(/^2026-11-21T07:33:2/),
      end: expect.stringMatching(/^2026-11-21T07:33:/),
      format: 'custom',
      compression: { method: 'zstd', level: 1 },
      encryption: null,
      tools: { pg_dump: expect.stringMatching(/^17\.\d+$/) },
      server: { version: expect.stringMatching(/^17\.\d+$/), major: 17 },
      database: {
        name: 'shop',
        owner: 'shop owner',
        encoding: 'UTF8',
        collation: 'C.UTF-8',
        ctype: 'C.UTF-8',
        localeProvider: 'libc',
        locale: null,
        collationVersion: null,
        bytes: expect.any(Number),
        tables: 9,
        largeObjects: 3,
        extensions: [
          { name: 'hstore', version: '1.8' },
          { name: 'pg_trgm', version: '1.6' },
          { name: 'plpgsql', version: '1.0' },
        ],
      },
      roles: {
        owners: ['other, too', 'postgres', 'shop owner'],
        grantees: ['other, too'],
        grantors: [],
        others: [],
        database: ['other, too', 'shop owner'],
      },
      tablespaces: [],
      throttle: { slot: 1, waitedSeconds: expect.any(Number), held: true },
      files,
    });
    expect(strictManifest.shape.parts.safeParse([factsOf(done)]).error).toBeUndefined();
    expect(readFileSync(join(done.work, 'facts', 'postgres.sums'), 'utf8')).toBe(files.map(({ sha256, name }) => `${sha256}  ${name}\n`).join(''));
    execFileSync('sha256sum', ['--check', '--strict', '--status', join(done.work, 'facts', 'postgres.sums')], { cwd: join(done.work, 'out') });
  });

  test('each of several parts has its own file names, and leaves the files of the others alone', async () => {
    const first = await dump(server, { shell, env: { PART: 'shop', PART_COUNT: '2' } });
    const second = await dump(server, { shell, work: first.work, env: { PART: 'postgres', PART_COUNT: '2', DATABASE: 'postgres', GLOBALS: 'none' } });
    expect(second).toMatchObject({ status: 0, out: [`${NAME}.postgres.dump`, `${NAME}.shop+globals.sql`, `${NAME}.shop.dump`] });
    expect(factsOf(second, 'shop')).toMatchObject({ name: 'shop', database: { name: 'shop' } });
    expect(factsOf(second, 'postgres')).toMatchObject({ name: 'postgres', files: [{ name: `${NAME}.postgres.dump` }] });
  });

  test('filters accept names with blanks, quotes and stars, and keep large objects', async () => {
    const done = await dump(server, {
      shell,
      env: {
        INCLUDE_TABLES: '"Größe; drop ""x"" – ß".l?ne*\nsecret.*',
        EXCLUDE_TABLE_DATA: '*."only mine"',
        DUMP_FORMAT: 'plain',
        COMPRESSION: 'none',
      },
    });
    expect(done.stderr).toContain('with all large objects');
    const text = readFileSync(join(done.work, 'out', `${NAME}.sql`), 'utf8');
    expect(text.match(/^CREATE TABLE .*/gm)).toEqual(['CREATE TABLE "Größe; drop ""x"" – ß"."line', 'CREATE TABLE secret."only mine" (']);
    expect(text.match(/^COPY .*/gm)).toEqual(['COPY "Größe; drop ""x"" – ß"."line']);
    expect(text.match(/lo_open/g)).toHaveLength(3);
    expect(factsOf(done).filters).toEqual({
      tables: ['"Größe; drop ""x"" – ß".l?ne*', 'secret.*'],
      excludeTableData: ['*."only mine"'],
    });
  });
});

test('the globals contain every role and no password', async () => {
  const { work } = await dump(server);
  const globals = readFileSync(join(work, 'out', `${NAME}+globals.sql`), 'utf8');
  expect(globals).toContain('CREATE ROLE "other, too";');
  expect(globals).toContain('ALTER ROLE backstay SET lo_compat_privileges');
  expect(globals).not.toMatch(/password|scram/i);
});

test('the password appears in no argument of any process, no log and no file', async () => {
  const spy = 'cat /proc/[0-9]*/cmdline >>"$WORK_DIR/arguments" 2>/dev/null';
  const tools = ['psql', 'pg_dump', 'pg_dumpall', 'pg_restore'];
  const done = await dump(server, { standIns: Object.fromEntries(tools.map((tool) => [tool, real(tool, spy)])) });
  expect(done.status).toBe(0);
  expect(readFileSync(join(done.work, 'arguments'), 'latin1')).toContain('pg_dump\0--format=custom');
  const { stdout: places } = spawnSync('grep', ['-r', '--text', '--files-with-matches', '--fixed-strings', 'p$(id)', done.work], {
    encoding: 'utf8',
  });
  expect(places).toBe('');
  expect(done.stderr + JSON.stringify(done.lastWords)).not.toContain('p$(id)');
});

test('the tools are called in this order, with these arguments', async () => {
  const { calls, work } = await dump(server, {
    standIns: Object.fromEntries(['psql', 'pg_dump', 'pg_dumpall', 'pg_restore', 'sha256sum'].map((tool) => [tool, real(tool)])),
  });
  const to = (database: string) => `--dbname=dbname='${database}' keepalives_idle=60 keepalives_interval=15 keepalives_count=4`;
  const tmp = join(work, 'tmp', 'postgres');
  const query = (name: string) =>
    `psql --no-psqlrc --no-password --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 ${to('shop')} --file=${tmp}/${name}.sql`;
  expect(calls).toEqual([
    'pg_dump --version',
    `psql --no-psqlrc --no-password ${to('shop')} --command=select 1`,
    ...['server', 'row-security', 'unreadable', 'unreadable-large-objects', 'database', 'tables'].map(query),
    `psql --no-psqlrc --no-password --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 ${to('postgres')}`,
    query('needs'),
    `pg_dump --format=custom --compress=zstd:1 --no-password --no-sync --lock-wait-timeout=10s ${to('shop')} --file=${tmp}/${NAME}.dump`,
    `pg_dumpall --globals-only --no-role-passwords --no-password --no-sync ${to('shop').replace('--dbname', '--database')} --file=${tmp}/${NAME}+globals.sql`,
    `sha256sum ${NAME}.dump ${NAME}+globals.sql`,
    `pg_restore --file=/dev/null ${tmp}/${NAME}.dump`,
    `pg_restore --list ${tmp}/${NAME}.dump`,
  ]);
});

// Pitfalls P22, P23.
test('dumps a database whose name is full of metacharacters', async () => {
  const database = `it's = "a\\b" $(id) %s –ü`;
  await server.sql(`create database "${database.replaceAll('"', '""')}"`);
  const done = await dump(server, { env: { DATABASE: database } });
  expect(done).toMatchObject({ status: 0 });
  expect(factsOf(done).database).toMatchObject({ name: database });
});

// Pitfalls P11, P25.
test('the facts name the locale of a provider other than libc', async () => {
  await server.sql(`create database builtin template template0 locale_provider builtin builtin_locale 'C.UTF-8'`);
  const done = await dump(server, { env: { DATABASE: 'builtin' } });
  expect(factsOf(done)).toMatchObject({ database: { localeProvider: 'builtin', locale: 'C.UTF-8', collationVersion: expect.anything() } });
});

test('an unknown user without a home, who can write only to the scratch space, can dump', async () => {
  const work = mkdtempSync(join(tmpdir(), 'work-'));
  chmodSync(work, 0o777);
  const shell = [...(process.getuid?.() === 0 ? ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups'] : []), 'dash'];
  const done = await dump(server, { shell, work, env: { HOME: '/nowhere', TMPDIR: '/nowhere', TERMINATION_LOG: join(work, 'last-words') } });
  expect(done).toMatchObject({ status: 0 });
  expect(done.out).toHaveLength(2);
});

async function restoreGlobals({ work }: Outcome): Promise<void> {
  // It also makes the role that is there already, so errors are expected; what counts is what the dump needs.
  await elsewhere.tool('psql', ['-X', '-q', '--dbname=postgres', `--file=${join(work, 'out', `${NAME}+globals.sql`)}`]);
}

function hashed({ work }: Outcome, name: string, role: string) {
  const content = readFileSync(join(work, 'out', name));
  return { name, role, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}
