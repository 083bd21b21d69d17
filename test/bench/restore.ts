import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { toolPath, toolsCache } from '../support/tools.ts';
import { fill as fillDatabase } from './database.ts';
import { type Contender, interleaved, measure, RUNS, seconds, table, times } from './measure.ts';
import { Pipeline } from './pipeline.ts';
import { fill as fillFiles } from './volume.ts';

/**
 * A database of two gigabytes out of a claim and into a new database, against `zcat | psql`.
 *
 * Processor times are those of the clients. The server does the same work for both, and is not counted.
 */
export async function benchDatabaseRestore(): Promise<string> {
  return await withDatabase(async (server, pipeline, folder) => {
    const plain = join(folder, 'plain.sql.gz');
    execFileSync('sh', ['-c', `"$0" bench | gzip -1 >"$1"`, join(server.bin, 'pg_dump'), plain], { env: { ...process.env, ...server.env } });
    return await compared([zcat(server, folder, plain), ours('restore', pipeline, () => dropCopy(server))]);
  });
}

/** Verification of the same backup: fetch it, restore it into a throw-away server, query it. */
export async function benchVerify(): Promise<string> {
  return await withDatabase(async (_, pipeline) => {
    const figures = (await interleaved([ours('verify', pipeline)], RUNS)).get('backstay');
    return table([
      ['', 'time', 'processors, with the server'],
      ['backstay verify', seconds(figures?.wall), seconds(figures?.cpu)],
    ]);
  });
}

/** Compares a volume of a gigabyte in 20,000 files, unpacked beside the old files, with `tar -xzf`, restic, and the disk. Each ends with a sync. */
export async function benchVolumeRestore(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-restore-'));
  const data = join(folder, 'data');
  try {
    fillFiles(data);
    const values = {
      ...VALUES,
      sources: { bench: { volume: { claim: 'data', nextTo: { app: 'bench' } } } },
      restores: { bench: { source: 'bench', whileInUse: true } },
    };
    const mounts = { '/storage/local': join(folder, 'storage'), '/data': data };
    const pipeline = new Pipeline({ folder, values, secrets: {}, mounts, path: [join(toolsCache, 'bin')] });
    await backUp(pipeline);
    const clean = () => execFileSync('sh', ['-c', 'rm -rf "$0"/.backstay-*', data]);
    return await compared([tar(folder, data), disk(folder, data), restic(folder, data), ours('restore', pipeline, clean)]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const VALUES = {
  namespace: 'bench',
  storages: { local: { pvc: { size: '10Gi' } } },
  plans: { default: { storages: ['local'], tiers: { daily: { schedule: '@daily', keep: { last: 2 } } } } },
};

async function withDatabase(bench: (server: PostgresServer, pipeline: Pipeline, folder: string) => Promise<string>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-restore-'));
  const server = await startPostgres(17, ['fsync=off', 'shared_buffers=512MB', 'max_wal_size=8GB', 'autovacuum=off']);
  try {
    await fillDatabase(server);
    const pipeline = databasePipeline(server, folder);
    await backUp(pipeline);
    return await bench(server, pipeline, folder);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function databasePipeline(server: PostgresServer, folder: string): Pipeline {
  const credentials = { secret: 'db' };
  const postgres = {
    host: server.env.PGHOST,
    port: Number(server.env.PGPORT),
    database: 'bench',
    version: 17,
    credentials,
    admin: { credentials },
  };
  const values = { ...VALUES, sources: { bench: { postgres } }, restores: { bench: { source: 'bench', postgres: { database: 'bench_copy' } } } };
  const secrets = { 'db/username': server.env.PGUSER ?? '', 'db/password': server.env.PGPASSWORD ?? '' };
  return new Pipeline({
    folder,
    values,
    secrets,
    mounts: { '/storage/local': join(folder, 'storage') },
    path: [server.bin, join(toolsCache, 'bin')],
  });
}

async function backUp(pipeline: Pipeline): Promise<void> {
  pipeline.prepare();
  await pipeline.run();
}

async function dropCopy(server: PostgresServer): Promise<void> {
  await server.sql('DROP DATABASE IF EXISTS bench_copy');
  await server.sql('CHECKPOINT');
}

function ours(task: 'restore' | 'verify', pipeline: Pipeline, clean: () => unknown = () => {}): Contender {
  return {
    name: 'backstay',
    prepare: async () => {
      await clean();
      pipeline.prepareWork(task);
    },
    run: () => pipeline.run(task),
  };
}

function zcat(server: PostgresServer, folder: string, plain: string): Contender {
  const script = join(folder, 'zcat.sh');
  writeFileSync(script, `zcat "$1" | ${join(server.bin, 'psql')} -X -q -v ON_ERROR_STOP=1 -d bench_copy\n`);
  return {
    name: 'zcat | psql',
    prepare: async () => {
      await dropCopy(server);
      await server.sql('CREATE DATABASE bench_copy');
    },
    run: () => measure([{ argv: ['sh', script, plain], env: server.env }]),
  };
}

function tar(folder: string, data: string): Contender {
  const [archive, to] = [join(folder, 'usual.tar.gz'), join(folder, 'usual')];
  execFileSync('sh', ['-c', 'tar -cf - -C "$0" . | gzip -1 >"$1"', data, archive]);
  return { name: 'tar -xzf', prepare: () => empty(to), run: () => onDisk(to, ['tar', '-xzf', archive, '-C', to]) };
}

/** No restore can be faster than to write the files: nothing is packed, fetched or compared. */
function disk(folder: string, data: string): Contender {
  const [archive, to] = [join(folder, 'plain.tar'), join(folder, 'written')];
  execFileSync('tar', ['-cf', archive, '-C', data, '.']);
  return { name: 'tar -xf, the limit of the disk', prepare: () => empty(to), run: () => onDisk(to, ['tar', '-xf', archive, '-C', to]) };
}

function restic(folder: string, data: string): Contender {
  const [tool, to] = [toolPath('restic'), join(folder, 'restored')];
  const env = { RESTIC_PASSWORD: 'bench', RESTIC_REPOSITORY: join(folder, 'restic'), RESTIC_CACHE_DIR: join(folder, 'cache') };
  const call = (...words: readonly string[]) => execFileSync(tool, ['--quiet', ...words], { env: { ...process.env, ...env } });
  call('init');
  call('backup', data);
  return { name: 'restic restore', prepare: () => empty(to), run: () => onDisk(to, [tool, '--quiet', 'restore', 'latest', '--target', to], env) };
}

function empty(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
}

/** Data that is not on the disk yet is not restored. */
function onDisk(folder: string, argv: readonly string[], env = {}) {
  return measure([{ argv, env }, { argv: ['sync', '-f', folder] }]);
}

async function compared(contenders: readonly Contender[]): Promise<string> {
  const medians = await interleaved(contenders, RUNS);
  const backstay = medians.get('backstay');
  const rows = [['', 'time', 'processors', 'backstay is faster by', 'and takes of the processors']];
  for (const [name, { wall = 0, cpu = 0 }] of medians) {
    rows.push([name, seconds(wall), seconds(cpu), times(wall / (backstay?.wall ?? 1)), times((backstay?.cpu ?? 0) / cpu)]);
  }
  return table(rows);
}
