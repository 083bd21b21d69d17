import type { k8s } from '../../imports/k8s.ts';
import type { Options } from '../config/schema/options.ts';
import { WORK_DIR } from '../model/steps/variables.ts';
import { bytesOf } from '../units/size.ts';
import type { Plain } from './kubernetes-object.ts';
import type { Mounted } from './volumes.ts';

type Pod = Options['pod'];

const MI = 1024 ** 2;
/** Home and temporary files of the tools: history, sockets, sort. */
const TMP_MI = 64;
/** Facts, lists and manifests beside the artifacts: the scripts stop at the scratch's size, and an eviction says nothing. */
const MARGIN_MI = 64;
/** One part in so many of the scratch is reserved, unless the values say more. */
const RESERVED_SHARE = 10;
/** Logs of the containers. */
const LOGS_MI = 64;

/** The folders that a container may write to. */
export function scratch({ size, storageClassName }: Pod['scratch']): readonly Mounted[] {
  return [
    { path: WORK_DIR, volume: storageClassName === undefined ? onNode(size) : onItsOwn(size, storageClassName) },
    { path: '/tmp', volume: { emptyDir: { sizeLimit: mebibytes(TMP_MI) } } },
  ];
}

/**
 * What each container may use.
 *
 * The node's disk is part of it. The limit holds for the pod, which shares one scratch, so each container has all of it.
 * Less is requested: a scratch has room for the worst run, and a dozen of them at 02:00 must fit on one node.
 */
export function resources({ resources: { requests, limits }, scratch }: Pod): Plain<k8s.ResourceRequirements> {
  const onNode = scratch.storageClassName === undefined;
  const limit = onNode ? bytesOf(scratch.size) / MI + MARGIN_MI : 0;
  const request = onNode ? reserved(scratch) : 0;
  return { requests: quantities({ ...requests }, withOwn(request)), limits: quantities({ ...limits }, withOwn(limit)) };
}

/** What the scheduler sets aside. MiB. */
function reserved({ size, request }: Pod['scratch']): number {
  const most = bytesOf(size) / MI;
  return Math.min(most, request === undefined ? Math.ceil(most / RESERVED_SHARE) : bytesOf(request) / MI);
}

function withOwn(scratchMebibytes: number): string {
  return mebibytes(scratchMebibytes + TMP_MI + LOGS_MI);
}

/** The same for a container that only waits and talks beside one that has the scratch: containers that run at once add up. */
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

/** A claim that lives as long as the pod. */
function onItsOwn(size: string, storageClassName: string): Mounted['volume'] {
  const spec = { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage: size } } };
  return { ephemeral: { volumeClaimTemplate: { spec } } };
}

function mebibytes(count: number): string {
  return `${count}Mi`;
}
