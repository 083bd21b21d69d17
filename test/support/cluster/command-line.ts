import { spawn } from 'node:child_process';
import { delimiter, join, resolve } from 'node:path';
import { toolsCache } from '../tools.ts';
import { KUBECONFIG } from './kubectl.ts';

export interface Told {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real command line in a separate process, with the values of `dist`. */
export function commandLine(dist: string) {
  const config = resolve(dist, '../../config');
  return (argv: readonly string[], started?: (interrupt: () => void) => void): Promise<Told> => {
    const env = { ...process.env, KUBECONFIG, PATH: [join(toolsCache, 'cluster/bin'), process.env.PATH].join(delimiter) };
    const child = spawn(process.execPath, ['--import', 'tsx', 'main.ts', ...argv, '--config', config], { env, detached: true });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // Like a terminal: the whole group gets the signal, kubectl too.
    started?.(() => process.kill(-(child.pid ?? 0), 'SIGINT'));
    return new Promise((settle, reject) => child.on('error', reject).on('close', (status) => settle({ status, stdout, stderr })));
  };
}
