import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresSource } from '../support/cluster/backups.ts';
import { type Desk, startDesk } from '../support/cluster/desk.ts';
import { type Json, read } from '../support/cluster/kubectl.ts';
import { freshNamespace, type Namespace } from '../support/cluster/namespace.ts';
import { startPostgres } from '../support/cluster/postgres.ts';
import { until } from '../support/cluster/until.ts';
import { startWorld, verdict, type World } from '../support/cluster/world.ts';

let world: World;
let elsewhere: Namespace;
/** A pod with network tools and the labels of a backup pod, which are all that a policy matches. */
let lookout: Desk;

beforeAll(async () => {
  elsewhere = await freshNamespace('elsewhere');
  world = await startWorld('network', async ({ namespace }) => {
    await Promise.all([startPostgres(namespace, { name: 'other' }), startPostgres(elsewhere.name, { name: 'foreign' })]);
    return { sources: { shop: postgresSource('db', 'shop', { network: { labels: { app: 'db' } } }) } };
  });
  const { spec } = await read(`/apis/batch/v1/namespaces/${world.namespace}/cronjobs/backup-shop-daily`);
  lookout = await startDesk(world.namespace, { name: 'lookout', labels: spec.jobTemplate.spec.template.metadata.labels });
  // A policy takes effect shortly after its pod has an address.
  await until('the policy in force', 20, async () => ((await reaches(lookout, 'other', 5432)) ? undefined : true));
});

afterAll(() => Promise.all([elsewhere?.end(), world?.end()]));

describe('a backup pod reaches', () => {
  test.each(['db', 'kubernetes.default'])('DNS, and resolves %s', async (name) => {
    expect(await lookout.sh(`getent hosts ${name}`)).toMatch(/^10\./);
  });

  test('its server', async () => expect(await reaches(lookout, 'db', 5432)).toBe(true));

  test('its store', async () => {
    const { hostname, port } = new URL(world.s3.url);
    expect(await reaches(lookout, hostname, Number(port))).toBe(true);
  });
});

describe('a backup pod does not reach', () => {
  test('another server of its namespace', async () => expect(await reaches(lookout, 'other', 5432)).toBe(false));

  test('a server of another namespace', async () => expect(await reaches(lookout, `foreign.${elsewhere.name}`, 5432)).toBe(false));

  test("Kubernetes' API", async () => expect(await reaches(lookout, 'kubernetes.default', 443)).toBe(false));

  test("another port of the store's host", async () => {
    const { hostname } = new URL(world.s3.url);
    // The store itself behind the gate, where something listens.
    const { port } = new URL(world.s3.behind);
    expect(await reaches(lookout, hostname, Number(port))).toBe(false);
  });

  test('no pod reaches a backup pod', async () => {
    const listening = `PATH="$PATH:/usr/lib/postgresql/17/bin"; initdb --no-sync -D /tmp/pg >/dev/null; pg_ctl -D /tmp/pg -o "-c listen_addresses='*' -k /tmp" -l /tmp/log -w start`;
    await lookout.sh(`${listening} >/dev/null`);
    const ip: string = (await read(`/api/v1/namespaces/${world.namespace}/pods/lookout`)).status.podIP;
    expect(await reaches(lookout, ip, 5432)).toBe(true);
    const stranger = await startDesk(world.namespace, { name: 'stranger' });
    expect(await reaches(stranger, 'db', 5432)).toBe(true);
    expect(await reaches(stranger, ip, 5432)).toBe(false);
  });
});

test('a backup succeeds under the policy', async () => {
  expect(verdict(await world.run('shop'))).toMatch(/^complete/);
});

test('a server that the policy blocks fails with 69, and the message names the policy', async () => {
  const end = await world.run('shop', ({ spec }) => {
    const [take] = spec.template.spec.initContainers;
    take.env.find(({ name }: Json) => name === 'PGHOST').value = 'other';
    take.command = ['sh', '-c', 'sleep 5; exec /bin/sh /scripts/postgres-dump.sh'];
  });
  expect(verdict(end)).toMatch(/^failed: take-postgres 69: cannot connect to other:5432 within 10s/);
  expect(end.lastWords.hint).toContain('NetworkPolic');
});

async function reaches(from: Desk, host: string, port: number): Promise<boolean> {
  return (await from.sh(`timeout 3 bash -c 'exec 3<>/dev/tcp/${host}/${port}' 2>/dev/null && echo open || echo closed`)) === 'open\n';
}
