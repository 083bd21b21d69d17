import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { PostgresMajor } from '../../lib/sources/postgres/images.ts';
import { postgresHome } from './tools.ts';

type Env = Readonly<Record<string, string>>;

/** A real server on 127.0.0.1 with its own port. Stop it in `afterAll`. */
export interface PostgresServer {
  readonly major: PostgresMajor;
  /** Programs of its major version, in a folder that any user can read. */
  readonly bin: string;
  /** PGHOST, PGPORT, PGUSER and PGPASSWORD of the superuser. */
  readonly env: Env;
  /** Runs SQL as the superuser and returns its output, unaligned and without headings. Fails on the first error. */
  readonly sql: (text: string, database?: string, env?: Env) => Promise<string>;
  /** Runs one of its programs with the environment of the superuser, and returns its stdout. */
  readonly tool: (name: string, args: readonly string[], env?: Env) => Promise<string>;
  /** The log of the server. */
  readonly log: () => string;
  readonly stop: () => Promise<void>;
}

const execute = promisify(execFile);
const PASSWORD = 'test-password';

/** PostgreSQL refuses root, so a test that runs as root starts it as nobody. */
const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
const unprivileged = isRoot ? { uid: NOBODY, gid: NOBODY } : {};

/** Starts a server with an empty cluster, in about a second. `settings` are lines of postgresql.conf. */
export async function startPostgres(major: PostgresMajor, settings: readonly string[] = []): Promise<PostgresServer> {
  const dir = mkdtempSync(join(tmpdir(), `postgres-${major}-`));
  chmodSync(dir, 0o755);
  const bin = join(dir, 'pg', 'bin');
  const port = await freePort();
  const env = { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'postgres', PGPASSWORD: PASSWORD };
  const log = () => readFileSync(join(dir, 'log'), 'utf8');

  await install(postgresHome(major), join(dir, 'pg'));
  await initdb(dir, bin);
  const server = launch(dir, bin, [`port=${port}`, ...settings]);
  const stop = () => shutDown(server, dir);

  const tool: PostgresServer['tool'] = async (name, args, more = {}) => {
    const all = { PATH: '/usr/bin:/bin', HOME: dir, ...env, ...more };
    return (await execute(join(bin, name), args, { env: all, maxBuffer: 1 << 28 })).stdout;
  };
  let statements = 0;
  const sql: PostgresServer['sql'] = async (text, database = 'postgres', more = {}) => {
    const file = join(dir, `statement-${statements++}.sql`);
    writeFileSync(file, text);
    const flags = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-f', file];
    return (await tool('psql', flags, { PGDATABASE: database, ...more })).trimEnd();
  };
  try {
    await answers(server, () => tool('pg_isready', ['-q']));
  } catch (error) {
    const said = log();
    await stop();
    throw new Error(`postgres ${major} did not start:\n${said}`, { cause: error });
  }
  return { major, bin, env, sql, tool, log, stop };
}

/** Uses hard links if the file system allows them. Other users may not be able to enter the home folder with the cache. */
async function install(home: string, target: string): Promise<void> {
  await execute('cp', ['-al', home, target]).catch(() => execute('cp', ['-a', home, target]));
}

async function initdb(dir: string, bin: string): Promise<void> {
  const data = join(dir, 'data');
  const password = join(dir, 'password');
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(password, PASSWORD, { mode: 0o600 });
  if (isRoot) for (const path of [data, password]) chownSync(path, NOBODY, NOBODY);
  const flags = ['-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8', '--auth=scram-sha-256', `--pwfile=${password}`, '--no-sync'];
  await execute(join(bin, 'initdb'), ['-D', data, ...flags], { ...unprivileged, cwd: dir, env: { PATH: '/usr/bin:/bin', HOME: dir } });
}

function launch(dir: string, bin: string, settings: readonly string[]): ChildProcess {
  const all = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', 'log_connections=on', ...settings];
  const args = ['-D', join(dir, 'data'), ...all.flatMap((setting) => ['-c', setting])];
  const server = spawn(join(bin, 'postgres'), args, { ...unprivileged, cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
  writeFileSync(join(dir, 'log'), '');
  server.stderr?.on('data', (text: Buffer) => appendFileSync(join(dir, 'log'), text));
  // A test run that ends early must not leave it behind.
  const onExit = () => server.kill('SIGQUIT');
  process.once('exit', onExit);
  server.once('exit', () => process.off('exit', onExit));
  return server;
}

async function answers(server: ChildProcess, ask: () => Promise<string>): Promise<void> {
  for (let attempt = 0; attempt < 300 && server.exitCode === null; attempt++) {
    const up = await ask().then(
      () => true,
      () => false,
    );
    if (up) return;
    await sleep(50);
  }
  throw new Error(server.exitCode === null ? 'not ready after 15 s' : `ended with status ${server.exitCode}`);
}

async function shutDown(server: ChildProcess, dir: string): Promise<void> {
  if (server.exitCode === null && server.signalCode === null) {
    const gone = once(server, 'exit');
    server.kill('SIGINT');
    const impatience = setTimeout(() => server.kill('SIGQUIT'), 5000);
    await gone;
    clearTimeout(impatience);
  }
  rmSync(dir, { recursive: true, force: true });
}

function freePort(): Promise<number> {
  return new Promise((settle, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => settle(port));
    });
  });
}
