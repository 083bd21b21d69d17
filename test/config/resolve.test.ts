import { dump } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import type { Options } from '../../lib/config/schema/options.ts';
import { SOURCE_KINDS } from '../../lib/sources/index.ts';
import { STORAGE_KINDS } from '../../lib/storages/index.ts';
import { errors, load, runIn, sourceIn, warnings } from '../support/load.ts';

/** One source, with the same options written at any of the five levels, from the most specific to the most general. */
interface Levels {
  readonly sourceTier?: object;
  readonly source?: object;
  readonly planTier?: object;
  readonly plan?: object;
  readonly defaults?: object;
}

const LEVELS = ['sourceTier', 'source', 'planTier', 'plan', 'defaults'] as const;

function values({ sourceTier, source, planTier, plan, defaults }: Levels): string {
  return dump({
    namespace: 'backup',
    storages: { a: { pvc: { size: '1Gi' } }, b: { pvc: { size: '1Gi' } }, c: { pvc: { size: '1Gi' } } },
    ...(defaults && { defaults }),
    plans: { default: { storages: ['a', 'b'], tiers: { daily: { schedule: '@daily', keep: { last: 1 }, ...planTier } }, ...plan } },
    sources: { shop: { volume: { claim: 'c', node: 'n' }, ...(sourceTier && { tiers: { daily: sourceTier } }), ...source } },
  });
}

describe('the most specific wins', () => {
  /** An option, five values for it, how it looks in what runs, and what is ours. */
  const options: readonly (readonly [string, readonly object[], (run: ReturnType<typeof runIn>) => unknown, readonly unknown[]])[] = [
    [
      'timeZone',
      ['Europe/Berlin', 'Europe/Paris', 'Europe/Rome', 'Asia/Tokyo', 'Asia/Seoul'].map((timeZone) => ({ timeZone })),
      (run) => run.timeZone,
      ['Europe/Berlin', 'Europe/Paris', 'Europe/Rome', 'Asia/Tokyo', 'Asia/Seoul', 'Etc/UTC'],
    ],
    ['suspend', [true, false, true, false, true].map((suspend) => ({ suspend })), (run) => run.suspend, [true, false, true, false, true, false]],
    ['job.deadline', ['1h', '2h', '3h', '4h', '5h'].map((deadline) => ({ job: { deadline } })), (run) => run.job.deadline / 3600, [1, 2, 3, 4, 5, 6]],
    ['pod.runAsUser', [1, 2, 3, 4, 5].map((runAsUser) => ({ pod: { runAsUser } })), (run) => run.pod.runAsUser, [1, 2, 3, 4, 5, 999]],
    [
      'pod.resources.limits.memory',
      ['1Gi', '2Gi', '3Gi', '4Gi', '5Gi'].map((memory) => ({ pod: { resources: { limits: { memory } } } })),
      (run) => run.pod.resources.limits.memory,
      ['1Gi', '2Gi', '3Gi', '4Gi', '5Gi', '512Mi'],
    ],
    [
      'filenameTemplate',
      ['a', 'b', 'c', 'd', 'e'].map((word) => ({ filenameTemplate: `${word}-{{ .Timestamp }}-{{ .RunID }}` })),
      (run) => run.filenameTemplate[0],
      ['a', 'b', 'c', 'd', 'e', '{'],
    ],
  ];

  test.each(options)('%s: source tier, source, plan tier, plan, defaults, ours', (_, written, read, expected) => {
    const seen = [0, 1, 2, 3, 4, 5].map((from) => {
      const levels = Object.fromEntries(LEVELS.slice(from).map((level, index) => [level, written[from + index]]));
      return read(runIn(load(values(levels))));
    });
    expect(seen).toEqual(expected);
  });

  test('keep: the most specific one replaces the others', () => {
    const keeps = [{ last: 5 }, { daily: 4 }, { weekly: 3 }, { monthly: 2 }, { yearly: 1 }];
    const seen = [0, 1, 2, 3, 4].map((from) => {
      const levels = Object.fromEntries(LEVELS.slice(from).map((level, index) => [level, { keep: keeps[from + index] }]));
      // The plan's tier has a keep of its own here; without one, what is more general speaks.
      return runIn(load(values(from > 2 ? { ...levels, planTier: { keep: undefined } } : levels))).storages[0]?.keep;
    });
    expect(seen).toEqual(keeps.map((keep) => ({ ...keep, atMostDeleted: 50 })));
  });

  test('storages: a list replaces the others, and each copy can have its own keep', () => {
    const storages = (levels: Levels) => runIn(load(values(levels))).storages.map(({ name, role, keep }) => [name, role, keep?.last]);
    expect(storages({})).toEqual([
      ['a', 'primary', 1],
      ['b', 'copy', 1],
    ]);
    expect(storages({ source: { storages: ['c'] }, plan: {} })).toEqual([['c', 'primary', 1]]);
    expect(storages({ sourceTier: { storages: ['b', { name: 'a', keep: { last: 9 } }] } })).toEqual([
      ['b', 'primary', 1],
      ['a', 'copy', 9],
    ]);
  });

  test('objects merge across all levels', () => {
    const { pod, job } = runIn(
      load(
        values({
          defaults: { pod: { labels: { a: '1', b: '1' }, scratch: { size: '1Gi' } } },
          plan: { pod: { labels: { b: '2' } }, job: { backoffLimit: 1 } },
          source: { pod: { resources: { requests: { cpu: '1' } } } },
          sourceTier: { job: { deadline: '1h' } },
        }),
      ),
    );
    expect(pod.labels).toEqual({ a: '1', b: '2' });
    expect(pod.scratch.size).toBe('1Gi');
    expect(job).toMatchObject({ backoffLimit: 1, deadline: 3600 });
  });

  test('a time zone at the top level applies to all, with the lowest precedence', () => {
    const zone = (levels: Levels) => runIn(load(`timeZone: Asia/Tokyo\n${values(levels)}`)).timeZone;
    expect([zone({}), zone({ defaults: { timeZone: 'Europe/Rome' } }), zone({ plan: { timeZone: 'Europe/Berlin' } })]).toEqual([
      'Asia/Tokyo',
      'Europe/Rome',
      'Europe/Berlin',
    ]);
  });

  test('every option can be set at every level', () => {
    const every: Required<{ readonly [Key in keyof Options]: unknown }> = {
      storages: ['c'],
      keep: { last: 3 },
      timeZone: 'Europe/Berlin',
      suspend: true,
      filenameTemplate: 'x-{{ .Timestamp }}-{{ .RunID }}',
      pod: { runAsUser: 1000 },
      job: { deadline: '1h' },
      throttle: { perServer: 1 },
      networkPolicy: { enabled: false },
    };
    for (const level of LEVELS) expect([level, errors(values({ [level]: every }))]).toEqual([level, '']);
  });

  test('an error is reported at the level where the value was written', () => {
    for (const [level, at] of [
      ['defaults', 'defaults.timeZone'],
      ['plan', 'plans.default.timeZone'],
      ['planTier', 'plans.default.tiers.daily.timeZone'],
      ['source', 'sources.shop.timeZone'],
      ['sourceTier', 'sources.shop.tiers.daily.timeZone'],
    ] as const) {
      expect(errors(values({ [level]: { timeZone: 'Europe/Bonn' } })).split('\n')[0]).toBe(`${at}: unknown time zone, got "Europe/Bonn"`);
    }
    expect(errors(`timeZone: Europe/Bonn\n${values({})}`).split('\n')[0]).toBe('timeZone: unknown time zone, got "Europe/Bonn"');
  });
});

const BASE = `namespace: backup
storages: { a: { pvc: { size: 1Gi } }, off: { enabled: false, pvc: { size: 1Gi } }, far: { namespace: other, pvc: { size: 1Gi } } }
plans:
  default: { storages: [a], tiers: { daily: { schedule: '@daily', keep: { last: 3 } }, weekly: { schedule: '@weekly', keep: { last: 3 } } } }
  slow: { storages: [a], tiers: { monthly: { schedule: '@monthly', keep: { last: 3 } } } }
`;
const withSources = (text: string) => `${BASE}sources:\n${text}`;

describe('defaults with {{ .Source }}', () => {
  const fleet = (defaults: string, entry: string) =>
    `${BASE}defaults: { postgres: ${defaults} }\nsources:\n  orders: { postgres: ${entry} }\n  carts: { postgres: {} }\n`;

  test('are expanded in every text, for each source', () => {
    const text = fleet(
      "{ host: '{{ .Source }}-rw.{{.Source}}', databases: ['{{ .Source }}', '{{ .Source }}_log'], version: 17, credentials: { secret: '{{ .Source }}-db' } }",
      '{}',
    );
    const envs = ['orders', 'carts'].map((name) =>
      runIn(load(text), name, 'daily').parts.map(({ env }) => [env.PGHOST, env.DATABASE, env.PGPASSWORD]),
    );
    expect(envs).toEqual(
      ['orders', 'carts'].map((name) => [
        [`${name}-rw.${name}`, name, { secret: `${name}-db`, key: 'password' }],
        [`${name}-rw.${name}`, `${name}_log`, { secret: `${name}-db`, key: 'password' }],
      ]),
    );
  });

  test('are overridden by the source', () => {
    const text = fleet(
      "{ host: '{{ .Source }}', database: '{{ .Source }}', version: 17, credentials: { secret: s } }",
      '{ databases: [x, y], version: 16 }',
    );
    expect(runIn(load(text), 'orders', 'daily').parts.map(({ name, image, env }) => [name, image, env.PGHOST])).toEqual([
      ['x', 'postgres16', 'orders'],
      ['y', 'postgres16', 'orders'],
    ]);
  });

  test('are rejected in a source, where they are not expanded', () => {
    const text = withSources("  shop: { volume: { claim: c, node: n, exclude: ['{{ .Source }}'] } }\n");
    expect(errors(text).split('\n')[0]).toBe('sources.shop.volume.exclude[0]: templates are not expanded here, got "{{ .Source }}"');
  });

  test('are reported where they are written if they are invalid for a source', () => {
    const text = fleet("{ host: '{{ .Name }}', database: d, version: 17, credentials: { secret: s } }", '{}');
    expect(errors(text)).toMatchInlineSnapshot(`
      "defaults.postgres.host: expected a host name or address, got "{{ .Name }}"
        at config/base.yaml:6
        HINT: only {{ .Source }} is expanded, and only below a kind in \`defaults\`"
    `);
  });
});

describe('plans', () => {
  test('the plan named default applies if none is set', () => {
    const loaded = load(withSources('  a: { volume: { claim: c, node: n } }\n  b: { plan: slow, volume: { claim: c, node: n } }\n'));
    expect(['a', 'b'].map((name) => sourceIn(loaded, name).runs.map(({ tier }) => tier))).toEqual([['daily', 'weekly'], ['monthly']]);
  });

  test('none means manual runs only: one run named once, without a schedule and without retention', () => {
    const run = runIn(load(withSources('  a: { plan: none, storages: [a], keep: { last: 3 }, volume: { claim: c, node: n } }\n')));
    expect(run).toMatchObject({ tier: 'once', name: 'backup-a-once', folder: 'a/once' });
    expect(run.schedule).toBeUndefined();
    expect(run.storages.map(({ name, keep }) => [name, keep])).toEqual([['a', undefined]]);
  });

  test('a source with its own tiers needs no plan', () => {
    const text = `namespace: backup
storages: { a: { pvc: { size: 1Gi } } }
sources:
  shop: { volume: { claim: c, node: n }, storages: [a], tiers: { nightly: { schedule: '@daily', keep: { last: 2 } } } }
`;
    expect(sourceIn(load(text)).runs.map(({ name }) => name)).toEqual(['backup-shop-nightly']);
  });

  test('a source can add, change and disable tiers of its plan', () => {
    const text = withSources(
      "  a: { volume: { claim: c, node: n }, tiers: { weekly: { enabled: false }, daily: { schedule: '0 4 * * *' }, hourly: { schedule: '@hourly', keep: { for: 48h } } } }\n",
    );
    expect(sourceIn(load(text)).runs.map(({ tier, storages }) => [tier, storages[0]?.keep])).toEqual([
      ['daily', { last: 3, atMostDeleted: 50 }],
      ['hourly', { for: 172_800, atMostDeleted: 50 }],
    ]);
  });

  test('a source can enable a tier that its plan disables', () => {
    const text = `namespace: backup
storages: { a: { pvc: { size: 1Gi } } }
plans:
  default: { storages: [a], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' }, hourly: { enabled: false, schedule: '@hourly' } } }
sources:
  a: { volume: { claim: c, node: n } }
  b: { volume: { claim: c, node: n }, tiers: { hourly: { enabled: true } } }
`;
    const loaded = load(text);
    expect(['a', 'b'].map((name) => sourceIn(loaded, name).runs.map(({ tier }) => tier))).toEqual([['daily'], ['daily', 'hourly']]);
  });

  test('a disabled source is not checked', () => {
    const text = withSources('  a: { volume: { claim: c, node: n } }\n  b: { enabled: false, plan: nowhere, volume: { claim: c, node: n } }\n');
    expect(load(text).model.sources.map(({ name }) => name)).toEqual(['a']);
  });
});

describe('what is missing or meant otherwise', () => {
  const shop = (rest: string) => errors(withSources(`  shop: { volume: { claim: c, node: n }, ${rest} }\n`));

  test('an unknown plan', () => {
    expect(shop('plan: slwo')).toMatchInlineSnapshot(`
      "sources.shop.plan: unknown plan 'slwo'
        at config/base.yaml:7
        HINT: did you mean 'slow'?"
    `);
    expect(shop('plan: hourly')).toMatchInlineSnapshot(`
      "sources.shop.plan: unknown plan 'hourly'
        at config/base.yaml:7
        HINT: known plans: default, slow"
    `);
  });

  test('no plan at all', () => {
    expect(
      errors('namespace: b\nstorages: { a: { pvc: { size: 1Gi } } }\nsources: { shop: { volume: { claim: c, node: n } } }\n'),
    ).toMatchInlineSnapshot(`
      "sources.shop.plan: no plan is set, and plan 'default' does not exist
        at config/base.yaml:3
        HINT: add plans: { default: … }, set plan: NAME, or set plan: none"
    `);
  });

  test('an unknown storage', () => {
    expect(shop('storages: [b]')).toMatchInlineSnapshot(`
      "sources.shop.storages[0]: unknown storage 'b'
        at config/base.yaml:7
        HINT: did you mean 'a'?"
    `);
    expect(shop('storages: [a, ofsite]')).toMatchInlineSnapshot(`
      "sources.shop.storages[1]: unknown storage 'ofsite'
        at config/base.yaml:7
        HINT: known storages: a, off, far"
    `);
  });

  test('a storage that is listed twice', () => {
    expect(shop('storages: [a, { name: a, keep: { last: 1 } }]')).toMatchInlineSnapshot(`
      "sources.shop.storages[1]: storage 'a' is listed twice
        at config/base.yaml:7
        HINT: list each storage once"
    `);
  });

  test('no storage', () => {
    expect(errors(withSources('  shop: { plan: none, volume: { claim: c, node: n } }\n'))).toMatchInlineSnapshot(`
      "sources.shop.storages: no storages are set
        at config/base.yaml:7
        HINT: set storages: [a, off, far]"
    `);
  });

  test('storages that are all disabled', () => {
    expect(shop('storages: [off]')).toMatchInlineSnapshot(`
      "sources.shop.storages: every storage is disabled
        at config/base.yaml:7
        HINT: enable one, or disable the source with enabled: false"
    `);
    expect(errors(withSources('  shop: { volume: { claim: c, node: n }, storages: [off, a] }\n'))).toBe('');
  });

  test('tiers that are all disabled', () => {
    expect(shop('tiers: { daily: { enabled: false }, weekly: { enabled: false } }')).toMatchInlineSnapshot(`
      "sources.shop: every tier is disabled
        at config/base.yaml:7
        HINT: enable one, disable the source with enabled: false, or set plan: none"
    `);
  });

  test('no tier', () => {
    expect(errors(`${BASE}  empty: { storages: [a] }\nsources:\n  shop: { plan: empty, volume: { claim: c, node: n } }\n`)).toMatchInlineSnapshot(`
      "sources.shop: the source has no tiers, so it never runs
        at config/base.yaml:8
        HINT: add tiers to its plan: tiers: { daily: { schedule: '@daily', keep: { daily: 7 } } }, or set plan: none"
    `);
  });

  test('a tier without schedule', () => {
    expect(shop('tiers: { hourly: { keep: { last: 1 } } }')).toMatchInlineSnapshot(`
      "sources.shop.tiers.hourly.schedule: the tier has no schedule
        at config/base.yaml:7
        HINT: set schedule: '@daily', or five cron fields"
    `);
  });

  test('a misspelled tier of the plan', () => {
    expect(shop('tiers: { dayly: { keep: { last: 1 } } }')).toMatchInlineSnapshot(`
      "sources.shop.tiers.dayly.schedule: the tier has no schedule
        at config/base.yaml:7
        HINT: did you mean 'daily'?"
    `);
  });

  test('a tier without a retention policy', () => {
    expect(shop("tiers: { hourly: { schedule: '@hourly' } }")).toMatchInlineSnapshot(`
      "sources.shop.tiers.hourly.keep: storage 'a' has no retention policy (keep)
        at config/base.yaml:7
        HINT: set keep: { daily: 7, weekly: 4 } in the tier"
    `);
  });

  test('the tier name once, which is reserved for manual runs', () => {
    expect(shop("tiers: { once: { schedule: '@hourly', keep: { last: 1 } } }")).toMatchInlineSnapshot(`
      "sources.shop.tiers.once: not a valid name: the tier name 'once' is reserved for manual runs
        at config/base.yaml:7
        HINT: rename it"
    `);
  });

  test('a claim of another namespace, which no pod can mount', () => {
    expect(shop('storages: [far]')).toMatchInlineSnapshot(`
      "sources.shop.storages[0]: the claim of storage 'far' is in namespace 'other', but the pods of 'shop' run in 'backup'
        at config/base.yaml:7
        HINT: use another storage, or define one in this namespace, as pods mount only claims of their own namespace"
    `);
    expect(shop('namespace: other, storages: [far]')).toBe('');
    expect(shop('namespace: other')).toMatchInlineSnapshot(`
      "plans.default.storages[0]: the claim of storage 'a' is in namespace 'backup', but the pods of 'shop' run in 'other'
        at config/base.yaml:4
        HINT: use another storage, or define one in this namespace, as pods mount only claims of their own namespace"
    `);
  });

  test('no kind, or two kinds of storage', () => {
    expect(errors(`${BASE}sources: { shop: {} }\n`).split('\n')).toEqual([
      `sources.shop: expected a source kind: ${SOURCE_KINDS.map(({ name }) => name).join(', ')}`,
      '  at config/base.yaml:6',
      '  HINT: set one: { postgres: { host: …, database: …, version: 17 } }',
    ]);
    const kinds = STORAGE_KINDS.map(({ name }) => name).join(', ');
    const text = `namespace: b\nstorages: { a: {}, b: { pvc: { size: 1Gi }, s3: { bucket: bbb, credentials: { secret: s } } } }\nsources: {}\n`;
    expect(errors(text).split('\n')).toEqual(
      ['a', 'b'].flatMap((name) => [
        `storages.${name}: expected exactly one storage kind: ${kinds}`,
        '  at config/base.yaml:2',
        '  HINT: set one: { pvc: { size: 10Gi } }',
      ]),
    );
  });

  test.each(['azure', 'gcs'])('rejects the storage %s by name, once', (kind) => {
    const text = `namespace: b\nstorages: { a: { ${kind}: { bucket: x } } }\nplans: { default: { storages: [a], tiers: { d: { schedule: '@daily', keep: { last: 1 } } } } }\nsources: { v: { volume: { claim: c, node: n } } }\n`;
    expect(errors(text).split('\n')).toEqual([
      `storages.a.${kind}: the storage \`${kind}\` is not built yet`,
      '  at config/base.yaml:2',
      '  HINT: remove it for now; docs/values.md lists what is supported',
    ]);
  });

  test.each(['objects', 'openbao'])('rejects the source %s by name, once', (kind) => {
    expect(errors(withSources(`  shop: { ${kind}: {} }\n`)).split('\n')[0]).toBe(`sources.shop.${kind}: the source \`${kind}\` is not built yet`);
  });

  test.each(['encryption', 'alerts', 'backups'])('rejects %s by name', (key) => {
    expect(errors(`${BASE}${key}: {}\nsources: {}\n`)).toContain(`${key}: `);
    expect(errors(`${BASE}${key}: {}\nsources: {}\n`)).toContain('not built yet');
  });
});

describe('schedules', () => {
  const at = (tier: string) => errors(withSources(`  shop: { volume: { claim: c, node: n }, tiers: { extra: { keep: { last: 1 }, ${tier} } } }\n`));

  test('rejects a time that a clock change skips, and names the day', () => {
    expect(at("schedule: '30 2 * * *', timeZone: Europe/Berlin")).toMatchInlineSnapshot(`
      "sources.shop.tiers.extra.schedule: Europe/Berlin skips 2025-03-30 02:30 when clocks go forward, so that day's run is lost, got "30 2 * * *"
        at config/base.yaml:7
        HINT: use an hour that exists every day, or set timeZone: Etc/UTC"
    `);
    expect(at("schedule: '30 2 * * *'")).toBe('');
  });

  test('rejects schedules that are invalid for a CronJob', () => {
    expect(at("schedule: '0 24 * * *'")).toMatchInlineSnapshot(`
      "sources.shop.tiers.extra.schedule: '24' is not a valid hour (0 to 23), got "0 24 * * *"
        at config/base.yaml:7
        HINT: use five fields, minute first: '0 4 * * *', or @hourly, @daily, @weekly, @monthly or @yearly"
    `);
    expect(at("schedule: '@nightly'")).toMatchInlineSnapshot(`
      "sources.shop.tiers.extra.schedule: expected five cron fields, not 1, got "@nightly"
        at config/base.yaml:7
        HINT: use five fields, minute first: '0 4 * * *', or @hourly, @daily, @weekly, @monthly or @yearly"
    `);
  });

  test('rejects an unknown time zone', () => {
    expect(at("schedule: '@daily', timeZone: CET/Berlin")).toMatchInlineSnapshot(`
      "sources.shop.tiers.extra.timeZone: unknown time zone, got "CET/Berlin"
        at config/base.yaml:7
        HINT: use a name of the IANA database, such as Europe/Berlin"
    `);
  });

  test('a method that is not built yet, and one of another kind', () => {
    expect(at("schedule: '@daily', method: basebackup")).toMatchInlineSnapshot(`
      "sources.shop.tiers.extra.method: the method 'basebackup' is not built yet
        at config/base.yaml:7
        HINT: remove it for now; docs/values.md lists what is supported"
    `);
    const methods = SOURCE_KINDS.find(({ name }) => name === 'volume')?.methods.map(({ name }) => name) ?? [];
    expect(at("schedule: '@daily', method: dump").split('\n')).toEqual([
      "sources.shop.tiers.extra.method: source 'shop' does not support the method 'dump'",
      '  at config/base.yaml:7',
      `  HINT: supported methods: ${methods.join(', ')}`,
    ]);
    expect(at("schedule: '@daily', method: tar")).toBe('');
  });
});

describe('images', () => {
  const images = (text: string) => load(`${BASE}images: ${text}\nsources: {}\n`).model.images;

  test('a registry replaces docker.io, except in images that are overridden', () => {
    expect(images('{ registry: mirror.acme.dev/hub, postgres16: ghcr.io/acme/postgres:16.2, rclone: docker.io/acme/rclone:1.70 }')).toMatchObject({
      postgres17: expect.stringMatching(/^mirror\.acme\.dev\/hub\/library\/postgres:17/),
      postgres16: 'ghcr.io/acme/postgres:16.2',
    });
  });

  test('a registry replaces registry.k8s.io too, where kubectl comes from', () => {
    expect(images('{ registry: mirror.acme.dev/hub }')).toMatchObject({
      kubectl: expect.stringMatching(/^mirror\.acme\.dev\/hub\/kubectl:v1/),
      shell: expect.stringMatching(/^mirror\.acme\.dev\/hub\/library\/busybox:.*-musl$/),
    });
    const named = { kubectl: 'ghcr.io/acme/kubectl:1.34', shell: 'ghcr.io/acme/busybox:1.37' };
    expect(images(`{ registry: mirror.acme.dev/hub, kubectl: '${named.kubectl}', shell: '${named.shell}' }`)).toMatchObject(named);
  });

  test('rejects images with the tag latest or without a tag', () => {
    for (const image of ['postgres:latest', 'postgres']) expect(errors(`${BASE}images: { postgres17: '${image}' }\nsources: {}\n`)).not.toBe('');
  });
});

test('production follows from the name of the environment, unless it is set', () => {
  const text = withSources('  a: { volume: { claim: c, node: n } }\n');
  const warned = (files: Readonly<Record<string, string>>, environment: string) =>
    warnings(files, environment).join().includes('production has a single storage');
  expect(warned({ 'base.yaml': text }, 'prod')).toBe(true);
  expect(warned({ 'base.yaml': text, 'dev.yaml': '' }, 'dev')).toBe(false);
  expect(warned({ 'base.yaml': text, 'dev.yaml': 'production: true' }, 'dev')).toBe(true);
  expect(warned({ 'base.yaml': text, 'prod.yaml': 'production: false' }, 'prod')).toBe(false);
});
