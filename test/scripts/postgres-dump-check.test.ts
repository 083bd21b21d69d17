import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CUT, damaged, dump, factsOf, makeRole, NAME, real } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import type { Outcome } from '../support/run-script.ts';

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres(17);
  await makeRole(server);
  await server.sql('create database shop');
  await server.sql('create table t as select n, md5(n::text) from generate_series(1, 20000) n', 'shop');
});

afterAll(() => server?.stop());

function expectRefused(done: Outcome, status: number, reason: RegExp | string): void {
  expect(done.lastWords).toMatchObject({ status, reason: expect.stringMatching(reason) });
  expect(done).toMatchObject({ status, out: [] });
  expect(() => factsOf(done)).toThrow('ENOENT');
}

/** Damages the dump between `pg_dump` and what comes next. */
const broken = (damage: string) => ({ pg_dump: `[ "$1" != --version ] || ${real('pg_dump').trim()}\n${damaged('pg_dump', damage)}` });

const plain = (compression: string) => ({ DUMP_FORMAT: 'plain', COMPRESSION: compression, COMPRESSION_LEVEL: '' });

describe('an incomplete dump', () => {
  test.each([['zstd'], ['gzip'], ['none']])(
    'refuses half of a custom dump with %s, although its table of contents is complete',
    async (compression) => {
      const done = await dump(server, { env: { COMPRESSION: compression, COMPRESSION_LEVEL: '' }, standIns: broken(CUT) });
      expectRefused(done, 65, 'cannot read the dump to its end');
    },
  );

  test('refuses half of a plain dump', async () => {
    expectRefused(
      await dump(server, { env: plain('none'), standIns: broken(CUT) }),
      65,
      `${NAME}.sql does not end with 'PostgreSQL database dump complete'`,
    );
  });

  test.each([['gzip'], ['zstd']])('refuses half of a plain dump compressed with %s', async (compression) => {
    expectRefused(await dump(server, { env: plain(compression), standIns: broken(CUT) }), 65, 'cannot decompress the dump to its end');
  });

  test.each([
    ['gzip', 'gzip -dc', 'gzip -c'],
    ['zstd', 'zstd -qdc', 'zstd -qc'],
  ])('refuses half of a plain dump that is valid as a %s file', async (compression, unpack, pack) => {
    const half = `{ ${unpack} "$file" | head -c 300000 | ${pack} >"$file.half" && mv "$file.half" "$file"; }`;
    expectRefused(
      await dump(server, { env: plain(compression), standIns: broken(half) }),
      65,
      `does not end with 'PostgreSQL database dump complete'`,
    );
  });

  test('does not mistake a row for the completion line', async () => {
    const lie =
      '{ head -c 300000 "$file" >"$file.lie"; printf "\\\\n-- PostgreSQL database dump complete\\\\nmore rows" >>"$file.lie"; mv "$file.lie" "$file"; }';
    expectRefused(await dump(server, { env: plain('none'), standIns: broken(lie) }), 65, `does not end with`);
  });

  test('refuses truncated globals', async () => {
    const done = await dump(server, { standIns: { pg_dumpall: damaged('pg_dumpall', CUT) } });
    expectRefused(done, 65, `${NAME}\\+globals.sql does not end with 'PostgreSQL database cluster dump complete'`);
  });

  test('refuses a dump without tables if the database has some', async () => {
    const done = await dump(server, { standIns: { pg_dump: real('pg_dump', '[ "$1" = --version ] || set -- "$@" --exclude-table-data="*"') } });
    expectRefused(done, 65, 'the dump has no table, the database has 1');
  });

  test('dumps a database without tables with a warning', async () => {
    await server.sql('create database empty');
    const done = await dump(server, { env: { DATABASE: 'empty' } });
    expect(done).toMatchObject({ status: 0 });
    expect(done.stderr).toContain('database empty has no tables: check database: in the values');
  });
});

describe('messages of the tools', () => {
  test.each([['pg_dump'], ['pg_dumpall']])('an error on stderr fails the run, although %s ends with 0', async (tool) => {
    const standIn = real(tool, '[ "$1" = --version ] || echo "pg_dump: error: query failed: ERROR:  cache lookup failed" >&2');
    expectRefused(await dump(server, { standIns: { [tool]: standIn } }), 65, `${tool} reported an error: query failed`);
  });

  test('logs a warning and continues', async () => {
    const done = await dump(server, { standIns: { pg_dump: real('pg_dump', 'echo "pg_dump: warning: could not find it" >&2') } });
    expect(done).toMatchObject({ status: 0 });
    expect(done.stderr).toMatch(/warn take: pg_dump: warning: could not find it/);
  });

  test.each([
    ['server closed the connection unexpectedly', 69],
    ['terminating connection due to administrator command', 69],
    ['canceling statement due to conflict with recovery', 75],
    ['permission denied for table t', 77],
    ['cache lookup failed for type 17', 70],
    // Pitfalls P1, P20.
  ])('maps the pg_dump error "%s" to status %i', async (message, status) => {
    const standIn = real('pg_dump', `[ "$1" = --version ] || { echo 'pg_dump: error: query failed: ERROR:  ${message}' >&2; exit 1; }`);
    expectRefused(await dump(server, { standIns: { pg_dump: standIn } }), status, message);
  });

  test.each([
    ['sha256sum', 74],
    ['mkfifo', 64],
    ['mv', 10],
  ])('%s ends with %i: a fault, because no tool speaks for us', async (tool, status) => {
    const done = await dump(server, { standIns: { [tool]: `echo "${tool}: no luck" >&2; exit ${status}` } });
    expectRefused(done, 70, `unhandled exit status ${status}`);
    expect(done.stderr).toContain(`${tool}: no luck`);
    expect(existsSync(join(done.work, 'tmp', 'postgres'))).toBe(false);
  });
});

describe('globals', () => {
  test('globals: none does not call pg_dumpall', async () => {
    const done = await dump(server, { env: { GLOBALS: 'none' }, standIns: { pg_dumpall: 'exit 1' } });
    expect(done).toMatchObject({ status: 0, calls: [], out: [`${NAME}.dump`] });
    expect(factsOf(done)).toMatchObject({ files: [{ role: 'artifact' }] });
  });
});

test.each([
  ['the sums', '*.sums'],
  ['the facts', '*.json'],
])('removes files that were moved already if moving %s fails', async (_, target) => {
  const mv = `case "$*" in */facts/${target}) echo "mv: no luck" >&2; exit 1 ;; esac\nexec /bin/mv "$@"`;
  expectRefused(await dump(server, { standIns: { mv } }), 70, 'unhandled exit status 1');
});

test('the next attempt removes the files of a killed one', async () => {
  const { work } = await dump(server);
  const seen = 'ls "$WORK_DIR/out" "$WORK_DIR/facts" >>"$WORK_DIR/seen"';
  await dump(server, { work, standIns: { pg_dump: real('pg_dump', seen) } });
  expect(readFileSync(join(work, 'seen'), 'utf8')).not.toMatch(/dump|json|sums/);
});

test('replaces what an earlier attempt left in the scratch space, and removes it if the attempt fails', async () => {
  const { work } = await dump(server);
  const again = await dump(server, { work });
  expect(again).toMatchObject({ status: 0, out: [`${NAME}+globals.sql`, `${NAME}.dump`] });
  const failed = await dump(server, { work, standIns: broken(CUT) });
  expectRefused(failed, 65, 'cannot read the dump to its end');
});
