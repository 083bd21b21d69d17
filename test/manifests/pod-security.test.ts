import { describe, expect, test } from 'vitest';
import { aModel, aRun, aSource } from '../support/model.ts';
import { type Pod, podOf } from '../support/objects.ts';
import { violations } from '../support/pod-security.ts';
import { everyModel, objectsByHand, objectsIn, type Placed } from '../support/synthesized.ts';

const pods = (placed: readonly Placed[]) =>
  placed.filter(({ object }) => ['CronJob', 'Job', 'Pod'].includes(object.kind)).map(({ object }) => podOf(object));

describe.each(everyModel())('%s', (_, model) => {
  const all = pods([...objectsIn(model), ...objectsByHand(model)]);

  test('every pod meets Pod Security "restricted"', () => {
    expect(all.length).toBeGreaterThan(0);
    expect(all.flatMap(violations)).toEqual([]);
  });

  test('every pod also has a read-only image and no token of the Kubernetes API', () => {
    for (const pod of all) {
      expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
      for (const { securityContext } of [...(pod.initContainers ?? []), ...pod.containers]) {
        expect(securityContext).toMatchObject({ readOnlyRootFilesystem: true });
      }
    }
  });
});

test('a pod that runs as root with a capability violates "restricted"', () => {
  const [pod] = pods(objectsIn(aModel([aSource([aRun({ pod: { runAsUser: 0 } })])])));
  expect(pod && violations(pod)).toEqual([
    'take-postgres: may run as root',
    'take-postgres: runs as root',
    'publish: may run as root',
    'publish: runs as root',
  ]);
});

describe('the check itself refuses', () => {
  const good = pods(objectsIn(aModel()))[0] as Pod;
  const [publish] = good.containers;
  const withContainer = (security: object, more: object = {}) =>
    ({ ...good, containers: [{ ...publish, ...more, securityContext: { ...publish?.securityContext, ...security } }] }) as Pod;

  test.each<readonly [string, Pod]>([
    ['privileged', withContainer({ privileged: true })],
    ['privilege escalation', withContainer({ allowPrivilegeEscalation: undefined })],
    ['capabilities not dropped', withContainer({ capabilities: { drop: ['NET_RAW'] } })],
    ['capabilities added', withContainer({ capabilities: { drop: ['ALL'], add: ['DAC_READ_SEARCH'] } })],
    ['may run as root', withContainer({ runAsNonRoot: false })],
    ['runs as root', withContainer({ runAsUser: 0 })],
    ['no seccomp profile', withContainer({ seccompProfile: { type: 'Unconfined' } })],
    ['a port of the host', withContainer({}, { ports: [{ hostPort: 80 }] })],
    ['procMount', withContainer({ procMount: 'Unmasked' })],
    ['SELinux', withContainer({ seLinuxOptions: { user: 'x' } })],
    ['hostPath', { ...good, volumes: [...good.volumes, { name: 'host', hostPath: { path: '/' } } as never] }],
    ['the namespaces of the host', { ...good, hostNetwork: true } as Pod],
    ['sysctls', { ...good, securityContext: { ...good.securityContext, sysctls: [{ name: 'x' }] } }],
  ])('%s', (what, pod) => {
    expect(violations(good)).toEqual([]);
    expect(violations(pod).join()).toContain(what);
  });
});
