import { describe, expect, test } from 'vitest';
import { errors, warnings } from '../support/load.ts';

const BASE = `namespace: backup
storages:
  a: { pvc: { size: 1Gi } }
  b: { s3: { bucket: bbb, credentials: { secret: s } } }
plans: { default: { storages: [a, b], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' } } } }
sources:
`;
const VOLUME = 'volume: { claim: c, node: n }';
const DATABASE = 'postgres: { host: db, database: shop, version: 17, credentials: { secret: s } }';
const refused = (sources: string) => errors(BASE + sources);
const noticed = (sources: string) => warnings(BASE + sources).join('\n');

describe('folders', () => {
  test('rejects two sources in the same folder', () => {
    expect(refused(`  shop: { ${VOLUME} }\n  store: { folder: shop, ${VOLUME} }\n`)).toMatchInlineSnapshot(`
      "sources.store: its folder in storage 'a' is already used by shop in a
        at config/base.yaml:8
        HINT: set another folder: on the source, or another prefix: on one of the storages
      sources.store: its folder in storage 'b' is already used by shop in b
        at config/base.yaml:8
        HINT: set another folder: on the source, or another prefix: on one of the storages"
    `);
  });

  test('rejects two storages of one source that are the same place', () => {
    const text = `namespace: backup
storages: { a: { pvc: { claim: v } }, b: { pvc: { claim: v } } }
plans: { default: { storages: [a, b], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' } } } }
sources: { shop: { ${VOLUME} } }
`;
    expect(errors(text)).toMatchInlineSnapshot(`
      "sources.shop: its folder in storage 'b' is already used by shop in a
        at config/base.yaml:4
        HINT: set another folder: on the source, or another prefix: on one of the storages"
    `);
    expect(errors(text.replace('b: { pvc: { claim: v }', 'b: { pvc: { claim: v, prefix: other }'))).toBe('');
  });

  test('rejects a folder inside the folder of another source', () => {
    const text = `namespace: backup
storages: { a: { s3: { bucket: bbb, prefix: x, credentials: { secret: s } } }, b: { s3: { bucket: bbb, prefix: x/shop, credentials: { secret: s } } } }
plans: { default: { storages: [a], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' } } }, other: { storages: [b], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' } } } }
sources: { shop: { ${VOLUME} }, daily: { plan: other, ${VOLUME} } }
`;
    expect(errors(text)).toMatchInlineSnapshot(`
      "sources.daily: its folder in storage 'b' is inside the folder of shop in a
        at config/base.yaml:4
        HINT: set another folder: on the source, or another prefix: on one of the storages"
    `);
  });

  test('accepts the old folder of a renamed source', () => {
    expect(refused(`  store: { folder: shop, ${VOLUME} }\n`)).toBe('');
  });

  test('accepts several tiers of one source', () => {
    expect(refused(`  shop: { ${VOLUME}, tiers: { weekly: { schedule: '@weekly' } } }\n`)).toBe('');
  });
});

describe('claims', () => {
  const two = (a: string, b: string) => `namespace: backup
storages: { a: { pvc: ${a} }, b: { pvc: ${b} } }
plans: { default: { storages: [a, b], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' } } } }
sources: { shop: { ${VOLUME} } }
`;

  test('two storages can share a claim, but not define it differently', () => {
    expect(errors(two('{ claim: v, size: 1Gi }', '{ claim: v, size: 1Gi, prefix: other }'))).toBe('');
    expect(errors(two('{ claim: v, size: 1Gi }', '{ claim: v, prefix: other }'))).toBe('');
    expect(errors(two('{ claim: v, size: 1Gi }', '{ claim: v, size: 2Gi, prefix: other }'))).toMatchInlineSnapshot(`
      "storages.b.pvc: the claim 'v' is defined twice, with different settings
        at config/base.yaml:2
        HINT: set another claim: on one of the storages"
    `);
  });

  test('rejects a source that backs up the claim of a storage', () => {
    expect(errors(two('{ claim: c }', '{ claim: v }'))).toMatchInlineSnapshot(`
      "sources.shop: the source backs up the claim of storage 'a'
        at config/base.yaml:4
        HINT: store the backups in a separate claim"
    `);
  });
});

describe('file names', () => {
  const template = (text: string, kinds = DATABASE) => refused(`  shop: { ${kinds}, filenameTemplate: '${text}' }\n`);

  test.each([
    '{{ .Timestamp }}-{{ .RunID }}',
    '{{.DatabaseName}}-{{.Timestamp}}-{{.RunID}}',
    'shop_{{ .RunID }}_{{ .Timestamp }}.dump',
    '{{ .Timestamp }}-{{ .RunID }}.sql.gz',
  ])('accepts %s', (text) => {
    expect(template(text)).toBe('');
  });

  test.each([
    ['{{ .Timestamp }}', 'the template has {{ .RunID }} 0 times, expected once'],
    ['{{ .RunID }}', 'the template has {{ .Timestamp }} 0 times, expected once'],
    ['{{ .Timestamp }}-{{ .RunID }}-{{ .Timestamp }}', 'the template has {{ .Timestamp }} 2 times, expected once'],
    ['{{ .Timestamp }}-{{ .RunID }}-{{ .Host }}', "unknown template variable '.Host'"],
    ['a/{{ .Timestamp }}-{{ .RunID }}', 'file names may contain only letters, digits, dashes and underscores'],
    ['ü-{{ .Timestamp }}-{{ .RunID }}', 'file names may contain only letters, digits, dashes and underscores'],
    ['x{{ .Timestamp }}-{{ .RunID }}', '{{ .Timestamp }} and {{ .RunID }} need a separator'],
    ['{{ .Timestamp }}{{ .RunID }}', '{{ .Timestamp }} and {{ .RunID }} need a separator'],
    ['20260101-000000-{{ .Timestamp }}-{{ .RunID }}', 'the template contains text that looks like a timestamp'],
  ])('rejects %s', (text, message) => {
    expect(template(text)).toContain(`sources.shop.filenameTemplate: ${message}`);
    expect(template(text)).toContain('HINT: ');
  });

  test('.DatabaseName needs a run of a single database', () => {
    const text = '{{ .DatabaseName }}-{{ .Timestamp }}-{{ .RunID }}';
    expect(template(text, `${DATABASE}, ${VOLUME}`)).toBe('');
    for (const kinds of [VOLUME, DATABASE.replace('database: shop', 'databases: [a, b]')]) {
      expect(template(text, kinds)).toContain('the template has .DatabaseName, but the run has several databases or none');
    }
  });

  test('rejects .DatabaseName if the name of the database is not valid in file names', () => {
    expect(template('{{ .DatabaseName }}-{{ .Timestamp }}-{{ .RunID }}', DATABASE.replace('database: shop', "database: 'my shop'"))).toContain(
      'file names may contain only letters, digits, dashes and underscores',
    );
  });
});

describe('pods', () => {
  const pod = (text: string) => `  shop: { ${VOLUME}, pod: ${text} }\n`;

  test('root is a warning, and an error if createNamespace would reject it', () => {
    expect(noticed(pod('{ runAsUser: 0 }'))).toMatchInlineSnapshot(`
      "sources.shop.pod.runAsUser: the pods run as root, which Pod Security "restricted" rejects
        at config/base.yaml:7
        HINT: run as the user that owns the data"
    `);
    expect(errors(`createNamespace: true\n${BASE}${pod('{ runAsUser: 0 }')}`)).toMatchInlineSnapshot(`
      "sources.shop.pod.runAsUser: createNamespace enforces Pod Security "restricted", which rejects root
        at config/base.yaml:8
        HINT: remove createNamespace, and label the namespace yourself"
    `);
  });

  test('rejects a capability without root', () => {
    expect(refused(pod('{ capabilities: [DAC_READ_SEARCH] }'))).toMatchInlineSnapshot(`
      "sources.shop.pod.capabilities: capabilities have no effect unless the pod runs as root
        at config/base.yaml:7
        HINT: set runAsUser: 0, or remove the capabilities"
    `);
    expect(refused(pod('{ runAsUser: 0, capabilities: [DAC_READ_SEARCH] }'))).toBe('');
    expect(refused(pod('{ runAsUser: 0, capabilities: [SYS_ADMIN] }'))).toContain('sources.shop.pod.capabilities[0]: expected');
  });
});

describe('jobs', () => {
  test.each(['1s', '10s', '59s'])('rejects a starting deadline of %s', (deadline) => {
    expect(refused(`  shop: { ${VOLUME}, job: { startingDeadline: ${deadline} } }\n`)).toContain(
      'sources.shop.job.startingDeadline: shorter than 1m: a busy controller would skip runs',
    );
  });

  test('accepts a starting deadline of one minute', () => {
    expect(refused(`  shop: { ${VOLUME}, job: { startingDeadline: 1m } }\n`)).toBe('');
  });

  test('failed Jobs are kept by default', () => {
    expect(refused(`  shop: { ${VOLUME}, job: { failedJobsHistoryLimit: 3 } }\n`)).toBe('');
  });
});

describe('images', () => {
  test.each([
    ['postgres17', 'registry.acme.dev:5000/postgres:16.4', '16'],
    ['postgres14', 'docker.io/library/postgres:17-bookworm', '17'],
  ])('rejects %s as %s, which has another major version', (name, image, said) => {
    expect(errors(`images: { ${name}: '${image}' }\n${BASE}  shop: { ${VOLUME} }\n`)).toContain(
      `images.${name}: the image has PostgreSQL ${said}, but the client must have the major version of the server, got "${image}"`,
    );
  });

  test.each(['registry.acme.dev:5000/postgres:17.6', 'ghcr.io/acme/pg17:stable', `docker.io/library/postgres:17.6@sha256:${'0'.repeat(64)}`])(
    '%s may be of the right one',
    (image) => {
      expect(errors(`images: { postgres17: '${image}' }\n${BASE}  shop: { ${VOLUME} }\n`)).toBe('');
    },
  );
});

describe('scratch', () => {
  test.each([
    ['beside a StorageClass', '{ request: 1Gi, storageClassName: fast }', 'request has no effect with storageClassName'],
    ['above the size', '{ size: 1Gi, request: 2Gi }', 'request is larger than the size, 1Gi, got "2Gi"'],
  ])('rejects a request %s', (_, scratch, message) => {
    expect(errors(`${BASE}  shop: { ${VOLUME}, pod: { scratch: ${scratch} } }\n`)).toContain(`sources.shop.pod.scratch.request: ${message}`);
  });

  test('accepts a request up to the size', () => {
    expect(errors(`${BASE}  shop: { ${VOLUME}, pod: { scratch: { size: 2Gi, request: 2Gi } } }\n`)).toBe('');
  });
});

describe('storages', () => {
  test('a single storage in production is a warning, once for each source', () => {
    expect(noticed(`  shop: { ${VOLUME}, storages: [a] }\n`)).toMatchInlineSnapshot(`
      "sources.shop.storages: production has a single storage: losing 'a' loses every backup of 'shop'
        at config/base.yaml:7
        HINT: add a second storage in another location"
    `);
    expect(noticed(`  shop: { ${VOLUME} }\n`)).toBe('');
  });

  test('errors of a storage kind are reported at their line', () => {
    expect(errors(`${BASE.replace('size: 1Gi', 'storageClassName: hdd')}  shop: { ${VOLUME} }\n`)).toMatchInlineSnapshot(`
      "storages.a.pvc: neither claim nor size is set
        at config/base.yaml:3
        HINT: set size: 10Gi for a new claim, or claim: NAME for an existing one"
    `);
  });
});

describe('sources', () => {
  test('errors of a source kind are reported at their line, once for all tiers', () => {
    const tiers = "tiers: { weekly: { schedule: '@weekly' }, monthly: { schedule: '@monthly' } }";
    expect(refused(`  shop: { ${DATABASE.replace('version: 17', 'version: 15, dump: { compression: zstd }')}, ${tiers} }\n`)).toMatchInlineSnapshot(`
      "sources.shop.postgres.dump.compression: pg_dump 15 does not support zstd
        at config/base.yaml:7
        HINT: set gzip, or remove it: the default depends on the version"
    `);
  });

  test('a volume without placement is a warning if its access mode is unknown', () => {
    expect(noticed('  shop: { volume: { claim: c } }\n')).toMatchInlineSnapshot(`
      "sources.shop.volume.claim: no placement: if the claim is ReadWriteOnce, the pod starts only on the node of its application
        at config/base.yaml:7
        HINT: set nextTo: { app: … } to labels of the pods that use it, or set node: … or accessMode: ReadWriteMany"
    `);
  });
});
