import { load } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { type ClusterPlan, cluster, pod } from '../support/fake-cluster.ts';
import { backstay } from '../support/fake-world.ts';
import { projectFolder, VALUES } from '../support/project-folder.ts';

const verify = (overlay: string, argv: readonly string[] = [], plan?: ClusterPlan) => {
  const project = projectFolder({ 'config/base.yaml': VALUES, 'config/prod.yaml': overlay });
  return backstay(['verify', 'prod/shop', ...argv, ...project.config], plan && { kubectl: cluster(plan) });
};

test('verify prints the Job that its CronJob would create, for kubectl create, and calls nothing', async () => {
  const { status, stdout, calls } = await verify('');
  expect(stdout.split('\n')[0]).toBe('# a manual verification, for kubectl create -f -: each time creates another Job');
  expect(load(stdout)).toMatchObject({ kind: 'Job', metadata: { generateName: 'verify-shop-', namespace: 'backup' } });
  expect((load(stdout) as { metadata: object }).metadata).not.toHaveProperty('name');
  expect({ status, calls }).toEqual({ status: 0, calls: [] });
});

test('verify of a source without verification hints at how to enable it', async () => {
  const { status, stdout, stderr } = await verify('verify: { enabled: false }\n');
  expect(stderr).toBe('error: verification of prod/shop is disabled\n  HINT: set verify: { enabled: true } in the source');
  expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
});

describe('verify --apply', () => {
  const words = { reason: 'verified 20261121-020000-bcdfghjk: every check passed, recorded in local', seconds: 75, status: 0 };

  test('creates the Job, follows it, and reports the duration, which is what a restore would take', async () => {
    const { status, stdout, calls, inputs } = await verify('', ['--apply'], {
      pods: [
        [pod({ steps: { fetch: { exit: 0 }, 'verify-postgres': 'running' } })],
        [pod({ steps: { fetch: { exit: 0 }, 'verify-postgres': { exit: 0 }, record: { exit: 0, words } } })],
      ],
      jobEnds: { type: 'Complete' },
    });
    expect(calls[0]).toContain('get serviceaccount/backup-shop configmap/backstay-lib-');
    expect(calls[1]).toBe('create --filename - --output json');
    expect(JSON.parse(inputs[1] ?? '')).toMatchObject({ kind: 'Job', metadata: { generateName: 'verify-shop-' } });
    expect(stdout).toMatchInlineSnapshot(`
      "created the Job backup/backup-shop-daily-x7k2p
        fetch: running
        fetch: done after 3s
        verify-postgres: running
        verify-postgres: done after 3s
        record: running
        record: done after 3s
      verified 20261121-020000-bcdfghjk: every check passed, recorded in local, 1m 15s"
    `);
    expect(status).toBe(0);
  });

  test('names scripts that were not applied, and creates nothing', async () => {
    const { status, stderr, calls } = await verify('', ['--apply'], { pods: [], missing: ['configmap/backstay-postgres-restore'] });
    expect(stderr).toMatch(/missing in the namespace 'backup' of this cluster: configmap\/backstay-postgres-restore-[0-9a-f]{8}/);
    expect(calls).toHaveLength(1);
    expect(status).toBe(69);
  });

  test('a backup that cannot be restored: prints the reason, and exits with the status of the step that found it', async () => {
    const found = { reason: 'public.orders has 3 rows, and at least 1000 are wanted', status: 65 };
    const { status, stderr } = await verify('', ['--apply'], {
      pods: [[pod({ steps: { fetch: { exit: 0 }, 'verify-postgres': { exit: 65, words: found }, record: { waiting: 'PodInitializing' } } })]],
      jobEnds: { type: 'Failed' },
    });
    expect(stderr).toContain('error: verify-postgres: public.orders has 3 rows, and at least 1000 are wanted');
    expect(status).toBe(65);
  });
});
