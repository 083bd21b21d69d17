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

test('nobody reaches the pods, and they reach nothing but DNS unless it is named', () => {
  expect(policy([])).toEqual({ podSelector: { matchLabels: { a: 'b' } }, policyTypes: ['Ingress', 'Egress'], egress: [dns] });
});

test('pods are named by namespace, labels and their own port', () => {
  const db: Peer = { type: 'pods', namespace: 'shop', labels: { role: 'primary', app: 'db' }, port: 5432 };
  expect(policy([db]).egress.slice(1)).toEqual([
    { to: [{ ...namespace('shop'), podSelector: { matchLabels: { app: 'db', role: 'primary' } } }], ports: [tcp(5432)] },
  ]);
});

test('pods without labels are all of that namespace', () => {
  expect(policy([{ type: 'pods', namespace: 'shop', labels: {}, port: 5432 }]).egress.slice(1)).toEqual([
    { to: [namespace('shop')], ports: [tcp(5432)] },
  ]);
});

test('what is outside is any address on that port, less the exceptions, each under its own family', () => {
  const exceptCidrs = ['fd00::/8', '10.96.0.0/12', '10.0.0.0/8', '10.0.0.0/8'];
  expect(policy([{ type: 'external', port: 443 }]).egress.slice(1)).toEqual([{ to: everywhere, ports: [tcp(443)] }]);
  expect(policy([{ type: 'external', port: 443 }], { exceptCidrs }).egress.slice(1)).toEqual([
    {
      to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', '10.96.0.0/12'] } }, { ipBlock: { cidr: '::/0', except: ['fd00::/8'] } }],
      ports: [tcp(443)],
    },
  ]);
});

test('the DNS pods may listen on another port than their Service', () => {
  expect(policy([], { dnsPort: 5353 }).egress).toEqual([{ ports: [{ port: 5353, protocol: 'UDP' }, tcp(5353)] }]);
});

describe('the same peers in another order give the same policy', () => {
  const peers: readonly Peer[] = [
    { type: 'external', port: 443 },
    { type: 'pods', namespace: 'shop', labels: {}, port: 5432 },
    { type: 'external', port: 80 },
    { type: 'pods', namespace: 'minio', labels: {}, port: 9000 },
    { type: 'external', port: 443 },
  ];

  test('each peer once, with its ports together', () => {
    expect(policy(peers).egress).toEqual([
      dns,
      { to: everywhere, ports: [tcp(80), tcp(443)] },
      { to: [namespace('minio')], ports: [tcp(9000)] },
      { to: [namespace('shop')], ports: [tcp(5432)] },
    ]);
  });

  test('whichever came first', () => {
    expect(policy([...peers].reverse())).toEqual(policy(peers));
  });
});
