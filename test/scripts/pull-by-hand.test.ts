import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blocksIn } from '../support/documents.ts';
import { contentOf, dump, makeRole } from '../support/dump.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { anS3, IN_IMAGE, publishEnv } from '../support/publish.ts';
import { runScript } from '../support/run-script.ts';
import { type LocalS3, startLocalS3 } from '../support/s3.ts';
import { toolPath } from '../support/tools.ts';
import { artifactOf, GNU, portrait, take, volumeOf } from '../support/volume.ts';

const FILE = 'docs/pull-by-hand.md';
/** The name in the document; the runs of this test have it. */
const NAME = '20261121-020000-hkbdmnrt';
const START = '1795226400';

let server: PostgresServer;
let s3: LocalS3;
let here: string;
let data: string;

/** The one block of the document that holds these words. */
function block(words: string): string {
  const found = blocksIn(FILE).filter(({ language, text }) => language === 'sh' && text.includes(words));
  expect(found.map(({ where }) => where)).toHaveLength(1);
  return String(found[0]?.text);
}

/** Runs a block as it stands, in the folder that somebody pulls to. */
async function run(text: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const tools = [dirname(toolPath('rclone')), server.bin, '/usr/local/bin', process.env.PATH].join(':');
  const own = { HOME: here, PATH: tools, RCLONE_CONFIG: '/dev/null', ...server.env, ...env };
  return (await promisify(execFile)('bash', ['--norc', '-euc', text], { cwd: here, env: own })).stdout;
}

/** A scratch space of a run with the document's name. */
function begun(): string {
  const work = mkdtempSync(join(tmpdir(), 'work-'));
  mkdirSync(join(work, 'run'));
  for (const [file, text] of Object.entries({ start: START, id: 'hkbdmnrt', name: NAME })) writeFileSync(join(work, 'run', file), `${text}\n`);
  return work;
}

const SQL = `
create table orders (id int primary key, note text); insert into orders select i, 'order ' || i from generate_series(1, 500) i;
create view big as select * from orders where id > 400; select lo_from_bytea(4711, 'large'); comment on table orders is 'it''s';`;

beforeAll(async () => {
  here = mkdtempSync(join(tmpdir(), 'pulled-'));
  [server, s3] = await Promise.all([startPostgres(17), startLocalS3()]);
  await makeRole(server);
  await server.sql('create database shop');
  await server.sql(SQL, 'shop');
  await s3.rclone('mkdir', 'S:acme-backups');
  const taken = await dump(server, { work: begun() });
  const stored = await runScript('publish.sh', {
    ...IN_IMAGE,
    work: taken.work,
    env: publishEnv([anS3(s3, { bucket: 'acme-backups' })], Number(START)),
  });
  expect(stored.stderr).not.toContain(' error ');
  const plain = await dump(server, { work: begun(), env: { DUMP_FORMAT: 'plain' } });
  data = volumeOf("mkdir -p uploads/a; echo one >uploads/a/one; echo two >two; ln -s two link; touch -d '2020-02-02 02:02:02.5' two");
  const zstd = await take(GNU, { data, work: begun() });
  const gzip = await take(GNU, { data, work: begun(), env: { COMPRESSION: 'gzip' } });
  for (const file of [join(plain.work, 'out', `${NAME}.sql.zst`), artifactOf(zstd), artifactOf(gzip)])
    copyFileSync(file, join(here, `${file.split('/').pop()}`));
});
afterAll(() => Promise.all([server?.stop(), s3?.end()]));

describe('docs/pull-by-hand.md, as it stands', () => {
  const key = () => ({ AWS_ACCESS_KEY_ID: s3.key, AWS_SECRET_ACCESS_KEY: s3.secret });

  test('out of a bucket with rclone', async () => {
    const elsewhere = { RCLONE_CONFIG_OFFSITE_ENDPOINT: s3.url, RCLONE_CONFIG_OFFSITE_FORCE_PATH_STYLE: 'true', RCLONE_CA_CERT: s3.ca };
    const text = block('rclone lsf').replace('PROVIDER=AWS', 'PROVIDER=Other').replace('eu-west-1', 'us-east-1');
    expect(await run(text, { ...key(), ...elsewhere })).toMatch(new RegExp(`^shop/daily/${NAME}\\.manifest\\.json\n\\{"version":"backstay/v1"`));
    expect(await run('ls')).toContain(`${NAME}+globals.sql\n${NAME}.dump\n${NAME}.manifest.json\n`);
  });

  test('out of a bucket with aws', async () => {
    await run(`rm ${NAME}.dump ${NAME}+globals.sql ${NAME}.manifest.json`);
    const elsewhere = { AWS_ENDPOINT_URL: s3.url, AWS_CA_BUNDLE: s3.ca, AWS_DEFAULT_REGION: 'us-east-1' };
    expect(await run(block('aws s3 ls'), { ...key(), ...elsewhere })).toContain(`prod/shop/daily/${NAME}.manifest.json`);
    expect(await run('ls')).toContain(`${NAME}+globals.sql\n${NAME}.dump\n${NAME}.manifest.json\n`);
  });

  test.each(['jq -r', `grep -o '"name"`])('checking it (%s), which a flipped bit does not pass', async (tool) => {
    expect((await run(block(tool))).split('\n').sort()).toEqual(['', `${NAME}+globals.sql: OK`, `${NAME}.dump: OK`]);
    const dumped = join(here, `${NAME}.dump`);
    const good = readFileSync(dumped);
    writeFileSync(dumped, Buffer.from(good).fill(7, good.length - 1));
    await expect(run(block(tool))).rejects.toThrow(/FAILED|did NOT match/);
    writeFileSync(dumped, good);
  });

  test('a database, of either format, and parts of one', async () => {
    await run(block('psql -X -d postgres -f'));
    await run(block('createdb'));
    expect(await contentOf(server, 'shop_restored')).toBe(await contentOf(server, 'shop'));
    await run('createdb shop_plain; createdb shop_other');
    await run(block('zstd -dc 20261121-020000-hkbdmnrt.sql.zst'));
    expect(await contentOf(server, 'shop_plain')).toBe(await contentOf(server, 'shop'));
    expect(await run(block('pg_restore --list'))).toContain('TABLE DATA public orders');
    expect(await server.sql('select count(*) from orders', 'shop_other')).toBe('500');
    expect(await run(block('--schema-only'))).toMatch(/^CREATE DATABASE shop /m);
  });

  test('a volume, all of it and some of it', async () => {
    expect(await run(block('tar -tvf'))).toMatch(/ \.\/uploads\/a\/one$/m);
    await run(block('mkdir restored'));
    expect(portrait(join(here, 'restored'))).toBe(portrait(data));
    await run(block('mkdir some'));
    expect(await run('find some | sort')).toBe('some\nsome/uploads\nsome/uploads/a\nsome/uploads/a/one\n');
  });
});
