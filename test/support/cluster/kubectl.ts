import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { toolsCache } from '../tools.ts';

/** The cluster of KUBECONFIG, by default the test bed's. */
export const KUBECONFIG = process.env.KUBECONFIG || '/var/lib/backstay-testbed/kubeconfig';

/** Whether it is the test bed's cluster, where a test may look at the node itself. */
export const onTestBed = KUBECONFIG === '/var/lib/backstay-testbed/kubeconfig';

export interface Done {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A Kubernetes object as JSON, read or written. */
// biome-ignore lint/suspicious/noExplicitAny: objects of the API are looked into at any depth
export type Json = any;

const env = { ...process.env, KUBECONFIG, PATH: [join(toolsCache, 'cluster/bin'), process.env.PATH].join(delimiter) };

/** Runs kubectl against the cluster; never throws. */
export async function tryKubectl(args: readonly string[], input?: string | Buffer): Promise<Done> {
  if (!existsSync(KUBECONFIG)) throw new Error(`no cluster at ${KUBECONFIG}\nHINT: run test/testbed/up.sh, or set KUBECONFIG`);
  const child = spawn('kubectl', args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {}).end(input ?? '');
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const status = await new Promise<number | null>((settle, reject) => child.on('error', reject).on('close', settle));
  return { status, stdout, stderr };
}

/** Runs kubectl and returns its output. A failure is an error with its message. */
export async function kubectl(args: readonly string[], input?: string | Buffer): Promise<string> {
  const { status, stdout, stderr } = await tryKubectl(args, input);
  if (status !== 0) throw new Error(`kubectl ${args.join(' ')}: status ${status}\n${stderr}${stdout}`);
  return stdout;
}

/** Applies objects as people do: `kubectl apply -f`, which keeps a copy of each in an annotation. Unknown fields are refused. */
export async function apply(...objects: readonly Json[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  await kubectl(['apply', '--validate=strict', '-f', '-'], JSON.stringify(list));
}

/** Applies a folder with a kustomization, as the README describes. */
export async function applyFolder(folder: string): Promise<string> {
  return kubectl(['apply', '--validate=strict', '-k', folder]);
}

/** Runs a shell script in a container, from stdin, so that nothing needs quoting twice. */
export async function exec(namespace: string, pod: string, script: string, container?: string): Promise<string> {
  return kubectl(['exec', '-i', '-n', namespace, pod, ...(container ? ['-c', container] : []), '--', 'sh', '-eu'], script);
}

/** Reads an API path such as `/api/v1/namespaces/x/pods`. Undefined if it does not exist. */
export async function read(path: string): Promise<Json | undefined> {
  const answer = await fetch(`${await proxy()}${path}`);
  if (answer.status === 404) return undefined;
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return answer.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text;
}

let serving: Promise<string> | undefined;

/**
 * One `kubectl proxy` for the whole process, because starting kubectl five times a second takes half a CPU. It exits when
 * its stdin closes, however we end.
 */
function proxy(): Promise<string> {
  serving ??= new Promise((settle, reject) => {
    const child = spawn('sh', ['-c', 'kubectl proxy --port=0 & read -r _; kill $!'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
    child.on('error', reject).on('exit', () => reject(new Error('kubectl proxy ended')));
    child.stdout.on('data', (line: Buffer) => {
      const address = /127\.0\.0\.1:\d+/.exec(line.toString());
      if (!address) return;
      settle(`http://${address[0]}`);
      // From here on it does not keep the process alive.
      child.unref();
      for (const stream of [child.stdin, child.stdout]) (stream as unknown as { unref(): void }).unref();
    });
  });
  return serving;
}
