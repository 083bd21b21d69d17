import { ClusterError } from './cluster-error.ts';
import { NOT_FOUND } from './kubectl.ts';
import { STATUS } from './statuses.ts';
import type { Ran, World } from './world.ts';

/** The cluster that the user's kubectl talks to. */
export interface Cluster {
  /** What kubectl printed. Throws a {@link ClusterError} that says why when it failed. */
  run(args: readonly string[], input?: string): Promise<string>;
  /** The same, for who knows what a failure means. */
  try(args: readonly string[], input?: string): Promise<Ran>;
  /** An object, or a list of them, as JSON. */
  get<Item>(args: readonly string[]): Promise<Item>;
}

export interface ClusterOptions {
  /** @default - the current context of the user's configuration */
  readonly context?: string;
}

export function clusterOf(world: World, { context }: ClusterOptions): Cluster {
  const before = context === undefined ? [] : ['--context', context];
  const attempt = (args: readonly string[], input?: string) => world.kubectl([...before, ...args], input);
  const run = async (args: readonly string[], input?: string) => {
    const ran = await attempt(args, input);
    // Ctrl-C reaches kubectl too: what it says then is of no interest.
    if (ran.status !== 0) throw world.interrupted.aborted ? interruption() : explainKubectl(ran);
    return ran.stdout;
  };
  return { run, try: attempt, get: async (args) => JSON.parse(await run([...args, '--output', 'json'])) };
}

/** The user has had enough. */
export function interruption(): ClusterError {
  return new ClusterError('interrupted', 'what was made in the cluster for this command is deleted again', STATUS.interrupted);
}

const NO_ANSWER =
  /connection to the server .* was refused|connection refused|no such host|i\/o timeout|Unable to connect|no configuration has been provided|TLS handshake/;

/** Why kubectl failed, in our words where we know better than it. */
export function explainKubectl({ status, stderr }: Ran): ClusterError {
  const said = stderr.trim();
  const last = withoutAdvice(said.split('\n').at(-1) ?? '');
  if (status === NOT_FOUND) return new ClusterError(`kubectl cannot be run: ${last || 'not found'}`, 'install kubectl and have it on the PATH');
  if (/context .*(does not exist|was not found)/.test(said)) return new ClusterError(last, 'kubectl config get-contexts lists those that you have');
  if (NO_ANSWER.test(said))
    return new ClusterError(`no cluster answers: ${last}`, 'look at kubectl cluster-info; --context or KUBECONFIG name another cluster');
  if (/error loading config file|invalid configuration/.test(said))
    return new ClusterError(`the configuration of your kubectl is not usable: ${last}`, 'mend that file, or name another one in KUBECONFIG');
  if (/\(Unauthorized\)|must be logged in/.test(said))
    return new ClusterError(`the cluster does not know you: ${last}`, 'log in to the cluster again');
  if (/namespaces? "[^"]*" not found/.test(said))
    return new ClusterError(
      `not in this cluster: ${last}`,
      'create the namespace, or write createNamespace: true; or is this another cluster? See --context',
    );
  if (/\(Forbidden\)|is forbidden/.test(said))
    return new ClusterError(`not allowed: ${last}`, 'ask for this right in the namespace, or use another --context');
  return new ClusterError(`kubectl failed: ${last || `status ${status}`}`, 'these are its own words; try the same by hand');
}

/** Without the word that we begin with ourselves, and without kubectl's advice to look away. */
function withoutAdvice(line: string): string {
  return line
    .replace(/^error: /, '')
    .replace(/^error validating "STDIN": error validating data: /, '')
    .replace(/; if you choose to ignore these errors, .*$/, '');
}
