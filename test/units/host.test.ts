import { expect, test } from 'vitest';
import { peerOf } from '../../lib/units/host.ts';

test.each([
  ['db', { type: 'pods', namespace: 'backup', labels: {}, port: 5432 }],
  ['db.shop', { type: 'pods', namespace: 'shop', labels: {}, port: 5432 }],
  ['db.shop.svc', { type: 'pods', namespace: 'shop', labels: {}, port: 5432 }],
  ['db.shop.svc.cluster.local', { type: 'pods', namespace: 'shop', labels: {}, port: 5432 }],
  ['payments.abc.eu-central-1.rds.amazonaws.com', { type: 'external', port: 5432 }],
  ['db.acme.dev', { type: 'external', port: 5432 }],
  ['10.0.0.7', { type: 'external', port: 5432 }],
  ['fd00::7', { type: 'external', port: 5432 }],
])('%s becomes a peer of the NetworkPolicy', (host, peer) => {
  expect(peerOf(host, 5432, 'backup', undefined)).toEqual(peer);
});

test('an explicit network wins over the host name', () => {
  expect(peerOf('db.shop', 5432, 'backup', 'external')).toEqual({ type: 'external', port: 5432 });
  expect(peerOf('db.acme.dev', 5432, 'backup', { namespace: 'shop', labels: { app: 'pg' }, port: 6432 })).toEqual({
    type: 'pods',
    namespace: 'shop',
    labels: { app: 'pg' },
    port: 6432,
  });
  expect(peerOf('db.shop', 5432, 'backup', { labels: { app: 'pg' } })).toEqual({
    type: 'pods',
    namespace: 'shop',
    labels: { app: 'pg' },
    port: 5432,
  });
});
