import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { toolsCache } from '../support/tools.ts';
import { type Bucket, startBucket } from './bucket.ts';
import { interleaved, measure, mebibytes, RUNS, seconds, table, times } from './measure.ts';
import { Pipeline } from './pipeline.ts';

/** Compares a backup of a database of two gigabytes into an S3 store with the usual CronJob: `pg_dump | gzip > file`, then an upload. */
export async function benchDatabase(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-database-'));
  const server = await startPostgres(17, ['fsync=off', 'shared_buffers=512MB', 'max_wal_size=8GB', 'autovacuum=off']);
  const bucket = startBucket(folder);
  try {
    const bytes = await fill(server);
    process.stderr.write(`  database: ${mebibytes(bytes)}\n`);
    const medians = await interleaved([usual(folder, server, bucket), ours(folder, server, bucket)], RUNS);
    const [baseline, backstay] = [medians.get('pg_dump | gzip, upload'), medians.get('backstay')];
    const rows = [['', 'time', 'processors', 'stored', 'peak memory', 'scratch']];
    for (const [name, figures] of medians) {
      rows.push([name, seconds(figures.wall), seconds(figures.cpu), mebibytes(figures.size), mebibytes(figures.memory), mebibytes(figures.scratch)]);
    }
    rows.push([
      'ratio',
      times((baseline?.wall ?? 0) / (backstay?.wall ?? 1)),
      times((baseline?.cpu ?? 0) / (backstay?.cpu ?? 1)),
      times((backstay?.size ?? 0) / (baseline?.size ?? 1)),
      '',
      '',
    ]);
    return table(rows);
  } finally {
    await server.stop();
    bucket.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Tables as an application has them, and how many rows each has. */
const TABLES = { orders: 3_000_000, shipments: 2_000_000, invoices: 1_500_000, returns: 1_000_000 };

/** Rows as an application has them: numbers, times, names that repeat, text that does not, and JSON; with a key and an index. */
export async function fill(server: PostgresServer): Promise<number> {
  await server.sql('CREATE DATABASE bench');
  for (const [table, rows] of Object.entries(TABLES)) {
    await server.sql(
      `SET synchronous_commit = off;
       CREATE TABLE ${table} (id bigint, customer int, placed timestamptz, status text, note text, details jsonb);
       SELECT setseed(0.5);
       INSERT INTO ${table}
       SELECT n, (random() * 100000)::int, timestamptz '2026-01-01' + n * interval '1 second',
              (ARRAY['new', 'paid', 'sent', 'returned'])[1 + n % 4],
              'order of ' || md5(n::text) || ' with ' || (random() * 1000)::int || ' things in it, packed by ' || md5((n % 500)::text),
              jsonb_build_object('sku', md5((n % 20000)::text), 'price', round((random() * 1000)::numeric, 2), 'address', 'Street ' || n % 9000 || ', City ' || n % 300, 'gift', n % 7 = 0)
       FROM generate_series(1, ${rows}) AS n;
       ALTER TABLE ${table} ADD PRIMARY KEY (id);
       CREATE INDEX ON ${table} (customer);
       CHECKPOINT;`,
      'bench',
    );
  }
  return Number(await server.sql("SELECT pg_database_size('bench')", 'bench'));
}

function usual(folder: string, server: PostgresServer, bucket: Bucket) {
  const file = join(folder, 'usual', 'bench.sql.gz');
  const size = () => statSync(file).size;
  return {
    name: 'pg_dump | gzip, upload',
    prepare: () => {
      rmSync(join(folder, 'usual'), { recursive: true, force: true });
      mkdirSync(join(folder, 'usual'));
      writeFileSync(join(folder, 'usual', 'run.sh'), `${join(server.bin, 'pg_dump')} bench | gzip >"$1"\n`);
    },
    run: () =>
      measure([
        { argv: ['sh', join(folder, 'usual', 'run.sh'), file], env: server.env },
        { argv: [bucket.rclone, 'copyto', file, 'S1:bench/usual/bench.sql.gz'], env: bucket.remote(1) },
      ]),
    figures: () => ({ size: size(), scratch: size() }),
  };
}

function ours(folder: string, server: PostgresServer, bucket: Bucket) {
  const values = {
    namespace: 'bench',
    storages: { offsite: { s3: { bucket: 'bench', endpoint: bucket.url, ca: { configMap: 'ca' }, credentials: { secret: 's3' } } } },
    plans: { default: { storages: ['offsite'], tiers: { daily: { schedule: '@daily', keep: { last: 2 } } } } },
    sources: {
      bench: {
        postgres: { host: server.env.PGHOST, port: Number(server.env.PGPORT), database: 'bench', version: 17, credentials: { secret: 'db' } },
      },
    },
  };
  const secrets = {
    'db/username': server.env.PGUSER ?? '',
    'db/password': server.env.PGPASSWORD ?? '',
    's3/AWS_ACCESS_KEY_ID': bucket.key,
    's3/AWS_SECRET_ACCESS_KEY': bucket.secret,
  };
  const pipeline = new Pipeline({
    folder,
    values,
    secrets,
    mounts: { '/etc/backstay/storage-1/ca.crt': bucket.ca },
    path: [server.bin, join(toolsCache, 'bin')],
  });
  return { name: 'backstay', prepare: () => pipeline.prepare(), run: () => pipeline.run(), figures: () => pipeline.figures() };
}
