import { expect, test } from 'vitest';
import { problemsOf } from '../../lib/config/check.ts';
import { describeProblem } from '../../lib/errors.ts';
import { postgres as postgresKind } from '../../lib/sources/postgres.ts';
import { mistakesIn } from '../support/config-folder.ts';

const postgres = (keys: string) => mistakesIn(`sources: { shop: { postgres: { ${keys} } } }`);
const s3 = (keys: string) => mistakesIn(`storages: { offsite: { s3: { ${keys} } } }`);
const plan = (keys: string) => mistakesIn(`plans: { default: { ${keys} } }`);

test('an unknown key with a near miss', () => {
  expect(plan("tiers: { daily: { shedule: '@daily' } }")).toMatchInlineSnapshot(`
    "plans.default.tiers.daily.shedule: unknown key
      at config/base.yaml:1
      HINT: did you mean 'schedule'?"
  `);
});

test('an unknown key at the top, in the wrong case', () => {
  expect(mistakesIn('Storages: {}')).toMatchInlineSnapshot(`
    "Storages: unknown key
      at config/base.yaml:1
      HINT: did you mean 'storages'?"
  `);
});

test('an unknown key that stands one level deeper', () => {
  expect(mistakesIn('sources: { shop: { host: db } }')).toMatchInlineSnapshot(`
    "sources.shop.host: unknown key
      at config/base.yaml:1
      HINT: 'host' stands under 'postgres'"
  `);
});

test('an unknown key that is near to nothing lists the known ones', () => {
  expect(plan('retention: 7')).toMatchInlineSnapshot(`
    "plans.default.retention: unknown key
      at config/base.yaml:1
      HINT: known keys: tiers, verify, storages, keep, timeZone, suspend, filenameTemplate, pod, job, throttle, networkPolicy"
  `);
});

test('several unknown keys are several mistakes, and their values are not shown', () => {
  expect(mistakesIn('foo: secret-1\nbar:\n  baz: secret-2')).toMatchInlineSnapshot(`
    "foo: unknown key
      at config/base.yaml:1
      HINT: known keys: namespace, createNamespace, production, images, storages, plans, defaults, sources, timeZone, verify, restores
    bar: unknown key
      at config/base.yaml:2
      HINT: known keys: namespace, createNamespace, production, images, storages, plans, defaults, sources, timeZone, verify, restores"
  `);
});

test('a secret that is written out is told how it is done, and not shown', () => {
  expect(postgres('password: hunter2')).toMatchInlineSnapshot(`
    "sources.shop.postgres.password: unknown key
      at config/base.yaml:1
      HINT: secrets are never written here: name an existing Secret, as in credentials: { secret: NAME }"
  `);
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
      HINT: write it without quotes: port: 5432"
  `);
});

test('a number where text is expected', () => {
  expect(postgres('database: 5')).toMatchInlineSnapshot(`
    "sources.shop.postgres.database: expected text, got 5
      at config/base.yaml:1
      HINT: put it in quotes: database: '5'"
  `);
});

test('true where text is expected', () => {
  expect(mistakesIn('sources: { shop: { pod: { labels: { backup: true } } } }')).toMatchInlineSnapshot(`
    "sources.shop.pod.labels.backup: expected text; quote numbers and true or false, got true
      at config/base.yaml:1
      HINT: put it in quotes: backup: 'true'"
  `);
});

test('a fraction', () => {
  expect(postgres('port: 5432.5')).toMatchInlineSnapshot(`
    "sources.shop.postgres.port: expected a port from 1 to 65535, got 5432.5
      at config/base.yaml:1
      HINT: Port of the server."
  `);
});

test('a number that is no number', () => {
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
  expect(mistakesIn('defaults: { throttle: { perServer: 0 } }')).toMatchInlineSnapshot(`
    "defaults.throttle.perServer: expected at least 1, got 0
      at config/base.yaml:1
      HINT: Backups at a time against one database server. Count."
  `);
});

test('a version that has no image', () => {
  expect(postgres('version: 13')).toMatchInlineSnapshot(`
    "sources.shop.postgres.version: expected a major version: 14, 15, 16, 17, 18, got 13
      at config/base.yaml:1
      HINT: write 14, 15, 16, 17 or 18"
  `);
});

test('a version in quotes', () => {
  expect(postgres("version: '17'")).toMatchInlineSnapshot(`
    "sources.shop.postgres.version: expected a major version: 14, 15, 16, 17, 18, got "17"
      at config/base.yaml:1
      HINT: write it without quotes: version: 17"
  `);
});

test('text in place of keys and values', () => {
  expect(mistakesIn('sources: { shop: { postgres: db.shop } }')).toMatchInlineSnapshot(`
    "sources.shop.postgres: expected keys and values, not text
      at config/base.yaml:1
      HINT: Databases of a PostgreSQL server, by \`pg_dump\`."
  `);
});

test('a list in place of keys and values', () => {
  expect(mistakesIn('sources: [shop]')).toMatchInlineSnapshot(`
    "sources: expected keys and values, not a list
      at config/base.yaml:1
      HINT: What is backed up, by name."
  `);
});

test('keys and values in place of a list', () => {
  expect(plan('storages: { local: {} }')).toMatchInlineSnapshot(`
    "plans.default.storages: expected a list, not keys and values
      at config/base.yaml:1
      HINT: write a list: storages: [ … ]"
  `);
});

test('a name in place of a list', () => {
  expect(plan('storages: local')).toMatchInlineSnapshot(`
    "plans.default.storages: expected a list
      at config/base.yaml:1
      HINT: write a list: storages: [ … ]"
  `);
});

test('keys and values in place of text', () => {
  expect(postgres('host: { name: db }')).toMatchInlineSnapshot(`
    "sources.shop.postgres.host: expected text, not keys and values
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
    "sources.shop.postgres.database: expected text, not empty text, got ""
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

test('a choice that is near to nothing', () => {
  expect(postgres('dump: { format: tarball }')).toMatchInlineSnapshot(`
    "sources.shop.postgres.dump.format: expected 'custom' or 'plain', got "tarball"
      at config/base.yaml:1
      HINT: write 'custom' or 'plain'"
  `);
});

test('a duration without a unit', () => {
  expect(plan('tiers: { daily: { keep: { for: 7 } } }')).toMatchInlineSnapshot(`
    "plans.default.tiers.daily.keep.for: expected a duration such as 30m, 6h or 7d, got 7
      at config/base.yaml:1
      HINT: Everything younger than this, seen from the newest backup. Duration."
  `);
});

test('a duration that is none', () => {
  expect(mistakesIn('defaults: { job: { deadline: 90 minutes } }')).toMatchInlineSnapshot(`
    "defaults.job.deadline: expected a duration such as 30m, 6h or 7d, got "90 minutes"
      at config/base.yaml:1
      HINT: A run longer than this is stopped and counts as failed."
  `);
});

test('a size as powers of 1000', () => {
  expect(mistakesIn('storages: { local: { pvc: { size: 20G } } }')).toMatchInlineSnapshot(`
    "storages.local.pvc.size: expected a size such as 512Mi or 20Gi, got "20G"
      at config/base.yaml:1
      HINT: Size of the claim to create. Leave it out to use an existing \`claim\`."
  `);
});

test('a name that Kubernetes would not take', () => {
  expect(mistakesIn('namespace: My_Namespace')).toMatchInlineSnapshot(`
    "namespace: expected lower-case letters, digits and dashes, starting and ending with a letter or digit, at most 63, got "My_Namespace"
      at config/base.yaml:1
      HINT: Namespace that pods run in."
  `);
});

test('a name of a source that Kubernetes would not take', () => {
  expect(mistakesIn('sources: { Shop_DB: { postgres: {} } }')).toMatchInlineSnapshot(`
    "sources.Shop_DB: not a valid name: expected lower-case letters, digits and dashes, starting and ending with a letter or digit, at most 63
      at config/base.yaml:1
      HINT: give it another name"
  `);
});

test('a tier with a name that is kept', () => {
  expect(plan('tiers: { once: {} }')).toMatchInlineSnapshot(`
    "plans.default.tiers.once: not a valid name: the tier 'once' is kept for runs by hand
      at config/base.yaml:1
      HINT: give it another name"
  `);
});

test('a keep without a rule', () => {
  expect(plan('tiers: { daily: { keep: { atLeast: 2 } } }')).toMatchInlineSnapshot(`
    "plans.default.tiers.daily.keep: expected at least one rule: last, for, daily, weekly, monthly or yearly
      at config/base.yaml:1
      HINT: What to keep. A \`keep\` is replaced whole, never merged."
  `);
});

test('a keep with an unknown rule', () => {
  expect(plan('tiers: { daily: { keep: { dayly: 2 } } }')).toMatchInlineSnapshot(`
    "plans.default.tiers.daily.keep.dayly: unknown key
      at config/base.yaml:1
      HINT: did you mean 'daily'?"
  `);
});

test('a storage in a list with a mistake in it: the alternative that was meant', () => {
  expect(plan('storages: [local, { name: offsite, keep: { last: 0 } }]')).toMatchInlineSnapshot(`
    "plans.default.storages[1].keep.last: expected a whole number from 1 to 10000, got 0
      at config/base.yaml:1
      HINT: The newest ones. Count."
  `);
});

test('a storage in a list that is neither a name nor keys', () => {
  expect(plan('storages: [5]')).toMatchInlineSnapshot(`
    "plans.default.storages[0]: expected the name of a storage, or { name: …, keep: … }, got 5
      at config/base.yaml:1
      HINT: put it in quotes: storages: '5'"
  `);
});

test('a storage in a list with a name that is none', () => {
  expect(plan('storages: [Local]')).toMatchInlineSnapshot(`
    "plans.default.storages[0]: expected lower-case letters, digits and dashes, starting and ending with a letter or digit, at most 63, got "Local"
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

test('network by a word that is none', () => {
  expect(postgres('network: internal')).toMatchInlineSnapshot(`
    "sources.shop.postgres.network: expected 'external' or keys and values, got "internal"
      at config/base.yaml:1
      HINT: How the NetworkPolicy lets the pod through: \`external\` for an address outside the cluster, or pods by namespace, labels and port."
  `);
});

test('network with a mistake in it', () => {
  expect(postgres('network: { port: http }')).toMatchInlineSnapshot(`
    "sources.shop.postgres.network.port: expected a port from 1 to 65535, got "http"
      at config/base.yaml:1
      HINT: The pods' port, where it is not the Service's."
  `);
});

test('a CIDR that is none', () => {
  expect(mistakesIn('defaults: { networkPolicy: { exceptCidrs: [10.0.0.0] } }')).toMatchInlineSnapshot(`
    "defaults.networkPolicy.exceptCidrs[0]: expected a CIDR such as 10.0.0.0/8, got "10.0.0.0"
      at config/base.yaml:1
      HINT: Addresses that "any address" leaves out, such as the networks of pods and Services."
  `);
});

test('an image without a tag, one with latest', () => {
  expect(mistakesIn('images: { rclone: rclone/rclone, busybox: busybox:latest }')).toMatchInlineSnapshot(`
    "images.rclone: expected an image with a tag, such as registry.acme.dev/postgres:17.6, got "rclone/rclone"
      at config/base.yaml:1
      HINT: Image in place of ours, with a tag.
    images.busybox: the tag 'latest' says nothing about what runs, got "busybox:latest"
      at config/base.yaml:1
      HINT: Image in place of ours, with a tag."
  `);
});

test('a prefix that climbs out', () => {
  expect(s3('prefix: ../other')).toMatchInlineSnapshot(`
    "storages.offsite.s3.prefix: expected a path of letters, digits, dots, dashes and underscores, without a slash at either end and without '..', got "../other"
      at config/base.yaml:1
      HINT: Folder that everything lies under; \`''\` for the root."
  `);
});

test('a URL with a password is refused and not shown', () => {
  expect(s3('endpoint: https://key:hunter2@minio')).toMatchInlineSnapshot(`
    "storages.offsite.s3.endpoint: a URL must not contain a user or a password
      at config/base.yaml:1
      HINT: URL of a store that is not AWS."
  `);
});

test.each([
  ['in place of the name of a Secret', () => s3('credentials: { secret: Hunter2! }')],
  ['in place of the name of a key', () => s3('credentials: { secret: x, keys: { secretAccessKey: 5123 } }')],
  ['in place of the keys that name a Secret', () => s3('credentials: hunter2')],
  ['in a list', () => mistakesIn('defaults: { pod: { imagePullSecrets: [Hunter2!] } }')],
])('a secret that is written %s is not shown', (_, mistakes) => {
  const said = mistakes();
  expect(said).toContain('HINT');
  expect(said).not.toMatch(/hunter2|5123/i);
});

test('a kind of storage that is not built yet', () => {
  expect(mistakesIn('storages: { cold: { azure: { account: x } } }')).toMatchInlineSnapshot(`
    "storages.cold.azure: the storage \`azure\` is not built yet
      at config/base.yaml:1
      HINT: leave it out for now; docs/values.md lists what is built"
  `);
});

test('a kind of source that is not built yet', () => {
  expect(mistakesIn('sources: { vault: { openbao: { role: x } } }')).toMatchInlineSnapshot(`
    "sources.vault.openbao: the source \`openbao\` is not built yet
      at config/base.yaml:1
      HINT: leave it out for now; docs/values.md lists what is built"
  `);
});

test('a key of a kind that is not built yet', () => {
  expect(mistakesIn('sources: { wiki: { volume: { copyMethod: Clone } } }')).toMatchInlineSnapshot(`
    "sources.wiki.volume.copyMethod: the copy method of a volume is not built yet
      at config/base.yaml:1
      HINT: leave it out for now; docs/values.md lists what is built"
  `);
});

test('a method that is not built yet, and one that is none', () => {
  expect(plan('tiers: { a: { method: basebackup }, b: { method: hunter2 } }')).toMatchInlineSnapshot(`
    "plans.default.tiers.a.method: the method 'basebackup' is not built yet
      at config/base.yaml:1
      HINT: leave it out for now; docs/values.md lists what is built
    plans.default.tiers.b.method: expected dump or tar, got "hunter2"
      at config/base.yaml:1
      HINT: write 'dump' or 'tar'"
  `);
});

test('a format that is not built yet', () => {
  expect(postgres('dump: { format: directory }')).toMatchInlineSnapshot(`
    "sources.shop.postgres.dump.format: the format 'directory' is not built yet
      at config/base.yaml:1
      HINT: leave it out for now; docs/values.md lists what is built"
  `);
});

test('a section that is not built yet', () => {
  expect(mistakesIn('encryption: { openpgp: {} }\nalerts: {}\nbackups: {}')).toMatchInlineSnapshot(`
    "encryption: encryption is not built yet
      at config/base.yaml:1
      HINT: leave it out for now; docs/values.md lists what is built
    alerts: alerting is not built yet
      at config/base.yaml:2
      HINT: leave it out for now; docs/values.md lists what is built
    backups: a list of one-off backups (\`backstay backup\` makes one by hand) is not built yet
      at config/base.yaml:3
      HINT: leave it out for now; docs/values.md lists what is built"
  `);
});

test('null in the base', () => {
  expect(mistakesIn('sources:\n  shop: null\nimages: ~')).toMatchInlineSnapshot(`
    "sources.shop: null removes a key of the base, and this is the base
      at config/base.yaml:2
      HINT: leave the key out; write {} where every default is meant
    images: null removes a key of the base, and this is the base
      at config/base.yaml:3
      HINT: leave the key out; write {} where every default is meant"
  `);
});

test('null deep in what Kubernetes takes as it is', () => {
  expect(mistakesIn('defaults: { pod: { affinity: { nodeAffinity: null } } }')).toMatchInlineSnapshot(`
    "defaults.pod.affinity.nodeAffinity: null removes a key of the base, and this is the base
      at config/base.yaml:1
      HINT: leave the key out; write {} where every default is meant"
  `);
});

test('a key with nothing after it', () => {
  expect(mistakesIn('storages:\nsources: {}')).toMatchInlineSnapshot(`
    "storages: nothing is written here
      at config/base.yaml:1
      HINT: write {} to take every default; null removes the key, in an environment's file only"
  `);
});

test('a template that nothing is known of', () => {
  expect(mistakesIn("defaults: { postgres: { host: '{{ .Environment }}-db', database: '{{ .Environment }}' } }")).toMatchInlineSnapshot(`
    "defaults.postgres.host: expected a host name or address, got "{{ .Environment }}-db"
      at config/base.yaml:1
      HINT: only {{ .Source }} is filled in, and only below a kind in \`defaults\`
    defaults.postgres.database: only {{ .Source }} is filled in, got "{{ .Environment }}"
      at config/base.yaml:1
      HINT: only {{ .Source }} is filled in, and only below a kind in \`defaults\`"
  `);
});

test('a template where none is filled in', () => {
  expect(postgres("database: '{{ .Source }}'")).toMatchInlineSnapshot(`
    "sources.shop.postgres.database: nothing is filled in here, got "{{ .Source }}"
      at config/base.yaml:1
      HINT: only {{ .Source }} is filled in, and only below a kind in \`defaults\`"
  `);
});

test('a long value is cut', () => {
  expect(mistakesIn(`namespace: ${'x'.repeat(300)}`)).toMatchInlineSnapshot(`
    "namespace: expected lower-case letters, digits and dashes, starting and ending with a letter or digit, at most 63, got "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...
      at config/base.yaml:1
      HINT: Namespace that pods run in."
  `);
});

test('a key that is no word', () => {
  expect(mistakesIn(`"a b\\nc.d": 1`)).toMatchInlineSnapshot(`
    "['a b c.d']: unknown key
      at config/base.yaml:1
      HINT: known keys: namespace, createNamespace, production, images, storages, plans, defaults, sources, timeZone, verify, restores"
  `);
});

test('null in an overlay is no mistake, wherever it removes a key', () => {
  expect(mistakesIn('', 'namespace: null\nsources: { shop: null, wiki: { volume: { nextTo: null } } }\nplans: { default: { keep: null } }')).toBe(
    'no mistake',
  );
});

test('templates are allowed in the defaults of a kind', () => {
  const secret = "'{{ .Source }}-backup'";
  expect(mistakesIn(`defaults: { postgres: { host: '{{.Source}}-rw.x', database: '{{ .Source }}', credentials: { secret: ${secret} } } }`)).toBe(
    'no mistake',
  );
});

test('what two files say together is not demanded of one: a key of the ca here, its name there', () => {
  expect(
    mistakesIn('sources: { a: { postgres: { tls: { ca: { configMap: x } } } } }', 'sources: { a: { postgres: { tls: { ca: { key: y } } } } }'),
  ).toBe('no mistake');
});

test('mistakes are in the order of the lines', () => {
  const lines = mistakesIn('sources: { a: { plan: 5 } }\nfoo: 1\nnamespace: 5\nbar: 2').match(/yaml:\d/g);
  expect(lines).toEqual(['yaml:1', 'yaml:2', 'yaml:3', 'yaml:4']);
});

const shop = { database: 'shop', version: 17 };

test('what is missing in the end is said with what it is for', () => {
  const { error } = postgresKind.schema.safeParse(shop, { reportInput: true });
  const problems = problemsOf(error?.issues ?? [], ['sources', 'shop', 'postgres'], () => ({ file: 'base.yaml', line: 3 }));
  expect(problems.map(describeProblem).join('\n')).toMatchInlineSnapshot(`
    "sources.shop.postgres.host: required, but not written
      at base.yaml:3
      HINT: write host: … (host name of the server, or its Service: \`shop-db.shop\`)
    sources.shop.postgres.credentials: required, but not written
      at base.yaml:3
      HINT: write credentials: … (where the role and its password are)"
  `);
});

test('also by somebody who forgot to ask zod for the values', () => {
  const { error } = postgresKind.schema.safeParse({ ...shop, port: 'five' });
  const problems = problemsOf(error?.issues ?? [], ['sources', 'shop', 'postgres'], () => undefined);
  expect(problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([
    'sources.shop.postgres.host: required, but not written',
    'sources.shop.postgres.port: expected a port from 1 to 65535',
    'sources.shop.postgres.credentials: required, but not written',
  ]);
});
