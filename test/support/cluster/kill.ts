import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { podsOf, statusesOf } from './job.ts';
import { type Json, kubectl, onTestBed, read, tryKubectl } from './kubectl.ts';
import { until } from './until.ts';

const execute = promisify(execFile);

/** Waits until a container of a Job's pod runs, and returns the pod. */
export async function running(namespace: string, job: string, container: string): Promise<Json> {
  return until(`container ${container} of ${job} running`, 180, async () => {
    const [pod] = await podsOf(namespace, job);
    return pod && statusesOf(pod).some(({ name, state }) => name === container && state?.running) ? pod : undefined;
  });
}

/** Waits until a running container has written something to its log. */
export async function logged(namespace: string, job: string, container: string, text: string | RegExp): Promise<Json> {
  const pod = await running(namespace, job, container);
  await until(`'${text}' in the log of ${container}`, 180, async () => {
    const log = await read(`/api/v1/namespaces/${namespace}/pods/${pod.metadata.name}/log?container=${container}`);
    return (typeof text === 'string' ? log?.includes(text) : text.test(log ?? '')) ? true : undefined;
  });
  return pod;
}

/**
 * Stops a running container but not its pod, so that its status and log stay readable. TERM goes to its first process, as
 * from the kubelet. Only the test bed's runtime can send KILL, as from the kernel. Elsewhere the pod is deleted without a
 * grace period.
 */
export async function kill(namespace: string, pod: Json, container: string, signal: 'TERM' | 'KILL'): Promise<void> {
  const { name } = pod.metadata;
  // The container may end before the shell in it that sends the signal.
  if (signal === 'TERM') await tryKubectl(['exec', '-n', namespace, name, '-c', container, '--', 'sh', '-c', 'kill -s TERM 1']);
  else if (onTestBed) await killTask(pod, container);
  else await kubectl(['delete', 'pod', '-n', namespace, name, '--wait=false', '--grace-period=0', '--force']);
}

async function killTask(pod: Json, container: string): Promise<void> {
  const now = await read(`/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`);
  const id: string = statusesOf(now)
    .find(({ name }) => name === container)
    ?.containerID.replace('containerd://', '');
  await execute('ctr', ['-a', '/run/backstay-testbed/containerd.sock', '-n', 'k8s.io', 'tasks', 'kill', '--all', '--signal', 'SIGKILL', id]);
}
