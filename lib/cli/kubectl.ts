import { spawn } from 'node:child_process';
import type { Ran } from './world.ts';

/** Exit status of a program that cannot be started, as in a shell. */
export const NOT_FOUND = 127;

/** Runs the user's kubectl with the given environment. */
export function runKubectl(env: NodeJS.ProcessEnv): (args: readonly string[], input?: string) => Promise<Ran> {
  return (args, input) =>
    new Promise((settle) => {
      // Without input, kubectl may prompt: some clusters ask for a password or a code.
      const child = spawn('kubectl', args, { env, stdio: [input === undefined ? 'inherit' : 'pipe', 'pipe', 'pipe'] });
      let stdout = '';
      let stderr = '';
      child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      child.on('error', ({ message }) => settle({ status: NOT_FOUND, stdout, stderr: message }));
      child.on('close', (status) => settle({ status: status ?? NOT_FOUND, stdout, stderr }));
      child.stdin?.on('error', () => {}).end(input);
    });
}
