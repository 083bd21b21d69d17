import * as z from 'zod';
import type { Peer } from '../pod.ts';
import { dnsLabel, port, textMap } from './names.ts';

/**
 * How to reach a host if its name is not enough: a NetworkPolicy does not support DNS names, and matches the ports of pods,
 * not of Services.
 */
export const network = z
  .union([
    z.literal('external'),
    z.strictObject({
      namespace: dnsLabel.optional().meta({ description: 'Namespace of the pods. Default: the one in the host name.' }),
      labels: textMap.default({}).meta({ description: 'Labels of the pods behind the Service. None: every pod of the namespace.' }),
      port: port.optional().meta({ description: "The pods' port, where it is not the Service's. Default: the port of the host." }),
    }),
  ])
  .optional()
  .meta({
    description:
      'How the NetworkPolicy lets the pod through: `external` for an address outside the cluster, or pods by namespace, labels and port. Default: read from the host name.',
  });

/**
 * The peer behind a host name. `x`, `x.y` and `x.y.svc…` are pods, in our own namespace or in `y`; everything else,
 * names of three or more labels and addresses, is external.
 */
export function peerOf(host: string, hostPort: number, namespace: string, how: z.output<typeof network>): Peer {
  if (how === 'external') return { type: 'external', port: hostPort };
  const labels = host.replace(/\.$/, '').split('.');
  const inside = labels.length <= 2 || labels[2] === 'svc';
  if (how === undefined && (!inside || host.includes(':'))) return { type: 'external', port: hostPort };
  return {
    type: 'pods',
    namespace: how?.namespace ?? (inside ? labels[1] : undefined) ?? namespace,
    labels: how?.labels ?? {},
    port: how?.port ?? hostPort,
  };
}
