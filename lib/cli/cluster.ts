import { ClusterError } from './cluster-error.ts';
import { NOT_FOUND } from './kubectl.ts';
import { STATUS } from './statuses.ts';
import type { Ran, World } from './world.ts';

/** The cluster that the user's kubectl is configured for. */
export interface Cluster {
  /** kubectl's output. Throws a {@link ClusterError} with the reason if kubectl fails. */
  run(args: readonly string[], input?: string): Promise<string>;
  /** The same, for callers that handle a failure themselves. */
  try(args: readonly string[], input?: string): Promise<Ran>;
  /** An object or a list, parsed from JSON. */
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
    // Ctrl-C stops kubectl too, so its error is meaningless then.
    if (ran.status !== 0) throw world.interrupted.aborted ? interruption() : explainKubectl(ran);
    return ran.stdout;
  };
  return { run, try: attempt, get: async (args) => JSON.parse(await run([...args, '--output', 'json'])) };
}

/** The error after Ctrl-C. */
export function interruption(): ClusterError {
  return new ClusterError('interrupted', 'everything that this command created in the cluster is deleted', STATUS.interrupted);
}

const NO_ANSWER =
  /connection to the server .* was refused|connection refused|no such host|i\/o timeout|Unable to connect|no configuration has been provided|TLS handshake/;

/** Why kubectl failed, with a clearer message where we know one. */
export function explainKubectl({ status, stderr }: Ran): ClusterError {
  const message = stderr.trim();
  const last = withoutAdvice(message.split('\n').at(-1) ?? '');
  if (status === NOT_FOUND) return new ClusterError(`cannot run kubectl: ${last || 'not found'}`, 'install kubectl and add it to the PATH');
  if (/context .*(does not exist|was not found)/.test(message)) return new ClusterError(last, 'list your contexts with kubectl config get-contexts');
  if (NO_ANSWER.test(message))
    return new ClusterError(
      `the cluster does not answer: ${last}`,
      'check kubectl cluster-info, or choose another cluster with --context or KUBECONFIG',
    );
  if (/error loading config file|invalid configuration/.test(message))
    return new ClusterError(`invalid kubectl configuration: ${last}`, 'fix that file, or set KUBECONFIG to another one');
  if (/\(Unauthorized\)|must be logged in/.test(message))
    return new ClusterError(`not logged in to the cluster: ${last}`, 'log in to the cluster again');
  if (/namespaces? "[^"]*" not found/.test(message))
    return new ClusterError(
      `not in this cluster: ${last}`,
      'create the namespace or set createNamespace: true. If this is the wrong cluster, set --context',
    );
  if (/\(Forbidden\)|is forbidden/.test(message))
    return new ClusterError(`not allowed: ${last}`, 'request this permission in the namespace, or choose another --context');
  return new ClusterError(`kubectl failed: ${last || `status ${status}`}`, 'this is the message of kubectl; run the same command yourself');
}

/** Drops the prefix that we print ourselves, and kubectl's advice to ignore the error. */
function withoutAdvice(line: string): string {
  return line
    .replace(/^error: /, '')
    .replace(/^error validating "STDIN": error validating data: /, '')
    .replace(/; if you choose to ignore these errors, .*$/, '');
}
