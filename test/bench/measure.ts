import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** How often each contender runs. */
export const RUNS = Number(process.env.BENCH_RUNS ?? 3);

/** One run of one command, by the operating system's own account. */
export interface Run {
  /** Seconds. */
  readonly wall: number;
  /** Seconds of processors, all processes together. */
  readonly cpu: number;
  /** Peak of the largest single process. Bytes. */
  readonly memory: number;
}

export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs commands one after the other as one thing: their times add up, their memory is the largest of them. */
export async function measure(commands: readonly Command[]): Promise<Run> {
  const runs: Run[] = [];
  for (const command of commands) runs.push(await measureOne(command));
  return { wall: sum(runs.map((run) => run.wall)), cpu: sum(runs.map((run) => run.cpu)), memory: Math.max(...runs.map((run) => run.memory)) };
}

function measureOne({ argv, env, cwd }: Command): Promise<Run> {
  return new Promise((settle, reject) => {
    const child = spawn('python3', [join(import.meta.dirname, 'measure.py'), ...argv], { env: { ...process.env, ...env }, cwd });
    let out = '';
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)));
    child.on('error', reject);
    child.on('close', () => {
      const { status, ...run } = JSON.parse(out.trim().split('\n').at(-1) ?? '{}') as Run & { status: number };
      if (status === 0) settle(run);
      else reject(new Error(`${argv.join(' ')}: status ${status}\n${said}`));
    });
  });
}

/** A contender of a comparison. The preparation of a run is not measured. */
export interface Contender {
  readonly name: string;
  prepare?(): void | Promise<void>;
  run(): Promise<Run>;
  /** Further figures of the run that just ended, such as the size of its output. */
  figures?(): Readonly<Record<string, number>>;
}

export type Figures = Readonly<Record<string, number>>;

/** Runs contenders in turn, A B A B …, so that a machine that slows down slows them all; the median of each figure. */
export async function interleaved(contenders: readonly Contender[], runs: number): Promise<ReadonlyMap<string, Figures>> {
  const all = new Map(contenders.map(({ name }) => [name, [] as Figures[]]));
  for (let round = 0; round < runs; round += 1) {
    for (const contender of contenders) {
      await contender.prepare?.();
      const run = await contender.run();
      all.get(contender.name)?.push({ ...run, ...contender.figures?.() });
      process.stderr.write(`  ${contender.name}: ${run.wall.toFixed(1)} s\n`);
    }
  }
  return new Map([...all].map(([name, figures]) => [name, medians(figures)]));
}

function medians(all: readonly Figures[]): Figures {
  const names = Object.keys(all[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(all.map((figures) => figures[name] ?? Number.NaN))]));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Rows under a head, columns lined up. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '))
    .join('\n');
}

export const seconds = (value: number | undefined) => `${(value ?? Number.NaN).toFixed(2)} s`;
export const mebibytes = (value: number | undefined) => `${((value ?? Number.NaN) / 1024 ** 2).toFixed(0)} MiB`;
export const times = (value: number) => `${value.toFixed(2)} x`;
