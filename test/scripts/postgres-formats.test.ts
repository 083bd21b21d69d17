import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PostgresMajor } from '../../lib/sources/postgres/images.ts';
import { contentOf, dump, factsOf, makeRole, NAME } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

const CONTENT = `
  create table items (id int generated always as identity primary key, name text, half numeric generated always as (id / 2.0) stored);
  insert into items (name) select E'item ☃ \\t\\\\ ' || n from generate_series(1, 3000) n;
  create materialized view sums as select count(*) from items;
  select lo_from_bytea(0, convert_to(repeat('large ', 2000), 'UTF8'))`;

/** Each format and compression of each major at least once. What the last column says is in the manifest. */
const FORMATS: Readonly<Record<PostgresMajor, readonly (readonly [string, string, string, string])[]>> = {
  14: [
    ['custom', 'gzip', '', 'dump'],
    ['custom', 'none', '', 'dump'],
    ['plain', 'gzip', '9', 'sql.gz'],
    ['plain', 'none', '', 'sql'],
  ],
  15: [['custom', 'gzip', '1', 'dump']],
  16: [
    ['custom', 'zstd', '3', 'dump'],
    ['plain', 'gzip', '', 'sql.gz'],
  ],
  17: [
    ['custom', 'gzip', '', 'dump'],
    ['custom', 'none', '', 'dump'],
    ['plain', 'zstd', '', 'sql.zst'],
    ['plain', 'gzip', '', 'sql.gz'],
    ['plain', 'none', '', 'sql'],
  ],
  18: [
    ['custom', 'zstd', '', 'dump'],
    ['plain', 'zstd', '19', 'sql.zst'],
  ],
};

describe.each([14, 15, 16, 17, 18] as const)('PostgreSQL %i', (major) => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres(major);
    await makeRole(server);
    await server.sql('create database shop');
    await server.sql(CONTENT, 'shop');
  });

  afterAll(() => server?.stop());

  test.each(FORMATS[major])('%s with compression %s, level %j, writes a .%s that restores', async (format, compression, level, extension) => {
    const done = await dump(server, { env: { DUMP_FORMAT: format, COMPRESSION: compression, COMPRESSION_LEVEL: level } });
    expect(done).toMatchObject({ status: 0, out: [`${NAME}+globals.sql`, `${NAME}.${extension}`] });
    expect(factsOf(done)).toMatchObject({ format, compression: compressionOf(compression, level), server: { major } });

    await server.sql('create database back');
    await restore(server, join(done.work, 'out', `${NAME}.${extension}`), extension);
    expect(await contentOf(server, 'back')).toBe(await contentOf(server, 'shop'));
    await server.sql('drop database back');
  });
});

function compressionOf(method: string, level: string) {
  if (method === 'none') return { method };
  return { method, level: level === '' ? { gzip: 6, zstd: 1 }[method] : Number(level) };
}

/** With the plainest tools there are, as somebody without us would. */
async function restore(server: PostgresServer, file: string, extension: string): Promise<void> {
  if (extension === 'dump') {
    await server.tool('pg_restore', ['--exit-on-error', '--dbname=back', file]);
    return;
  }
  const unpack = { sql: ['cat'], 'sql.gz': ['gzip', '-dc'], 'sql.zst': ['zstd', '-qdc'] }[extension] ?? [];
  const text = execFileSync(unpack[0] ?? '', [...unpack.slice(1), file], { maxBuffer: 1 << 28 });
  expect(readFileSync(file).length).toBeGreaterThan(0);
  await server.sql(text.toString('utf8'), 'back');
}
