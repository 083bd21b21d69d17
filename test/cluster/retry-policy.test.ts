import { afterAll, beforeAll, expect, test } from 'vitest';
import { deploy, postgresSource, testValues } from '../support/cluster/backups.ts';
import { endOf, podsOf, startRun } from '../support/cluster/job.ts';
import { kubectl } from '../support/cluster/kubectl.ts';
import { freshNamespace, type Namespace } from '../support/cluster/namespace.ts';
import { until } from '../support/cluster/until.ts';

let ns: Namespace;
const s3 = { url: 'https://10.199.0.1:9' };

beforeAll(async () => {
  ns = await freshNamespace('retry-policy');
  const values = { sources: { shop: { ...postgresSource('db', 'shop'), storages: ['local'], job: { backoffLimit: 2 } } } };
  await deploy(ns.name, testValues({ namespace: ns.name, s3, bucket: 'backups' }, values));
  await kubectl(['create', 'secret', 'generic', 'db', '-n', ns.name, '--from-literal=username=x', '--from-literal=password=x']);
});

afterAll(() => ns?.end());

/** The synthesized Job, with a step that only exits with a status. */
function endsWith(status: number, step: 'take' | 'publish'): Promise<string> {
  return startRun(ns.name, 'backup-shop-daily', ({ spec }) => {
    const pod = spec.template.spec;
    const [take] = pod.initContainers;
    const [publish] = pod.containers;
    take.command = ['sh', '-c', `exit ${step === 'take' ? status : 0}`];
    publish.command = ['sh', '-c', `exit ${status}`];
  });
}

const steps = ['take', 'publish'] as const;
const cases = (...statuses: readonly number[]) => statuses.flatMap((status) => steps.map((step) => [step, status] as const));

test.concurrent.each(cases(10, 64, 65, 73, 77))('%s that ends with %i is not retried', async (step, status) => {
  const end = await endOf(ns.name, await endsWith(status, step));
  expect([end.reason, end.pods.length]).toEqual(['PodFailurePolicy', 1]);
});

test.concurrent.each(cases(69, 70, 75))('%s that ends with %i is retried', async (step, status) => {
  const job = await endsWith(status, step);
  await until(`a second attempt of ${job}`, 90, async () => ((await podsOf(ns.name, job)).length > 1 ? true : undefined));
});
