import { describe, expect, test } from 'vitest';
import { errors, load } from '../support/load.ts';

const values = (restores: string) => `namespace: backup
storages: { local: { pvc: { size: 10Gi } } }
plans: { default: { storages: [local], tiers: { daily: { schedule: '0 4 * * *', keep: { last: 3 } } } } }
sources:
  shop: { postgres: { host: db.data, database: shop, version: 17, credentials: { secret: db }, admin: { credentials: { secret: admin } } } }
restores:
${restores}`;

test('the required settings are enough', () => {
  const [restore] = load(values('  copy: { source: shop }\n')).settings.restores;
  expect(restore).toEqual({
    name: 'copy',
    at: ['restores', 'copy'],
    written: { source: 'shop' },
    settings: {
      enabled: true,
      source: 'shop',
      at: 'latest',
      scaleDown: [],
      paused: {},
      whileInUse: false,
      stopWait: 300,
      startWait: 300,
      scratch: {},
    },
  });
});

test('a restore in place makes a safety backup first, unless that is disabled', () => {
  const inPlace = (text: string) => load(values(`  back: { source: shop, inPlace: ${text} }\n`)).settings.restores[0]?.settings.inPlace;
  expect(inPlace('{ confirm: prod/shop }')).toEqual({ confirm: 'prod/shop', safetyBackup: true });
  expect(inPlace('{ confirm: prod/shop, safetyBackup: false }')).toEqual({ confirm: 'prod/shop', safetyBackup: false });
});

test('a disabled restore is not checked', () => {
  expect(load(values('  copy: { enabled: false, source: shop }\n')).settings.restores).toEqual([]);
  expect(errors(values('  copy: { enabled: false, source: nobody }\n'))).toBe('');
});

describe('errors in restores', () => {
  test('all are reported at once, each with its path, its value and a hint', () => {
    expect(
      errors(
        values(`  copy:
    source: shop
    backupsOf: prod
    at: ''
    inplace: { confirm: prod/shop }
    scaleDown: [pod/shop, deployment/shop]
    paused: { gitops: "two\\nlines" }
    stopWait: 5
    postgres: { owner: app, jobs: 0 }
`),
      ),
    ).toMatchInlineSnapshot(`
      "restores.copy.backupsOf: expected an environment and a source, such as prod/shop, got "prod"
        at config/base.yaml:9
        HINT: Environment and source whose backups to restore, such as \`prod/shop\`.
      restores.copy.at: must not be empty, got ""
        at config/base.yaml:10
        HINT: Backup to restore: \`latest\`, \`latest-verified\`, a run id, the name of a backup, or \`before:\` and a time with its zone, such as \`before:2026-11-21T09:30:00Z\`.
      restores.copy.inplace: unknown key
        at config/base.yaml:11
        HINT: did you mean 'inPlace'?
      restores.copy.scaleDown[0]: expected deployment/NAME or statefulset/NAME, or labels instead of the name, got "pod/shop"
        at config/base.yaml:12
        HINT: Applications to stop during the restore: \`deployment/api\`, \`statefulset/db\`, \`shop/deployment/api\` for another namespace.
      restores.copy.paused.gitops: expected one line, got "two\\nlines"
        at config/base.yaml:13
        HINT: How Argo CD or Flux is paused.
      restores.copy.stopWait: expected a duration such as 30m, 6h or 7d, got 5
        at config/base.yaml:14
        HINT: How long applications may take to stop.
      restores.copy.postgres.owner: expected 'keep', 'none' or { role: NAME }, got "app"
        at config/base.yaml:15
        HINT: Who owns what comes back: \`keep\` as it was, \`none\` for the role that restores, or one role for everything.
      restores.copy.postgres.jobs: expected at least 1, got 0
        at config/base.yaml:15
        HINT: Tables and indexes that are restored at a time. Count."
    `);
  });

  test('a name that is too long for its Job', () => {
    const name = 'a'.repeat(41);
    expect(errors(values(`  ${name}: { source: shop }\n`))).toContain(`restores.${name}: not a valid name: expected at most 40 characters`);
    expect(errors(values(`  ${'a'.repeat(40)}: { source: shop }\n`))).toBe('');
  });

  test('settings of a kind that the source does not have', () => {
    expect(errors(values('  copy: { source: shop, volume: {} }\n'))).toContain("restores.copy.volume: source 'shop' has no kind 'volume'");
  });
});

test.each([
  'deployment/shop',
  'statefulset/shop-db',
  'shop/deployment/api',
  'deployment/shop.v2',
  'deployment/app=shop',
  'deployment/app=',
  'shop/statefulset/app.kubernetes.io/name=shop,tier=db',
])('the application %s is taken', (application) => {
  expect(errors(values(`  back: { source: shop, inPlace: { confirm: prod/shop }, scaleDown: ['${application}'] }\n`))).toBe('');
});

test.each([
  ...['shop', 'daemonset/shop', 'Deployment/shop', 'deployment/', 'a/b/deployment/c', 'deployment/a b'],
  ...['deployment/Shop', 'deployment/shop_api', 'deployment/-shop', 'statefulset/shop-', 'deployment/a,b', 'deployment/=shop'],
])('the application %s is refused', (text) => {
  expect(errors(values(`  back: { source: shop, inPlace: { confirm: prod/shop }, scaleDown: ['${text}'] }\n`))).toContain(
    'expected deployment/NAME or statefulset/NAME, or labels instead of the name',
  );
});
