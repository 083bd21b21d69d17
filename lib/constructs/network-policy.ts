import { Construct } from 'constructs';
import type { k8s } from '../../imports/k8s.ts';
import type { ExternalPeer, Peer, PodPeer } from '../pod.ts';
import { KubernetesObject, type Plain } from './kubernetes-object.ts';
import type { PodSelector, TextMap } from './labels.ts';

export interface NetworkPolicyProps {
  readonly name: string;
  readonly namespace: string;
  readonly labels: TextMap;
  readonly annotations: TextMap;
  /** The pods that the policy selects. */
  readonly pods: PodSelector;
  /** The peers that they may reach. */
  readonly peers: readonly Peer[];
  /** Addresses that "any address" excludes. */
  readonly exceptCidrs: readonly string[];
  readonly dnsPort: number;
}

/**
 * Lets the pods of a source reach DNS, its server and its storages, and nothing else. Denies all incoming traffic.
 *
 * A NetworkPolicy cannot contain DNS names: a host outside the cluster becomes any address on its port, except the
 * excluded ones.
 */
export class NetworkPolicy extends Construct {
  constructor(scope: Construct, id: string, props: NetworkPolicyProps) {
    super(scope, id);
    const { name, namespace, labels, annotations, pods } = props;
    new KubernetesObject(this, 'Resource', 'NetworkPolicy', {
      metadata: { name, namespace, labels, annotations },
      spec: { podSelector: pods, policyTypes: ['Ingress', 'Egress'], egress: egress(props) },
    });
  }
}

function egress({ peers, exceptCidrs, dnsPort }: NetworkPolicyProps): Plain<k8s.NetworkPolicyEgressRule>[] {
  const rules = new Map<string, { to: k8s.NetworkPolicyPeer[]; ports: Set<number> }>();
  for (const peer of peers) {
    const to = peer.type === 'pods' ? podPeer(peer) : anyAddress(exceptCidrs);
    const key = JSON.stringify(to);
    const rule = rules.get(key) ?? { to, ports: new Set() };
    rules.set(key, { ...rule, ports: rule.ports.add(peer.port) });
  }
  const sorted = [...rules].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rule]) => rule);
  return [
    { ports: ['UDP', 'TCP'].map((protocol) => portOf(dnsPort, protocol)) },
    ...sorted.map(({ to, ports }) => ({ to, ports: [...ports].sort((a, b) => a - b).map((port) => portOf(port, 'TCP')) })),
  ];
}

function portOf(port: ExternalPeer['port'], protocol: string): Plain<k8s.NetworkPolicyPort> {
  return { port, protocol };
}

function podPeer({ namespace, labels }: PodPeer): k8s.NetworkPolicyPeer[] {
  const sorted = Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
  return [
    {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      ...(Object.keys(sorted).length > 0 && { podSelector: { matchLabels: sorted } }),
    },
  ];
}

function anyAddress(exceptCidrs: readonly string[]): k8s.NetworkPolicyPeer[] {
  const block = (cidr: string, except: readonly string[]) => ({ ipBlock: { cidr, ...(except.length > 0 && { except: [...except] }) } });
  const sorted = [...new Set(exceptCidrs)].sort();
  return [
    block(
      '0.0.0.0/0',
      sorted.filter((cidr) => !cidr.includes(':')),
    ),
    block(
      '::/0',
      sorted.filter((cidr) => cidr.includes(':')),
    ),
  ];
}
