import { describe, expect, test } from 'vitest';
import { objectsOf } from '../../lib/charts/objects.ts';
import { NetworkPolicy, type NetworkPolicyProps } from '../../lib/constructs/network-policy.ts';
import type { Peer } from '../../lib/pod.ts';

function policy(peers: readonly Peer[], props: Partial<NetworkPolicyProps> = {}) {
  const given = {
    name: 'backup-shop',
    namespace: 'backup',
    labels: {},
    annotations: {},
    pods: { matchLabels: { a: 'b' } },
    peers,
    exceptCidrs: [],
    dnsPort: 53,
    ...props,
  };
  const [object] = objectsOf((scope) => void new NetworkPolicy(scope, 'policy', given));
  return (object as unknown as { spec: { egress: readonly object[]; podSelector: object; policyTypes: readonly string[]; ingress?: object } }).spec;
}

const dns = {
  ports: [
    { port: 53, protocol: 'UDP' },
    { port: 53, protocol: 'TCP' },
  ],
};
const everywhere = [{ ipBlock: { cidr: '0.0.0.0/0' } }, { ipBlock: { cidr: '::/0' } }];
const tcp = (port: number) => ({ port, protocol: 'TCP' });
const namespace = (name: string) => ({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } });

test('blocks all incoming traffic, and all outgoing traffic except DNS and the peers', () => {
  expect(policy([])).toEqual({ podSelector: { matchLabels: { a: 'b' } }, policyTypes: ['Ingress', 'Egress'], egress: [dns] });
});

test('allows peers in the cluster by namespace, labels and port of the pods', () => {
  const db: Peer = { type: 'pods', namespace: 'shop', labels: { role: 'primary', app: 'db' }, port: 5432 };
  expect(policy([db]).egress.slice(1)).toEqual([
    { to: [{ ...namespace('shop'), podSelector: { matchLabels: { app: 'db', role: 'primary' } } }], ports: [tcp(5432)] },
  ]);
});

test('a peer without labels is every pod of its namespace', () => {
  expect(policy([{ type: 'pods', namespace: 'shop', labels: {}, port: 5432 }]).egress.slice(1)).toEqual([
    { to: [namespace('shop')], ports: [tcp(5432)] },
  ]);
});

test('a peer outside the cluster is any address on its port, without the exceptions of its IP version', () => {
  const exceptCidrs = ['fd00::/8', '10.96.0.0/12', '10.0.0.0/8', '10.0.0.0/8'];
  expect(policy([{ type: 'external', port: 443 }]).egress.slice(1)).toEqual([{ to: everywhere, ports: [tcp(443)] }]);
  expect(policy([{ type: 'external', port: 443 }], { exceptCidrs }).egress.slice(1)).toEqual([
    {
      to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', '10.96.0.0/12'] } }, { ipBlock: { cidr: '::/0', except: ['fd00::/8'] } }],
      ports: [tcp(443)],
    },
  ]);
});

test('the port of the DNS pods can differ from that of their Service', () => {
  expect(policy([], { dnsPort: 5353 }).egress).toEqual([{ ports: [{ port: 5353, protocol: 'UDP' }, tcp(5353)] }]);
});

describe('the order of peers does not change the policy', () => {
  const peers: readonly Peer[] = [
    { type: 'external', port: 443 },
    { type: 'pods', namespace: 'shop', labels: {}, port: 5432 },
    { type: 'external', port: 80 },
    { type: 'pods', namespace: 'minio', labels: {}, port: 9000 },
    { type: 'external', port: 443 },
  ];

  test('lists each peer once, with all its ports', () => {
    expect(policy(peers).egress).toEqual([
      dns,
      { to: everywhere, ports: [tcp(80), tcp(443)] },
      { to: [namespace('minio')], ports: [tcp(9000)] },
      { to: [namespace('shop')], ports: [tcp(5432)] },
    ]);
  });

  test('sorts the peers', () => {
    expect(policy([...peers].reverse())).toEqual(policy(peers));
  });
});
