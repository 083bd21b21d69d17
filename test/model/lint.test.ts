import { describe, expect, test } from 'vitest';
import { mistakes, warnings } from '../support/load.ts';

const BASE = `namespace: backup
storages:
  a: { pvc: { size: 1Gi } }
  b: { s3: { bucket: bbb, credentials: { secret: s } } }
plans: { default: { storages: [a, b], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' } } } }
sources:
`;
const VOLUME = 'volume: { claim: c, node: n }';
const DATABASE = 'postgres: { host: db, database: shop, version: 17, credentials: { secret: s } }';
const refused = (sources: string) => mistakes(BASE + sources);
const noticed = (sources: string) => warnings(BASE + sources).join('\n');

describe('folders', () => {
  test('P68: two sources in one folder are refused', () => {
    expect(refused(`  shop: { ${VOLUME} }\n  store: { folder: shop, ${VOLUME} }\n`)).toMatchInlineSnapshot(`
      "sources.store: its folder in the storage 'a' is also that of shop in a
        at config/base.yaml:8
        HINT: give it another folder:, or one of the storages another prefix:
      sources.store: its folder in the storage 'b' is also that of shop in b
        at config/base.yaml:8
        HINT: give it another folder:, or one of the storages another prefix:"
    `);
  });

  test('P68: two storages of one source that are one place are refused', () => {
    const text = `namespace: backup
storages: { a: { pvc: { claim: v } }, b: { pvc: { claim: v } } }
plans: { default: { storages: [a, b], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' } } } }
sources: { shop: { ${VOLUME} } }
`;
    expect(mistakes(text)).toMatchInlineSnapshot(`
      "sources.shop: its folder in the storage 'b' is also that of shop in a
        at config/base.yaml:4
        HINT: give it another folder:, or one of the storages another prefix:"
    `);
    expect(mistakes(text.replace('b: { pvc: { claim: v }', 'b: { pvc: { claim: v, prefix: other }'))).toBe('');
  });

  test('P68: a folder inside the folder of another is refused', () => {
    const text = `namespace: backup
storages: { a: { s3: { bucket: bbb, prefix: x, credentials: { secret: s } } }, b: { s3: { bucket: bbb, prefix: x/shop, credentials: { secret: s } } } }
plans: { default: { storages: [a], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' } } }, other: { storages: [b], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' } } } }
sources: { shop: { ${VOLUME} }, daily: { plan: other, ${VOLUME} } }
`;
    expect(mistakes(text)).toMatchInlineSnapshot(`
      "sources.daily: its folder in the storage 'b' lies in that of shop in a
        at config/base.yaml:4
        HINT: give it another folder:, or one of the storages another prefix:"
    `);
  });

  test('a source that was renamed keeps its folder', () => {
    expect(refused(`  store: { folder: shop, ${VOLUME} }\n`)).toBe('');
  });

  test('several tiers of one source lie beside each other in its folder', () => {
    expect(refused(`  shop: { ${VOLUME}, tiers: { weekly: { schedule: '@weekly' } } }\n`)).toBe('');
  });
});

describe('claims', () => {
  const two = (a: string, b: string) => `namespace: backup
storages: { a: { pvc: ${a} }, b: { pvc: ${b} } }
plans: { default: { storages: [a, b], keep: { last: 3 }, tiers: { daily: { schedule: '@daily' } } } }
sources: { shop: { ${VOLUME} } }
`;

  test('two storages may share a claim, but not make it differently', () => {
    expect(mistakes(two('{ claim: v, size: 1Gi }', '{ claim: v, size: 1Gi, prefix: other }'))).toBe('');
    expect(mistakes(two('{ claim: v, size: 1Gi }', '{ claim: v, prefix: other }'))).toBe('');
    expect(mistakes(two('{ claim: v, size: 1Gi }', '{ claim: v, size: 2Gi, prefix: other }'))).toMatchInlineSnapshot(`
      "storages.b.pvc: the claim 'v' would be made twice, and differently
        at config/base.yaml:2
        HINT: give one of them another claim:"
    `);
  });

  test('P101: the claim of a storage is never what is backed up', () => {
    expect(mistakes(two('{ claim: c }', '{ claim: v }'))).toMatchInlineSnapshot(`
      "sources.shop: what is backed up is the claim of the storage 'a'
        at config/base.yaml:4
        HINT: keep the backups in a claim of their own"
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
  ])('%s is taken', (text) => {
    expect(template(text)).toBe('');
  });

  test.each([
    ['{{ .Timestamp }}', 'the template holds {{ .RunID }} 0 times'],
    ['{{ .RunID }}', 'the template holds {{ .Timestamp }} 0 times'],
    ['{{ .Timestamp }}-{{ .RunID }}-{{ .Timestamp }}', 'the template holds {{ .Timestamp }} 2 times'],
    ['{{ .Timestamp }}-{{ .RunID }}-{{ .Host }}', "the template knows no '.Host'"],
    ['a/{{ .Timestamp }}-{{ .RunID }}', 'a name of files may hold letters, digits, dashes and underscores only'],
    ['ü-{{ .Timestamp }}-{{ .RunID }}', 'a name of files may hold letters, digits, dashes and underscores only'],
    ['x{{ .Timestamp }}-{{ .RunID }}', '{{ .Timestamp }} and {{ .RunID }} stand against other text'],
    ['{{ .Timestamp }}{{ .RunID }}', '{{ .Timestamp }} and {{ .RunID }} stand against other text'],
    ['20260101-000000-{{ .Timestamp }}-{{ .RunID }}', 'the template holds something that reads like a time'],
  ])('P54: %s is refused', (text, message) => {
    expect(template(text)).toContain(`sources.shop.filenameTemplate: ${message}`);
    expect(template(text)).toContain('HINT: ');
  });

  test('.DatabaseName is for a run of one database', () => {
    const text = '{{ .DatabaseName }}-{{ .Timestamp }}-{{ .RunID }}';
    expect(template(text, `${DATABASE}, ${VOLUME}`)).toBe('');
    for (const kinds of [VOLUME, DATABASE.replace('database: shop', 'databases: [a, b]')]) {
      expect(template(text, kinds)).toContain('the template holds .DatabaseName, but the run has no single database');
    }
  });

  test('P23: a database whose name cannot be in the name of a file is refused there', () => {
    expect(template('{{ .DatabaseName }}-{{ .Timestamp }}-{{ .RunID }}', DATABASE.replace('database: shop', "database: 'my shop'"))).toContain(
      'a name of files may hold letters, digits, dashes and underscores only',
    );
  });
});

describe('pods', () => {
  const pod = (text: string) => `  shop: { ${VOLUME}, pod: ${text} }\n`;

  test('P33: root is a warning, and refused where the namespace would refuse it', () => {
    expect(noticed(pod('{ runAsUser: 0 }'))).toMatchInlineSnapshot(`
      "sources.shop.pod.runAsUser: the pods run as root; Pod Security "restricted" refuses them
        at config/base.yaml:7
        HINT: run as the user that owns the data"
    `);
    expect(mistakes(`createNamespace: true\n${BASE}${pod('{ runAsUser: 0 }')}`)).toMatchInlineSnapshot(`
      "sources.shop.pod.runAsUser: the namespace that is made enforces Pod Security "restricted", which refuses root
        at config/base.yaml:8
        HINT: leave createNamespace out and label the namespace yourself"
    `);
  });

  test('P33: a capability is refused where it has no effect', () => {
    expect(refused(pod('{ capabilities: [DAC_READ_SEARCH] }'))).toMatchInlineSnapshot(`
      "sources.shop.pod.capabilities: a capability has no effect for a user that is not root
        at config/base.yaml:7
        HINT: write runAsUser: 0, or leave the capabilities out"
    `);
    expect(refused(pod('{ runAsUser: 0, capabilities: [DAC_READ_SEARCH] }'))).toBe('');
    expect(refused(pod('{ runAsUser: 0, capabilities: [SYS_ADMIN] }'))).toContain('sources.shop.pod.capabilities[0]: expected');
  });
});

describe('jobs', () => {
  test.each(['1s', '10s', '59s'])('P40: a starting deadline of %s is refused', (deadline) => {
    expect(refused(`  shop: { ${VOLUME}, job: { startingDeadline: ${deadline} } }\n`)).toContain(
      'sources.shop.job.startingDeadline: the controller looks every ten seconds and may be busy: at least 1m',
    );
  });

  test('P40: one minute is enough', () => {
    expect(refused(`  shop: { ${VOLUME}, job: { startingDeadline: 1m } }\n`)).toBe('');
  });

  test('P51: evidence of failures stays by default', () => {
    expect(refused(`  shop: { ${VOLUME}, job: { failedJobsHistoryLimit: 3 } }\n`)).toBe('');
  });
});

describe('images', () => {
  test.each([
    ['postgres17', 'registry.acme.dev:5000/postgres:16.4', '16'],
    ['postgres14', 'docker.io/library/postgres:17-bookworm', '17'],
  ])('P12: %s as %s is of another major', (name, image, said) => {
    expect(mistakes(`images: { ${name}: '${image}' }\n${BASE}  shop: { ${VOLUME} }\n`)).toContain(
      `images.${name}: the image is of PostgreSQL ${said}, and the client's major must be the server's, got "${image}"`,
    );
  });

  test.each(['registry.acme.dev:5000/postgres:17.6', 'ghcr.io/acme/pg17:stable', `docker.io/library/postgres:17.6@sha256:${'0'.repeat(64)}`])(
    '%s may be of the right one',
    (image) => {
      expect(mistakes(`images: { postgres17: '${image}' }\n${BASE}  shop: { ${VOLUME} }\n`)).toBe('');
    },
  );
});

describe('storages', () => {
  test('P126: one storage only is a warning in production, once for each source', () => {
    expect(noticed(`  shop: { ${VOLUME}, storages: [a] }\n`)).toMatchInlineSnapshot(`
      "sources.shop.storages: one storage only in production: what loses 'a' loses every backup of 'shop'
        at config/base.yaml:7
        HINT: add a storage elsewhere"
    `);
    expect(noticed(`  shop: { ${VOLUME} }\n`)).toBe('');
  });

  test('reports an error of a storage kind at its line', () => {
    expect(mistakes(`${BASE.replace('size: 1Gi', 'storageClassName: hdd')}  shop: { ${VOLUME} }\n`)).toMatchInlineSnapshot(`
      "storages.a.pvc: neither claim nor size is set
        at config/base.yaml:3
        HINT: set size: 10Gi to create a claim, or claim: NAME to use an existing one"
    `);
  });
});

describe('sources', () => {
  test('what a kind of source finds stands at its line, and once, however many tiers there are', () => {
    const tiers = "tiers: { weekly: { schedule: '@weekly' }, monthly: { schedule: '@monthly' } }";
    expect(refused(`  shop: { ${DATABASE.replace('version: 17', 'version: 15, dump: { compression: zstd }')}, ${tiers} }\n`)).toMatchInlineSnapshot(`
      "sources.shop.postgres.dump.compression: pg_dump 15 cannot compress with zstd
        at config/base.yaml:7
        HINT: write gzip, or leave it out: the default follows the version"
    `);
  });

  test('P30: a volume without placement is a warning', () => {
    expect(noticed('  shop: { volume: { claim: c } }\n')).toMatchInlineSnapshot(`
      "sources.shop.volume.claim: no placement: if the claim is ReadWriteOnce, the pod hangs on any other node than its application
        at config/base.yaml:7
        HINT: write nextTo: { app: … } with labels of the pods that use it, or node: …, or accessMode: ReadWriteMany"
    `);
  });
});
