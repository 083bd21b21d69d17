import fc from 'fast-check';
import { dump } from 'js-yaml';
import { expect, test } from 'vitest';
import { ConfigError } from '../../lib/errors.ts';
import { loadEnvironment } from '../../lib/model/load.ts';
import { configFolder, errorsIn } from '../support/config-folder.ts';

const SECRET = 'hunter2-S3cr3t';

/** Values that are right, for secrets to be planted in. */
const right = () => ({
  namespace: 'backup',
  storages: { offsite: { s3: { bucket: 'acme', endpoint: 'https://minio', credentials: { secret: 'backup-s3', keys: { accessKeyId: 'id' } } } } },
  plans: { default: { storages: ['offsite'], tiers: { daily: { schedule: '@daily', keep: { daily: 7 } } } } },
  sources: { shop: { postgres: { host: 'db', database: 'shop', version: 17, user: 'backup', credentials: { secret: 'shop-db' } } } },
});

type Values = Record<string, unknown>;

/** Every object in some values. */
function objectsIn(value: unknown): Values[] {
  if (typeof value !== 'object' || value === null) return [];
  return [...(Array.isArray(value) ? [] : [value as Values]), ...Object.values(value).flatMap(objectsIn)];
}

const secretKey = fc.constantFrom('password', 'PGPASSWORD', 'secretAccessKey', 'accessKeyId', 'sessionToken', 'secret', 'credentials', 'passphrase');
const unknownKey = fc.stringMatching(/^[a-z]{3,12}$/).filter((key) => key !== 'default');
const secretText = fc.constantFrom(
  SECRET,
  `*${SECRET}`,
  `!${SECRET}`,
  `${SECRET}:x`,
  `{{ ${SECRET} }}`,
  `postgres://backup:${SECRET}@db/shop`,
  `-----BEGIN PRIVATE KEY-----\n${SECRET}`,
);
const secretValue = secretText.chain((text) => fc.constantFrom<unknown>(text, [text], { password: text }, [{ value: text }]));

/** What a message would say for a planted secret, or nothing when it was taken. */
function messageOf(base: string): string {
  const dir = configFolder({ 'base.yaml': base, 'prod.yaml': '' });
  try {
    loadEnvironment(dir, 'prod');
    return '';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message;
  }
}

test('no message contains a secret under a key that sounds like one, or under an unknown key', () => {
  fc.assert(
    fc.property(fc.oneof(secretKey, unknownKey), secretValue, fc.nat(), (key, value, place) => {
      const values = right();
      const objects = objectsIn(values);
      const object = objects[place % objects.length]!;
      fc.pre(!(key in object) || key === 'secret');
      object[key] = value;
      expect(messageOf(dump(values))).not.toContain(SECRET);
    }),
    { numRuns: 100 },
  );
}, 60_000);

test('no message contains a secret from a URL, wherever the URL is', () => {
  fc.assert(
    fc.property(fc.constantFrom('https://key:', 'postgres://', 'key:', 'postgres://backup:'), fc.nat(), fc.nat(), (start, place, index) => {
      const values = right();
      const objects = objectsIn(values);
      const object = objects[place % objects.length]!;
      const keys = Object.keys(object);
      object[keys[index % keys.length]!] = `${start}${SECRET}@db.example.com/shop`;
      expect(messageOf(dump(values))).not.toContain(SECRET);
    }),
    { numRuns: 100 },
  );
}, 60_000);

test.each([
  `*${SECRET}`,
  `!${SECRET} x`,
  `!!${SECRET}`,
  `"${SECRET}`,
  `'${SECRET}`,
  `[${SECRET}`,
  `{${SECRET}`,
  `&${SECRET}`,
  `@${SECRET}`,
  `%${SECRET}`,
  `${SECRET}: a: b`,
  `|${SECRET}`,
])('no message of the YAML parser quotes what it could not parse: %s', (text) => {
  expect(errorsIn(`namespace: backup\npassword: ${text}\n`)).toMatch(/HINT/);
  expect(errorsIn(`namespace: backup\npassword: ${text}\n`)).not.toContain(SECRET);
});
