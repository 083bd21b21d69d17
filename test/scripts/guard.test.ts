import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../support/cluster/until.ts';
import { application, type FakeCluster, GuardedPod } from '../support/guard.ts';
import { SHELLS } from '../support/run-script.ts';
import { endOfTurn, type TurnEnd } from '../support/turns.ts';

const WEB = 'shop/deployment/web';
const DB = 'shop/statefulset/cache';
const APPLICATIONS = 'shop deployment web\nshop statefulset cache';
const STOPPED = { replicas: 0, 'backstay.dev/restore': 'bcdfghjk' };
const two = (): Partial<FakeCluster> => ({
  objects: { [WEB]: application('web', 3), [DB]: application('cache', 1, { stopLooks: 2, startLooks: 1 }) },
});
const changes = ({ calls }: FakeCluster) => calls.filter((call) => /^patch (deployment|statefulset)/.test(call));
const restored = 'state new';

describe.concurrent.each(SHELLS)('guard.sh under %s', (_, shell) => {
  const pod = (cluster: Partial<FakeCluster> = two(), env: Readonly<Record<string, string>> = { APPLICATIONS }) =>
    new GuardedPod(shell, cluster, env);

  /** Runs the guard and one step to their end. */
  async function restore(at: GuardedPod, body = restored): Promise<{ readonly guard: TurnEnd; readonly step: TurnEnd }> {
    const step = at.step('restore-database', 'guard', `cp "${join(at.work, 'turns/guard')}" "$WORK_DIR/begun"\n${body}`);
    const guard = at.guard();
    const ends = await Promise.all([guard.end, step.end]);
    return { guard: ends[0], step: ends[1] };
  }
  const ran = (at: GuardedPod) => existsSync(join(at.work, 'begun'));

  describe('a restore', () => {
    test('stops the applications, waits until their pods are gone, and starts each with its old replica count', async () => {
      const at = pod();
      const { guard, step } = await restore(at);
      expect({ status: guard.status, words: guard.lastWords, step: step.status }).toEqual({
        status: 0,
        words: { phase: 'guard', status: 0, reason: 'restored; started: deployment shop/web, statefulset shop/cache', restorePhase: 'Completed' },
        step: 0,
      });
      expect(at.cluster.phases).toEqual(['Stopping', 'Restoring', 'Starting', 'Completed']);
      expect(changes(at.cluster)).toEqual([
        'patch deployment/web shop {"metadata":{"annotations":{"backstay.dev/replicas":"3","backstay.dev/restore":"bcdfghjk"}},"spec":{"replicas":0}}',
        'patch statefulset/cache shop {"metadata":{"annotations":{"backstay.dev/replicas":"1","backstay.dev/restore":"bcdfghjk"}},"spec":{"replicas":0}}',
        'patch deployment/web shop {"metadata":{"annotations":{"backstay.dev/phase":"Restoring"}}}',
        'patch statefulset/cache shop {"metadata":{"annotations":{"backstay.dev/phase":"Restoring"}}}',
        'patch deployment/web shop {"metadata":{"annotations":{"backstay.dev/replicas":null,"backstay.dev/restore":null,"backstay.dev/phase":null}},"spec":{"replicas":3}}',
        'patch statefulset/cache shop {"metadata":{"annotations":{"backstay.dev/replicas":null,"backstay.dev/restore":null,"backstay.dev/phase":null}},"spec":{"replicas":1}}',
      ]);
      expect([at.of(WEB), at.of(DB)]).toEqual([{ replicas: 3 }, { replicas: 1 }]);
    });

    test('begins only when all applications are stopped', async () => {
      const at = pod();
      const step = at.step('restore-database', 'guard', 'sleep 3; state new');
      const guard = at.guard();
      await until('the step at work', 30, () => (existsSync(join(at.work, 'turns/restore-database.working')) ? true : undefined));
      expect([at.of(WEB), at.of(DB)]).toEqual([
        { ...STOPPED, 'backstay.dev/replicas': '3', 'backstay.dev/phase': 'Restoring' },
        { ...STOPPED, 'backstay.dev/replicas': '1', 'backstay.dev/phase': 'Restoring' },
      ]);
      await Promise.all([guard.end, step.end]);
    });

    test('that fails and changes nothing: applications are started, and the guard succeeds', async () => {
      const at = pod();
      const { guard, step } = await restore(at, 'state old; exit 65');
      expect([step.status, guard.status]).toEqual([65, 0]);
      expect(guard.lastWords).toMatchObject({
        reason: expect.stringMatching(/^not restored: restore-database ended with 65; started: /),
        restorePhase: 'Failed',
      });
      expect(at.cluster.phases).toEqual(['Stopping', 'Restoring', 'Starting', 'Failed']);
      expect([at.of(WEB), at.of(DB)]).toEqual([{ replicas: 3 }, { replicas: 1 }]);
    });

    test('that fails before it reports a state has changed nothing, so applications are started', async () => {
      const at = pod();
      await restore(at, 'exit 69');
      expect(at.of(WEB)).toEqual({ replicas: 3 });
    });

    test.each([
      ['ends half restored', 'exit 70'],
      ['is killed half restored', 'kill -KILL $$'],
    ])('that %s: applications stay stopped, and the guard says what to do', async (_, how) => {
      const at = pod();
      const { guard } = await restore(at, `state between; ${how}`);
      expect(guard.status).toBe(0);
      expect(guard.lastWords).toMatchObject({
        reason: expect.stringMatching(/^not restored: .*; half restored: database; stopped: deployment shop\/web, statefulset shop\/cache$/),
        hint: expect.stringMatching(/next attempt of the Job continues; if there is none, apply the restore again.*backstay\.dev\/replicas/),
        restorePhase: 'Failed',
      });
      expect(at.of(WEB)).toEqual({ ...STOPPED, 'backstay.dev/replicas': '3', 'backstay.dev/phase': 'Restoring' });
      expect(at.cluster.phases).toEqual(['Stopping', 'Restoring', 'Failed']);
    });

    test('whose container is killed: applications are started when the data is intact', async () => {
      const at = pod();
      const step = at.step('restore-database', 'guard', 'state old; exec sleep 60');
      const guard = at.guard();
      await until('the step at work', 30, () => (existsSync(join(at.work, 'run/state-database')) ? true : undefined));
      step.kill('KILL');
      const end = await guard.end;
      expect(end).toMatchObject({ status: 0, lastWords: { reason: expect.stringMatching(/^not restored: restore-database was killed; started/) } });
      expect(at.of(WEB)).toEqual({ replicas: 3 });
    });

    test('whose last step is killed while an earlier one works: the guard waits for that one', async () => {
      const at = pod(two(), { APPLICATIONS, TURN_LAST: 'record' });
      const step = at.step('restore-database', 'guard', 'state between; sleep 3; state new');
      const record = at.step('record', 'restore-database', '');
      const guard = at.guard();
      await until('the step at work', 30, () => (existsSync(join(at.work, 'run/state-database')) ? true : undefined));
      record.kill('KILL');
      const end = await guard.end;
      expect(end.lastWords).toMatchObject({ reason: expect.stringMatching(/^not restored: record was killed; started/) });
      expect([await step.end, at.of(WEB)]).toMatchObject([{ status: 0 }, { replicas: 3 }]);
    });

    test('leaves an application with no replicas at none', async () => {
      const at = pod({ objects: { [WEB]: application('web', 0) } }, { APPLICATIONS: 'shop deployment web' });
      const { guard } = await restore(at);
      expect([guard.status, at.of(WEB)]).toEqual([0, { replicas: 0 }]);
      expect(changes(at.cluster)[0]).toContain('"backstay.dev/replicas":"0"');
    });

    test('finds applications by label, each once', async () => {
      const objects = { [WEB]: application('web', 3), 'shop/deployment/worker': application('worker', 2, { labels: 'app=web' }) };
      const at = pod({ objects }, { APPLICATIONS: 'shop deployment selector app=web\nshop deployment web' });
      const { guard } = await restore(at);
      expect(guard.lastWords).toMatchObject({ reason: 'restored; started: deployment shop/web, deployment shop/worker' });
      expect(changes(at.cluster)).toHaveLength(6);
    });

    test('without applications checks the claims and shows its phases', async () => {
      const at = pod({}, { CLAIMS: 'backup uploads' });
      const { guard } = await restore(at);
      expect(guard).toMatchObject({ status: 0, lastWords: { reason: 'restored', restorePhase: 'Completed' } });
      expect(at.cluster.calls.filter((call) => !call.includes('job/'))).toEqual(['get pods backup', 'get pods backup']);
    });
  });

  describe('refuses, before anything is stopped,', () => {
    async function refused(cluster: Partial<FakeCluster>, env: Readonly<Record<string, string>> = {}) {
      const at = pod(cluster, { APPLICATIONS, ...env });
      const { guard, step } = await restore(at);
      expect({ status: guard.status, step: step.status, changes: changes(at.cluster), ran: ran(at) }).toEqual({
        status: 64,
        step: 0,
        changes: [],
        ran: false,
      });
      expect(step.lastWords?.reason).toMatch(/^skipped: /);
      expect([endOfTurn(at.work, 'guard')?.split('\n')[0], at.cluster.phases.at(-1)]).toEqual(['64', 'Failed']);
      return guard.lastWords;
    }

    test('missing, autoscaled and GitOps-managed applications, all reported at once', async () => {
      const words = await refused(
        {
          objects: {
            [WEB]: application('web', 3, { managers: 'argocd ' }),
            'shop/deployment/worker': application('worker', 1, { managers: 'flux ' }),
          },
          scalers: [
            { namespace: 'shop', kind: 'Deployment', target: 'web', name: 'keda-hpa-web' },
            { namespace: 'shop', kind: 'StatefulSet', target: 'worker', name: 'another' },
          ],
        },
        { APPLICATIONS: `${APPLICATIONS}\nshop deployment worker\nshop deployment selector a=b` },
      );
      expect(words).toMatchObject({
        reason:
          'there is no statefulset cache in namespace shop; there is no deployment with a=b in namespace shop; ' +
          'the autoscaler keda-hpa-web scales deployment shop/web; Argo CD manages deployment shop/web; Flux manages deployment shop/worker',
        hint: expect.stringContaining('correct scaleDown, or write NAMESPACE/statefulset/cache if it is in another namespace'),
      });
    });

    test('a claim that another pod mounts', async () => {
      const words = await refused(
        {
          ...two(),
          pods: [
            { namespace: 'backup', name: 'importer', claim: 'uploads' },
            { namespace: 'backup', name: 'other', claim: 'x' },
          ],
        },
        { CLAIMS: 'backup uploads' },
      );
      expect(words).toMatchObject({
        reason: 'the claim uploads in namespace backup is mounted by importer',
        hint: 'list their workloads in scaleDown, or set whileInUse: true',
      });
    });

    test('a replica annotation that is not a number', async () => {
      const web = application('web', 0, { metadata: { name: 'web', annotations: { 'backstay.dev/replicas': 'three' } } });
      expect(await refused({ objects: { [WEB]: web } }, { APPLICATIONS: 'shop deployment web' })).toMatchObject({
        reason: "the annotation backstay.dev/replicas of deployment shop/web is not a number: 'three'",
      });
    });
  });

  test('trusts what the user declares as paused', async () => {
    const at = pod(
      {
        objects: { [WEB]: application('web', 3, { managers: 'argocd ' }) },
        scalers: [{ namespace: 'shop', kind: 'Deployment', target: 'web', name: 'web' }],
      },
      { APPLICATIONS: 'shop deployment web', PAUSED: 'autoscaler by minReplicas\ngitops a sync window' },
    );
    expect((await restore(at)).guard.status).toBe(0);
    expect(at.cluster.calls.join()).not.toContain('horizontalpodautoscalers');
  });

  test('accepts an application that Flux is told to leave alone', async () => {
    const at = pod({ objects: { [WEB]: application('web', 3, { managers: 'flux disabled ' }) } }, { APPLICATIONS: 'shop deployment web' });
    expect((await restore(at)).guard.status).toBe(0);
  });

  describe('claims', () => {
    const claims = { APPLICATIONS, CLAIMS: 'shop uploads' };
    const uses = (more: Partial<FakeCluster>) => ({ ...two(), ...more });

    test('mounted by the applications are free once these are stopped', async () => {
      const at = pod(
        { objects: { [WEB]: application('web', 3, { claim: 'uploads' }) } },
        { APPLICATIONS: 'shop deployment web', CLAIMS: 'shop uploads' },
      );
      expect((await restore(at)).guard).toMatchObject({ status: 0, lastWords: { restorePhase: 'Completed' } });
    });

    test('mounted by a pod that is ending: the guard waits for it', async () => {
      const at = pod(uses({ pods: [{ namespace: 'shop', name: 'late', claim: 'uploads', ending: true, looks: 3 }] }), claims);
      expect((await restore(at)).guard).toMatchObject({ status: 0, lastWords: { restorePhase: 'Completed' } });
    });

    test('mounted meanwhile by another pod: applications are started again, and nothing is restored', async () => {
      const at = pod(uses({ pods: [{ namespace: 'shop', name: 'late', claim: 'uploads', ending: true, looks: -1 }] }), {
        ...claims,
        STOP_WAIT_SECONDS: '5',
      });
      const { guard, step } = await restore(at);
      expect(guard).toMatchObject({ status: 64, lastWords: { reason: 'the claim uploads in namespace shop is mounted by late' } });
      expect([step.lastWords?.reason, ran(at), at.of(WEB)]).toEqual([
        'skipped: the claim uploads in namespace shop is mounted by late',
        false,
        { replicas: 3 },
      ]);
    });

    test('mounted by its own pod are fine, but not by a pod of that name in another namespace', async () => {
      const own = { name: 'restore-shop-x', claim: 'uploads' };
      expect((await restore(pod({ pods: [{ namespace: 'backup', ...own }] }, { CLAIMS: 'backup uploads' }))).guard.status).toBe(0);
      expect((await restore(pod({ pods: [{ namespace: 'shop', ...own }] }, { CLAIMS: 'shop uploads' }))).guard.status).toBe(64);
    });

    test('that may be in use are not checked', async () => {
      const at = pod({ pods: [{ namespace: 'shop', name: 'x', claim: 'uploads' }] }, { CLAIMS: 'shop uploads', CLAIMS_IN_USE: 'true' });
      expect((await restore(at)).guard.status).toBe(0);
    });
  });

  describe('when something goes wrong', () => {
    test('pods do not end: 69 with their names, and applications are started again', async () => {
      const at = pod(
        { objects: { [WEB]: application('web', 3), [DB]: application('cache', 1, { stopLooks: -1 }) } },
        { APPLICATIONS, STOP_WAIT_SECONDS: '3' },
      );
      const { guard } = await restore(at);
      expect(guard).toMatchObject({ status: 69, lastWords: { reason: 'still running after 3s: pod shop/cache-0', restorePhase: 'Failed' } });
      expect([ran(at), at.of(WEB), at.of(DB)]).toEqual([false, { replicas: 3 }, { replicas: 1 }]);
    });

    test('an application is not available in time: 10, although the restore is done', async () => {
      const at = pod(
        { objects: { [WEB]: application('web', 3, { startLooks: -1 }) } },
        { APPLICATIONS: 'shop deployment web', START_WAIT_SECONDS: '3' },
      );
      expect((await restore(at)).guard).toMatchObject({
        status: 10,
        lastWords: { reason: 'restored, but not available after 3s: deployment shop/web', restorePhase: 'Completed' },
      });
    });

    test('something else started an application meanwhile: 10 with its name', async () => {
      const at = pod({ ...two(), faults: [{ on: 'patch job/.*Starting', scales: WEB }] });
      expect((await restore(at)).guard).toMatchObject({
        status: 10,
        lastWords: { reason: 'restored, but something else started: deployment shop/web' },
      });
      expect(at.of(WEB)).toEqual({ replicas: 3 });
    });

    test('the API server does not answer at first: the guard retries', async () => {
      const says = 'Unable to connect to the server: dial tcp 10.96.0.1:443: i/o timeout';
      const at = pod({
        ...two(),
        faults: [
          { on: 'patch job', times: 1, says },
          { on: 'get deployment', times: 1, says },
        ],
      });
      expect((await restore(at)).guard.status).toBe(0);
    });

    test('the API server never answers: 69, and nothing is stopped', async () => {
      const says = 'The connection to the server 10.96.0.1:443 was refused - did you specify the right host or port?';
      const at = pod({ ...two(), faults: [{ on: '.', times: 99, says }] });
      expect((await restore(at)).guard).toMatchObject({ status: 69, lastWords: { reason: `the API server does not answer: ${says}` } });
      expect([ran(at), changes(at.cluster).length]).toEqual([false, 0]);
    });

    test('its Role forbids a request: 77 with verb and resource, and applications are started again', async () => {
      const says =
        'Error from server (Forbidden): statefulsets.apps "cache" is forbidden: User "system:serviceaccount:backup:r" cannot patch resource "statefulsets" in API group "apps" in the namespace "shop"';
      const at = pod({ ...two(), faults: [{ on: 'patch statefulset/cache', says }] });
      expect((await restore(at)).guard).toMatchObject({
        status: 77,
        lastWords: { reason: 'not allowed: the guard cannot patch resource "statefulsets" in API group "apps" in the namespace "shop"' },
      });
      expect([ran(at), at.of(WEB), at.of(DB)]).toEqual([false, { replicas: 3 }, { replicas: 1 }]);
    });

    test('the phase cannot be set on the Job: only a warning', async () => {
      const at = pod({ ...two(), faults: [{ on: 'patch job', times: 9, says: 'Error from server (NotFound): jobs.batch "x" not found' }] });
      expect((await restore(at)).guard).toMatchObject({ status: 0, stderr: expect.stringContaining('cannot show the phase on the Job') });
    });

    test('no application can be started: 69, and the annotation keeps the replica count', async () => {
      const at = pod(
        { objects: { [WEB]: application('web', 3) }, faults: [{ on: '"replicas":3', times: 9, says: 'Error from server: boom' }] },
        { APPLICATIONS: 'shop deployment web' },
      );
      expect((await restore(at)).guard).toMatchObject({
        status: 69,
        lastWords: { reason: 'restored, but not started: deployment shop/web', hint: expect.stringContaining('backstay.dev/replicas') },
      });
      expect(at.of(WEB)).toMatchObject({ ...STOPPED, 'backstay.dev/replicas': '3' });
    });

    test('one of two cannot be started: 10, because restoring again would overwrite what the other writes', async () => {
      const at = pod({ ...two(), faults: [{ on: 'cache .*"replicas":1', times: 9, says: 'Error from server: boom' }] });
      expect((await restore(at)).guard).toMatchObject({ status: 10, lastWords: { reason: 'restored, but not started: statefulset shop/cache' } });
    });

    test('a step ended before the guard started: nothing is stopped', async () => {
      const at = pod();
      const step = at.step('restore-database', 'guard', restored);
      await until('the step', 30, () => (existsSync(join(at.work, 'turns/restore-database.begun')) ? true : undefined));
      step.kill('TERM');
      await step.end;
      const end = await at.guard().end;
      expect(end).toMatchObject({ status: 0, lastWords: { reason: 'nothing was stopped: restore-database ended with 70', restorePhase: 'Failed' } });
      expect(changes(at.cluster)).toEqual([]);
    });

    test('the container of a step does not run yet: nothing is stopped until it does', async () => {
      const at = pod();
      const guard = at.guard();
      await until('the guard waits', 30, () => (at.cluster.calls.some((call) => call.includes('horizontal')) ? true : undefined));
      await new Promise((settle) => setTimeout(settle, 2000));
      expect(changes(at.cluster)).toEqual([]);
      const step = at.step('restore-database', 'guard', restored);
      expect([(await guard.end).status, (await step.end).status]).toEqual([0, 0]);
    });
  });

  describe('TERM', () => {
    test('while applications stop: they are started again, and nothing is restored', async () => {
      const at = pod({ objects: { [WEB]: application('web', 3, { stopLooks: -1 }) } }, { APPLICATIONS: 'shop deployment web' });
      const step = at.step('restore-database', 'guard', restored);
      const guard = at.guard();
      await until('it is stopped', 30, () => (at.of(WEB).replicas === 0 ? true : undefined));
      guard.kill('TERM');
      expect(await guard.end).toMatchObject({
        status: 70,
        lastWords: { reason: 'stopped by TERM before the restore began', restorePhase: 'Failed' },
      });
      expect((await step.end).lastWords).toMatchObject({ reason: 'skipped: stopped by TERM before the restore began' });
      expect([ran(at), at.of(WEB)]).toEqual([false, { replicas: 3 }]);
    });

    test('while the restore works: it undoes its changes, then applications are started', async () => {
      const at = pod();
      const undo = `trap 'sleep 2; state old; exit 70' TERM; state between; while :; do sleep 0.1; done`;
      const step = at.step('restore-database', 'guard', undo);
      const guard = at.guard();
      await until('the step at work', 30, () => (existsSync(join(at.work, 'run/state-database')) ? true : undefined));
      step.kill('TERM');
      guard.kill('TERM');
      expect(await guard.end).toMatchObject({
        status: 0,
        lastWords: { reason: expect.stringMatching(/^not restored: restore-database ended with 70; started/) },
      });
      expect([(await step.end).status, at.of(WEB), at.of(DB)]).toEqual([70, { replicas: 3 }, { replicas: 1 }]);
    });

    test('ends within the grace period, and keeps applications with half-restored data stopped', async () => {
      const at = pod(two(), { APPLICATIONS, GRACE_SECONDS: '12' });
      const step = at.step('restore-database', 'guard', `trap '' TERM; state between; exec sleep 60`);
      const guard = at.guard();
      await until('the step at work', 30, () => (existsSync(join(at.work, 'run/state-database')) ? true : undefined));
      const since = Date.now();
      guard.kill('TERM');
      expect(await guard.end).toMatchObject({
        lastWords: { reason: expect.stringContaining('restore-database was still working; half restored: database') },
      });
      expect(Date.now() - since).toBeLessThan(10_000);
      expect(at.of(WEB)).toMatchObject(STOPPED);
      step.kill('KILL');
    });
  });

  describe('the next attempt', () => {
    test('ends the same whichever change the previous guard was killed at', async () => {
      const points = [
        ...['replicas":"3"', 'replicas":"1"', 'web .*Restoring', 'cache .*Restoring', 'spec":{"replicas":3', 'spec":{"replicas":1'].flatMap((on) => [
          { on, kill: 'before' as const },
          { on, kill: 'after' as const },
        ]),
      ];
      const ends = await Promise.all(
        points.map(async (fault) => {
          const first = pod({ ...two(), faults: [fault] });
          const step = first.step('restore-database', 'guard', restored);
          const guard = await first.guard().end;
          step.kill('TERM');
          await step.end;
          const second = first.next();
          const { guard: end } = await restore(second);
          return [guard.status, end.status, end.lastWords?.restorePhase, second.of(WEB), second.of(DB)];
        }),
      );
      expect(ends).toEqual(points.map(() => [null, 0, 'Completed', { replicas: 3 }, { replicas: 1 }]));
    });

    test('that fails early keeps applications stopped whose data the first may have left half restored', async () => {
      const first = pod();
      await restore(first, 'state between; exit 70');
      const second = first.next();
      const { guard } = await restore(second, 'exit 69');
      expect(guard.lastWords).toMatchObject({ reason: expect.stringContaining('half restored: database') });
      expect(second.of(WEB)).toMatchObject({ ...STOPPED, 'backstay.dev/replicas': '3' });
    });

    test('that is refused starts applications that the first stopped without touching their data', async () => {
      const first = pod({ ...two(), faults: [{ on: 'patch statefulset', kill: 'after' }] });
      const step = first.step('restore-database', 'guard', restored);
      await first.guard().end;
      step.kill('TERM');
      await step.end;
      expect(first.of(WEB)).toMatchObject(STOPPED);
      first.change(({ objects }) => ({ objects: { ...objects, [DB]: { ...(objects[DB] as object), managers: 'argocd ' } as never } }));
      const { guard } = await restore(first.next());
      expect(guard).toMatchObject({ status: 64, lastWords: { reason: 'Argo CD manages statefulset shop/cache' } });
      expect([first.of(WEB), first.of(DB)]).toEqual([{ replicas: 3 }, { replicas: 1 }]);
    });

    test('of a restore that is already done starts what is still stopped, and stops nothing', async () => {
      const first = pod({ ...two(), faults: [{ on: 'patch job/.*Starting', kill: 'before' }] });
      const step = first.step('restore-database', 'guard', restored);
      await first.guard().end;
      await step.end;
      expect(first.of(WEB)).toMatchObject(STOPPED);
      const second = first.next();
      second.leave('already', '');
      const { guard } = await restore(second);
      expect(guard).toMatchObject({ status: 0, lastWords: { reason: expect.stringMatching(/^already done; started: /), restorePhase: 'Completed' } });
      expect([second.of(WEB), second.of(DB)]).toEqual([{ replicas: 3 }, { replicas: 1 }]);
    });

    const stoppedBy = (restore: string, name: string, replicas: string) =>
      application(name, 0, { metadata: { name, annotations: { 'backstay.dev/replicas': replicas, 'backstay.dev/restore': restore } } });

    test('that fails to fetch starts what the first stopped without touching its data, and skips all steps', async () => {
      const at = pod({ objects: { [WEB]: stoppedBy('bcdfghjk', 'web', '3') } }, { APPLICATIONS: 'shop deployment web', TURN_FIRST: 'fetch' });
      const steps = [at.step('fetch', '', 'exit 69'), at.step('restore-database', 'guard', restored)];
      const guard = await at.guard().end;
      const [, step] = await Promise.all(steps.map(({ end }) => end));
      expect(guard).toMatchObject({ status: 0, lastWords: { reason: expect.stringContaining('fetch ended with 69'), restorePhase: 'Failed' } });
      expect(step).toMatchObject({ status: 0, lastWords: { reason: expect.stringMatching(/^skipped: /) } });
      expect(at.of(WEB)).toEqual({ replicas: 3 });
    });

    test.each([
      [
        'makes another safety backup when the application has run since, because the first lacks what it wrote',
        { [WEB]: application('web', 3) },
        'outdated',
      ],
      [
        'makes another safety backup when one of several applications has run',
        { [DB]: stoppedBy('bcdfghjk', 'cache', '1'), [WEB]: application('web', 3) },
        'outdated',
      ],
      ['makes no other safety backup when the application was stopped all the time', { [WEB]: stoppedBy('bcdfghjk', 'web', '3') }, 'safe'],
      ['makes no other safety backup when the application has no replicas', { [WEB]: application('web', 0) }, 'safe'],
    ])('%s', async (_, objects, file) => {
      const names = Object.keys(objects).map((key) => key.replaceAll('/', ' '));
      const at = pod({ objects }, { APPLICATIONS: names.join('\n') });
      at.leave('safe', '{"name":"x"}');
      const { guard } = await restore(at, `ls "$WORK_DIR/run" | grep -E '^(safe|outdated)$' >"$WORK_DIR/found"; ${restored}`);
      expect([guard.status, readFileSync(join(at.work, 'found'), 'utf8')]).toEqual([0, `${file}\n`]);
    });

    test('leaves applications alone that another restore stopped', async () => {
      const at = pod({ objects: { [WEB]: stoppedBy('bcdfghjk', 'web', '3'), [DB]: stoppedBy('zzzzzzzz', 'cache', '1') } });
      at.leave('already', '');
      expect((await restore(at)).guard).toMatchObject({ status: 0, lastWords: { reason: 'already done; started: deployment shop/web' } });
      expect([at.of(WEB), at.of(DB)]).toEqual([{ replicas: 3 }, { replicas: 0, 'backstay.dev/replicas': '1', 'backstay.dev/restore': 'zzzzzzzz' }]);
    });

    test('takes over an application that another restore stopped, and starts it with the saved replica count', async () => {
      const at = pod({ objects: { [WEB]: stoppedBy('zzzzzzzz', 'web', '3') } }, { APPLICATIONS: 'shop deployment web' });
      const { guard } = await restore(at);
      expect(guard).toMatchObject({ status: 0, stderr: expect.stringContaining('already stopped by another restore: zzzzzzzz') });
      expect(at.of(WEB)).toEqual({ replicas: 3 });
    });

    test('of a restore that is already done touches nothing that runs or no longer exists', async () => {
      const at = pod({ objects: { [WEB]: application('web', 3) } });
      at.leave('already', '');
      expect((await restore(at)).guard).toMatchObject({ status: 0, lastWords: { reason: 'already done', restorePhase: 'Completed' } });
      expect(changes(at.cluster)).toEqual([]);
    });
  });
});
