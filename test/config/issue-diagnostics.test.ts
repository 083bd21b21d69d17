import { expect, test } from 'vitest';
import { diagnosticsOf } from '../../lib/config/issue-diagnostics.ts';
import { oneOf } from '../../lib/config/plain-words.ts';
import { describeDiagnostic } from '../../lib/diagnostics.ts';
import { LATER_METHODS, METHOD_NAMES } from '../../lib/sources/index.ts';
import { postgres as postgresKind } from '../../lib/sources/postgres/kind.ts';
import { errorsIn } from '../support/config-folder.ts';

const postgres = (keys: string) => errorsIn(`sources: { shop: { postgres: { ${keys} } } }`);
const s3 = (keys: string) => errorsIn(`storages: { offsite: { s3: { ${keys} } } }`);
const plan = (keys: string) => errorsIn(`plans: { default: { ${keys} } }`);

test('an unknown key with a near miss', () => {
  expect(plan("tiers: { daily: { shedule: '@daily' } }")).toMatchInlineSnapshot(`
    "plans.default.tiers.daily.shedule: unknown key
      at config/base.yaml:1
      HINT: did you mean 'schedule'?"
  `);
});

test('an unknown key at the top, in the wrong case', () => {
  expect(errorsIn('Storages: {}')).toMatchInlineSnapshot(`
    "Storages: unknown key
      at config/base.yaml:1
      HINT: did you mean 'storages'?"
  `);
});

test('an unknown key that belongs one level deeper', () => {
  expect(errorsIn('sources: { shop: { host: db } }')).toMatchInlineSnapshot(`
    "sources.shop.host: unknown key
      at config/base.yaml:1
      HINT: 'host' belongs under 'postgres'"
  `);
});

test('an unknown key without a near miss lists the known keys', () => {
  expect(plan('retention: 7')).toMatchInlineSnapshot(`
    "plans.default.retention: unknown key
      at config/base.yaml:1
      HINT: known keys: tiers, verify, storages, keep, timeZone, suspend, filenameTemplate, pod, job, throttle, networkPolicy"
  `);
});

test('several unknown keys are several errors, without their values', () => {
  expect(errorsIn('foo: secret-1\nbar:\n  baz: secret-2')).toMatchInlineSnapshot(`
    "foo: unknown key
      at config/base.yaml:1
      HINT: known keys: namespace, createNamespace, production, images, storages, plans, defaults, sources, timeZone, monitoring, verify, restores
    bar: unknown key
      at config/base.yaml:2
      HINT: known keys: namespace, createNamespace, production, images, storages, plans, defaults, sources, timeZone, monitoring, verify, restores"
  `);
});

test('a secret in plain text is not shown, and the hint names the right way', () => {
  expect(postgres('password: hunter2')).toMatchInlineSnapshot(`
    "sources.shop.postgres.password: unknown key
      at config/base.yaml:1
      HINT: never write a secret in the values: put it into a Secret and name that, as in credentials: { secret: NAME }"
  `);
});

test.each([
  ['the keys of a role', () => postgres('credentials: { secret: shop-db, password: hunter2 }')],
  ['the keys of a store', () => s3('credentials: { secret: backup-s3, secretAccessKey: hunter2 }')],
])('a secret next to its Secret is not sent to %s, which name keys', (_, errors) => {
  expect(errors()).toContain('HINT: never write a secret in the values: put it into a Secret and name that');
  expect(errors()).not.toMatch(/hunter2|belongs/);
});

test('the name of a Secret that belongs one level deeper', () => {
  expect(postgres('secret: shop-db')).toContain("HINT: 'secret' belongs under 'credentials'");
  expect(errorsIn('sources: { shop: { credentials: { secret: shop-db } } }')).toContain("HINT: 'credentials' belongs under 'postgres'");
});

test('text where a number is expected', () => {
  expect(postgres('port: five')).toMatchInlineSnapshot(`
    "sources.shop.postgres.port: expected a port from 1 to 65535, got "five"
      at config/base.yaml:1
      HINT: Port of the server."
  `);
});

test('a number in quotes', () => {
  expect(postgres("port: '5432'")).toMatchInlineSnapshot(`
    "sources.shop.postgres.port: expected a port from 1 to 65535, got "5432"
      at config/base.yaml:1
      HINT: remove the quotes: port: 5432"
  `);
});

test('a number where text is expected', () => {
  expect(postgres('database: 5')).toMatchInlineSnapshot(`
    "sources.shop.postgres.database: expected text, got 5
      at config/base.yaml:1
      HINT: quote it: database: '5'"
  `);
});

test('true where text is expected', () => {
  expect(errorsIn('sources: { shop: { pod: { labels: { backup: true } } } }')).toMatchInlineSnapshot(`
    "sources.shop.pod.labels.backup: expected text; quote numbers and true or false, got true
      at config/base.yaml:1
      HINT: quote it: backup: 'true'"
  `);
});

test('a fraction', () => {
  expect(postgres('port: 5432.5')).toMatchInlineSnapshot(`
    "sources.shop.postgres.port: expected a port from 1 to 65535, got 5432.5
      at config/base.yaml:1
      HINT: Port of the server."
  `);
});

test('NaN', () => {
  expect(postgres('port: .nan')).toMatchInlineSnapshot(`
    "sources.shop.postgres.port: expected a port from 1 to 65535, got "NaN"
      at config/base.yaml:1
      HINT: Port of the server."
  `);
});

test('a number that is too large', () => {
  expect(postgres('port: 70000')).toMatchInlineSnapshot(`
    "sources.shop.postgres.port: expected a port from 1 to 65535, got 70000
      at config/base.yaml:1
      HINT: Port of the server."
  `);
});

test('a number that is too small', () => {
  expect(errorsIn('defaults: { throttle: { perServer: 0 } }')).toMatchInlineSnapshot(`
    "defaults.throttle.perServer: expected at least 1, got 0
      at config/base.yaml:1
      HINT: Concurrent backups of one database server. Count."
  `);
});

test('a version that has no image', () => {
  expect(postgres('version: 13')).toMatchInlineSnapshot(`
    "sources.shop.postgres.version: expected a major version: 14, 15, 16, 17, 18, got 13
      at config/base.yaml:1
      HINT: use 14, 15, 16, 17 or 18"
  `);
});

test('a version in quotes', () => {
  expect(postgres("version: '17'")).toMatchInlineSnapshot(`
    "sources.shop.postgres.version: expected a major version: 14, 15, 16, 17, 18, got "17"
      at config/base.yaml:1
      HINT: remove the quotes: version: 17"
  `);
});

test('text instead of a mapping', () => {
  expect(errorsIn('sources: { shop: { postgres: db.shop } }')).toMatchInlineSnapshot(`
    "sources.shop.postgres: expected a mapping, not text
      at config/base.yaml:1
      HINT: Databases of a PostgreSQL server, by \`pg_dump\`."
  `);
});

test('a list instead of a mapping', () => {
  expect(errorsIn('sources: [shop]')).toMatchInlineSnapshot(`
    "sources: expected a mapping, not a list
      at config/base.yaml:1
      HINT: What to back up, by name."
  `);
});

test('a mapping instead of a list', () => {
  expect(plan('storages: { local: {} }')).toMatchInlineSnapshot(`
    "plans.default.storages: expected a list, not a mapping
      at config/base.yaml:1
      HINT: use a list: storages: [ … ]"
  `);
});

test('a name instead of a list', () => {
  expect(plan('storages: local')).toMatchInlineSnapshot(`
    "plans.default.storages: expected a list
      at config/base.yaml:1
      HINT: use a list: storages: [ … ]"
  `);
});

test('a mapping instead of text', () => {
  expect(postgres('host: { name: db }')).toMatchInlineSnapshot(`
    "sources.shop.postgres.host: expected text, not a mapping
      at config/base.yaml:1
      HINT: Host name of the server, or its Service: \`shop-db.shop\`."
  `);
});

test('an empty list', () => {
  expect(plan('storages: []')).toMatchInlineSnapshot(`
    "plans.default.storages: expected at least one entry
      at config/base.yaml:1
      HINT: Where the backups go: the first is the primary, the others are copies."
  `);
});

test('empty text', () => {
  expect(postgres("database: ''")).toMatchInlineSnapshot(`
    "sources.shop.postgres.database: must not be empty, got ""
      at config/base.yaml:1
      HINT: The database to back up."
  `);
});

test('a choice with a near miss', () => {
  expect(postgres('tls: { mode: verify_full }')).toMatchInlineSnapshot(`
    "sources.shop.postgres.tls.mode: expected 'disable', 'prefer', 'require', 'verify-ca' or 'verify-full', got "verify_full"
      at config/base.yaml:1
      HINT: did you mean 'verify-full'?"
  `);
});

test('a choice without a near miss', () => {
  expect(postgres('dump: { format: tarball }')).toMatchInlineSnapshot(`
    "sources.shop.postgres.dump.format: expected 'custom' or 'plain', got "tarball"
      at config/base.yaml:1
      HINT: use 'custom' or 'plain'"
  `);
});

test('a duration without a unit', () => {
  expect(plan('tiers: { daily: { keep: { for: 7 } } }')).toMatchInlineSnapshot(`
    "plans.default.tiers.daily.keep.for: expected a duration such as 30m, 6h or 7d, got 7
      at config/base.yaml:1
      HINT: Every backup that is at most this much older than the newest one. Duration."
  `);
});

test('an invalid duration', () => {
  expect(errorsIn('defaults: { job: { deadline: 90 minutes } }')).toMatchInlineSnapshot(`
    "defaults.job.deadline: expected a duration such as 30m, 6h or 7d, got "90 minutes"
      at config/base.yaml:1
      HINT: A run longer than this is stopped and counts as failed."
  `);
});

test('a size as powers of 1000', () => {
  expect(errorsIn('storages: { local: { pvc: { size: 20G } } }')).toMatchInlineSnapshot(`
    "storages.local.pvc.size: expected a size such as 512Mi or 20Gi, got "20G"
      at config/base.yaml:1
      HINT: write 20Gi"
  `);
});

test.each([
  ['20', '20Gi'],
  ["'20'", '20Gi'],
  ['20GB', '20Gi'],
  ['512mb', '512Mi'],
  ['1 TiB', '1Ti'],
])('a size written %s', (written, hint) => {
  expect(errorsIn(`storages: { local: { pvc: { size: ${written} } } }`)).toContain(`HINT: write ${hint}`);
});

test.each(['0', '-5G', '20Pi', 'big'])('a size written %s, which has no obvious meaning', (written) => {
  expect(errorsIn(`storages: { local: { pvc: { size: ${written} } } }`)).toContain('HINT: Size of the claim to create.');
});

test.each([
  ['7d', '{ for: 7d }'],
  ['7', '{ last: 7 }'],
])('a keep written %s, without its rule', (written, hint) => {
  expect(plan(`tiers: { daily: { keep: ${written} } }`)).toContain(`HINT: write keep: ${hint}`);
  expect(plan(`storages: [{ name: local, keep: ${written} }]`)).toContain(`HINT: write keep: ${hint}`);
});

test('the name of a Secret in place of credentials', () => {
  const hint = 'HINT: write credentials: { secret: NAME }, with the name of a Secret';
  expect(postgres('credentials: shop-db')).toContain(hint);
  expect(s3('credentials: backup-s3')).toContain(hint);
});

test('a name that is invalid in Kubernetes', () => {
  expect(errorsIn('namespace: My_Namespace')).toMatchInlineSnapshot(`
    "namespace: expected lowercase letters, digits and dashes, starting and ending with a letter or digit, at most 63, got "My_Namespace"
      at config/base.yaml:1
      HINT: Namespace that pods run in."
  `);
});

test('a source name that is invalid in Kubernetes', () => {
  expect(errorsIn('sources: { Shop_DB: { postgres: {} } }')).toMatchInlineSnapshot(`
    "sources.Shop_DB: not a valid name: expected lowercase letters, digits and dashes, starting and ending with a letter or digit, at most 63
      at config/base.yaml:1
      HINT: rename it"
  `);
});

test('a tier with a reserved name', () => {
  expect(plan('tiers: { once: {} }')).toMatchInlineSnapshot(`
    "plans.default.tiers.once: not a valid name: the tier name 'once' is reserved for manual runs
      at config/base.yaml:1
      HINT: rename it"
  `);
});

test('a keep without a rule', () => {
  expect(plan('tiers: { daily: { keep: { atLeast: 2 } } }')).toMatchInlineSnapshot(`
    "plans.default.tiers.daily.keep: expected at least one rule: last, for, daily, weekly, monthly or yearly
      at config/base.yaml:1
      HINT: Retention. A \`keep\` is replaced as a whole, never merged."
  `);
});

test('a keep with an unknown rule', () => {
  expect(plan('tiers: { daily: { keep: { dayly: 2 } } }')).toMatchInlineSnapshot(`
    "plans.default.tiers.daily.keep.dayly: unknown key
      at config/base.yaml:1
      HINT: did you mean 'daily'?"
  `);
});

test('an invalid storage in a list is reported by the alternative that was meant', () => {
  expect(plan('storages: [local, { name: offsite, keep: { last: 0 } }]')).toMatchInlineSnapshot(`
    "plans.default.storages[1].keep.last: expected a whole number from 1 to 10000, got 0
      at config/base.yaml:1
      HINT: The newest backups. Count."
  `);
});

test('a storage in a list that is neither a name nor a mapping', () => {
  expect(plan('storages: [5]')).toMatchInlineSnapshot(`
    "plans.default.storages[0]: expected the name of a storage, or { name: …, keep: … }, got 5
      at config/base.yaml:1
      HINT: quote it: storages: '5'"
  `);
});

test('a storage in a list with an invalid name', () => {
  expect(plan('storages: [Local]')).toMatchInlineSnapshot(`
    "plans.default.storages[0]: expected lowercase letters, digits and dashes, starting and ending with a letter or digit, at most 63, got "Local"
      at config/base.yaml:1
      HINT: Where the backups go: the first is the primary, the others are copies."
  `);
});

test('an item that is null', () => {
  expect(plan('storages: [local, null]')).toMatchInlineSnapshot(`
    "plans.default.storages[1]: expected the name of a storage, or { name: …, keep: … }, got null
      at config/base.yaml:1
      HINT: Where the backups go: the first is the primary, the others are copies."
  `);
});

test('network with an unknown word', () => {
  expect(postgres('network: internal')).toMatchInlineSnapshot(`
    "sources.shop.postgres.network: expected 'external' or a mapping, got "internal"
      at config/base.yaml:1
      HINT: How the NetworkPolicy lets the pod through: \`external\` for an address outside the cluster, or pods by namespace, labels and port."
  `);
});

test('network with an unknown key', () => {
  expect(postgres('network: { port: http }')).toMatchInlineSnapshot(`
    "sources.shop.postgres.network.port: expected a port from 1 to 65535, got "http"
      at config/base.yaml:1
      HINT: The pods' port, where it is not the Service's."
  `);
});

test('an invalid CIDR', () => {
  expect(errorsIn('defaults: { networkPolicy: { exceptCidrs: [10.0.0.0] } }')).toMatchInlineSnapshot(`
    "defaults.networkPolicy.exceptCidrs[0]: expected a CIDR such as 10.0.0.0/8, got "10.0.0.0"
      at config/base.yaml:1
      HINT: Addresses to exclude from "any address", such as the networks of pods and Services."
  `);
});

test('an image without a tag, one with latest', () => {
  expect(errorsIn('images: { rclone: rclone/rclone, busybox: busybox:latest }')).toMatchInlineSnapshot(`
    "images.rclone: expected an image with a tag, such as registry.acme.dev/postgres:17.6, got "rclone/rclone"
      at config/base.yaml:1
      HINT: Replaces our image. It needs a tag.
    images.busybox: the tag 'latest' does not pin a version, got "busybox:latest"
      at config/base.yaml:1
      HINT: Replaces our image. It needs a tag."
  `);
});

test('a prefix that leaves its storage', () => {
  expect(s3('prefix: ../other')).toMatchInlineSnapshot(`
    "storages.offsite.s3.prefix: expected a path of letters, digits, dots, dashes and underscores, without a slash at either end and without '..', got "../other"
      at config/base.yaml:1
      HINT: Folder that everything lies under; \`''\` for the root."
  `);
});

test('a URL with a password is rejected and not shown', () => {
  expect(s3('endpoint: https://key:hunter2@minio')).toMatchInlineSnapshot(`
    "storages.offsite.s3.endpoint: the URL must not contain a user or a password
      at config/base.yaml:1
      HINT: URL of a store that is not AWS."
  `);
});

test.each([
  ['in place of the name of a Secret', () => s3('credentials: { secret: Hunter2! }')],
  ['in place of the name of a key', () => s3('credentials: { secret: x, keys: { secretAccessKey: 5123 } }')],
  ['in place of the keys that name a Secret', () => s3('credentials: hunter2')],
  ['in a list', () => errorsIn('defaults: { pod: { imagePullSecrets: [Hunter2!] } }')],
])('a secret that is written %s is not shown', (_, errors) => {
  const said = errors();
  expect(said).toContain('HINT');
  expect(said).not.toMatch(/hunter2|5123/i);
});

test('a kind of storage that is not built yet', () => {
  expect(errorsIn('storages: { cold: { azure: { account: x } } }')).toMatchInlineSnapshot(`
    "storages.cold.azure: the storage \`azure\` is not built yet
      at config/base.yaml:1
      HINT: remove it for now; docs/values.md lists what is supported"
  `);
});

test('a kind of source that is not built yet', () => {
  expect(errorsIn('sources: { vault: { openbao: { role: x } } }')).toMatchInlineSnapshot(`
    "sources.vault.openbao: the source \`openbao\` is not built yet
      at config/base.yaml:1
      HINT: remove it for now; docs/values.md lists what is supported"
  `);
});

test('a key of a kind that is not built yet', () => {
  expect(errorsIn('sources: { wiki: { volume: { copyMethod: Clone } } }')).toMatchInlineSnapshot(`
    "sources.wiki.volume.copyMethod: the copy method of a volume is not built yet
      at config/base.yaml:1
      HINT: remove it for now; docs/values.md lists what is supported"
  `);
});

test('a method that is not built yet, and an unknown one', () => {
  const [later] = LATER_METHODS;
  expect(plan(`tiers: { a: { method: ${later} }, b: { method: hunter2 } }`).split('\n')).toEqual([
    `plans.default.tiers.a.method: the method '${later}' is not built yet`,
    '  at config/base.yaml:1',
    '  HINT: remove it for now; docs/values.md lists what is supported',
    `plans.default.tiers.b.method: expected ${METHOD_NAMES.join(' or ')}, got "hunter2"`,
    '  at config/base.yaml:1',
    `  HINT: use ${oneOf(METHOD_NAMES)}`,
  ]);
});

test('a format that is not built yet', () => {
  expect(postgres('dump: { format: directory }')).toMatchInlineSnapshot(`
    "sources.shop.postgres.dump.format: the format 'directory' is not built yet
      at config/base.yaml:1
      HINT: remove it for now; docs/values.md lists what is supported"
  `);
});

test('a section that is not built yet', () => {
  expect(errorsIn('encryption: { openpgp: {} }\nalerts: {}\nbackups: {}')).toMatchInlineSnapshot(`
    "encryption: encryption is not built yet
      at config/base.yaml:1
      HINT: remove it for now; docs/values.md lists what is supported
    alerts: alerting is not built yet
      at config/base.yaml:2
      HINT: remove it for now; docs/values.md lists what is supported
    backups: a list of one-off backups (\`backstay backup\` makes one by hand) is not built yet
      at config/base.yaml:3
      HINT: remove it for now; docs/values.md lists what is supported"
  `);
});

test('null in the base', () => {
  expect(errorsIn('sources:\n  shop: null\nimages: ~')).toMatchInlineSnapshot(`
    "sources.shop: null is not allowed in the base: it removes a key of the base
      at config/base.yaml:2
      HINT: remove the key, or write {} to use every default
    images: null is not allowed in the base: it removes a key of the base
      at config/base.yaml:3
      HINT: remove the key, or write {} to use every default"
  `);
});

test('null deep inside an object of the Kubernetes API', () => {
  expect(errorsIn('defaults: { pod: { affinity: { nodeAffinity: null } } }')).toMatchInlineSnapshot(`
    "defaults.pod.affinity.nodeAffinity: null is not allowed in the base: it removes a key of the base
      at config/base.yaml:1
      HINT: remove the key, or write {} to use every default"
  `);
});

test('a key without a value', () => {
  expect(errorsIn('storages:\nsources: {}')).toMatchInlineSnapshot(`
    "storages: empty value
      at config/base.yaml:1
      HINT: write {} to use every default; in the file of an environment, null removes the key"
  `);
});

test('an unknown template variable', () => {
  expect(errorsIn("defaults: { postgres: { host: '{{ .Environment }}-db', database: '{{ .Environment }}' } }")).toMatchInlineSnapshot(`
    "defaults.postgres.host: expected a host name or address, got "{{ .Environment }}-db"
      at config/base.yaml:1
      HINT: only {{ .Source }} is expanded, and only below a kind in \`defaults\`
    defaults.postgres.database: only {{ .Source }} is expanded, got "{{ .Environment }}"
      at config/base.yaml:1
      HINT: only {{ .Source }} is expanded, and only below a kind in \`defaults\`"
  `);
});

test('a template where templates are not expanded', () => {
  expect(postgres("database: '{{ .Source }}'")).toMatchInlineSnapshot(`
    "sources.shop.postgres.database: templates are not expanded here, got "{{ .Source }}"
      at config/base.yaml:1
      HINT: only {{ .Source }} is expanded, and only below a kind in \`defaults\`"
  `);
});

test('a long value is cut', () => {
  expect(errorsIn(`namespace: ${'x'.repeat(300)}`)).toMatchInlineSnapshot(`
    "namespace: expected lowercase letters, digits and dashes, starting and ending with a letter or digit, at most 63, got "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...
      at config/base.yaml:1
      HINT: Namespace that pods run in."
  `);
});

test('a key with special characters', () => {
  expect(errorsIn(`"a b\\nc.d": 1`)).toMatchInlineSnapshot(`
    "['a b c.d']: unknown key
      at config/base.yaml:1
      HINT: known keys: namespace, createNamespace, production, images, storages, plans, defaults, sources, timeZone, monitoring, verify, restores"
  `);
});

test('null in an overlay removes any key', () => {
  expect(errorsIn('', 'namespace: null\nsources: { shop: null, wiki: { volume: { nextTo: null } } }\nplans: { default: { keep: null } }')).toBe(
    'no error',
  );
});

test('templates are allowed in the defaults of a kind', () => {
  const secret = "'{{ .Source }}-backup'";
  expect(errorsIn(`defaults: { postgres: { host: '{{.Source}}-rw.x', database: '{{ .Source }}', credentials: { secret: ${secret} } } }`)).toBe(
    'no error',
  );
});

test('requirements across keys are not checked in one file, since the keys may be in both', () => {
  expect(
    errorsIn('sources: { a: { postgres: { tls: { ca: { configMap: x } } } } }', 'sources: { a: { postgres: { tls: { ca: { key: y } } } } }'),
  ).toBe('no error');
});

test('errors are sorted by line', () => {
  const lines = errorsIn('sources: { a: { plan: 5 } }\nfoo: 1\nnamespace: 5\nbar: 2').match(/yaml:\d/g);
  expect(lines).toEqual(['yaml:1', 'yaml:2', 'yaml:3', 'yaml:4']);
});

const shop = { database: 'shop', version: 17 };

test('a missing value is reported with its description', () => {
  const { error } = postgresKind.schema.safeParse(shop, { reportInput: true });
  const diagnostics = diagnosticsOf(error?.issues ?? [], ['sources', 'shop', 'postgres'], () => ({ file: 'base.yaml', line: 3 }));
  expect(diagnostics.map(describeDiagnostic).join('\n')).toMatchInlineSnapshot(`
    "sources.shop.postgres.host: required, but missing
      at base.yaml:3
      HINT: set host: … (host name of the server, or its Service: \`shop-db.shop\`)
    sources.shop.postgres.credentials: required, but missing
      at base.yaml:3
      HINT: set credentials: … (where the role and its password are)"
  `);
});

test('a missing value is recognised even if zod was not asked to report input', () => {
  const { error } = postgresKind.schema.safeParse({ ...shop, port: 'five' });
  const diagnostics = diagnosticsOf(error?.issues ?? [], ['sources', 'shop', 'postgres'], () => undefined);
  expect(diagnostics.map(({ path, message }) => `${path}: ${message}`)).toEqual([
    'sources.shop.postgres.host: required, but missing',
    'sources.shop.postgres.port: expected a port from 1 to 65535',
    'sources.shop.postgres.credentials: required, but missing',
  ]);
});
