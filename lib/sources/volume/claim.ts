import type { Placement } from '../../pod.ts';

/** Mount path of the claim in every container that reads or fills it. */
export const DATA_DIR = '/data';

/** Where a pod must run to reach the claim. */
export function placementOf({ nextTo, node }: { readonly nextTo?: Readonly<Record<string, string>>; readonly node?: string }): Placement | undefined {
  if (nextTo) return { type: 'nextTo', labels: nextTo };
  return node === undefined ? undefined : { type: 'node', node };
}
