import type { k8s } from '../../imports/k8s.ts';
import type { Options } from '../config/schema/options.ts';
import { WORK_DIR } from '../model/steps/variables.ts';
import { bytesOf } from '../units/size.ts';
import type { Plain } from './kubernetes-object.ts';
import type { Mounted } from './volumes.ts';

type Pod = Options['pod'];

const MI = 1024 ** 2;
/** For home and temporary files of the tools: history, sockets, sort. */
const TMP_MI = 64;
/** For facts, lists and manifests beside the artifacts. The scripts must reach their limit before the kubelet evicts the pod, which leaves no reason. */
const MARGIN_MI = 64;
/** The fraction of the scratch that is requested, as a divisor, unless the values request more. */
const RESERVED_SHARE = 10;
/** For the logs of the containers. */
const LOGS_MI = 64;

/** The folders that a container can write to. */
export function scratch({ size, storageClassName }: Pod['scratch']): readonly Mounted[] {
  return [
    { path: WORK_DIR, volume: storageClassName === undefined ? onNode(size) : onItsOwn(size, storageClassName) },
    { path: '/tmp', volume: { emptyDir: { sizeLimit: mebibytes(TMP_MI) } } },
  ];
}

/**
 * Requests and limits of each container.
 *
 * They include the node's disk. All containers share one scratch, so each has the limit of the whole pod. The request is
 * smaller: a scratch has room for the largest run, and a dozen runs at 02:00 must fit on one node.
 */
export function resources({ resources: { requests, limits }, scratch }: Pod): Plain<k8s.ResourceRequirements> {
  const onNode = scratch.storageClassName === undefined;
  const limit = onNode ? bytesOf(scratch.size) / MI + MARGIN_MI : 0;
  const request = onNode ? reserved(scratch) : 0;
  return { requests: quantities({ ...requests }, withOwn(request)), limits: quantities({ ...limits }, withOwn(limit)) };
}

/** The disk that the pod requests. MiB. */
function reserved({ size, request }: Pod['scratch']): number {
  const most = bytesOf(size) / MI;
  return Math.min(most, request === undefined ? Math.ceil(most / RESERVED_SHARE) : bytesOf(request) / MI);
}

function withOwn(scratchMebibytes: number): string {
  return mebibytes(scratchMebibytes + TMP_MI + LOGS_MI);
}

/** The same for a container that needs no scratch. Requests of containers that run at the same time add up. */
export function smallResources({ resources: { requests, limits } }: Pod): Plain<k8s.ResourceRequirements> {
  const disk = withOwn(0);
  return { requests: quantities({ ...requests }, disk), limits: quantities({ ...limits }, disk) };
}

function quantities(given: Readonly<Record<string, string | undefined>>, disk: string): Record<string, string> {
  const written = Object.entries(given).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]]));
  return { ...Object.fromEntries(written), 'ephemeral-storage': disk };
}

function onNode(size: string): Mounted['volume'] {
  return { emptyDir: { sizeLimit: mebibytes(bytesOf(size) / MI + MARGIN_MI) } };
}

/** A claim that is deleted with the pod. */
function onItsOwn(size: string, storageClassName: string): Mounted['volume'] {
  const spec = { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage: size } } };
  return { ephemeral: { volumeClaimTemplate: { spec } } };
}

function mebibytes(count: number): string {
  return `${count}Mi`;
}
