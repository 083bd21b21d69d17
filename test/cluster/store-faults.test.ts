import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresSource, s3Storage } from '../support/cluster/backups.ts';
import type { Rule } from '../support/cluster/gate.ts';
import type { JobEnd } from '../support/cluster/job.ts';
import type { Json } from '../support/cluster/kubectl.ts';
import { runsIn, type Stored, strayIn } from '../support/cluster/stored.ts';
import { startWorld, verdict, type World } from '../support/cluster/world.ts';

/** A way in which a store fails, and how the run must end when it is a copy and when it is the primary. */
interface Fault {
  readonly storage: (world: Pick<World, 's3' | 'namespace'>) => Promise<Json> | Json;
  /** What the gate does with the calls of the source, which is named after the fault. */
  readonly rule?: Rule;
  readonly primary: number;
  readonly reason: RegExp;
  readonly hint: RegExp;
}

const intact = ({ s3 }: Pick<World, 's3'>) => s3Storage(s3, 'backups');
const status =
  (code: number): Rule =>
  () => ({ status: code });

const FAULTS: Readonly<Record<string, Fault>> = {
  'wrong-secret-key': {
    storage: async ({ s3, namespace }) => {
      await s3.introduce(namespace, { key: s3.key, secret: 'not-the-secret' }, 'wrong-secret');
      return s3Storage(s3, 'backups', { credentials: { secret: 'wrong-secret' } });
    },
    primary: 77,
    reason: /access denied/,
    hint: /key in the Secret/,
  },
  'may-only-read': {
    storage: async ({ s3, namespace }) => {
      await s3.introduce(namespace, await s3.limitedUser('backups', 'read-only'), 'read-only');
      return s3Storage(s3, 'backups', { credentials: { secret: 'read-only' } });
    },
    primary: 77,
    reason: /access denied/,
    hint: /what it may do/,
  },
  'no-bucket': { storage: ({ s3 }) => s3Storage(s3, 'no-such-bucket'), primary: 64, reason: /no such bucket/, hint: /create the bucket/ },
  'unknown-authority': {
    storage: ({ s3 }) => ({ s3: { bucket: 'backups', endpoint: s3.url, credentials: { secret: 'backup-s3' } } }),
    primary: 64,
    reason: /certificate is not trusted/,
    hint: /\bca\b/,
  },
  'nobody-there': {
    storage: () => s3Storage({ url: 'https://10.199.0.1:9' }, 'backups'),
    primary: 69,
    reason: /does not answer/,
    hint: /NetworkPolicy/,
  },
  'answers-403': { storage: intact, rule: status(403), primary: 77, reason: /access denied/, hint: /key in the Secret/ },
  'answers-500': { storage: intact, rule: status(500), primary: 69, reason: /the store/, hint: /./ },
  'cuts-every-upload': {
    storage: intact,
    rule: ({ method }) => (method === 'PUT' ? 'cut' : undefined),
    primary: 69,
    reason: /the store/,
    hint: /./,
  },
  'refuses-the-manifest': {
    storage: intact,
    rule: ({ method, path }) => (method === 'PUT' && path.endsWith('.manifest.json') ? { status: 500 } : undefined),
    primary: 69,
    reason: /the store/,
    hint: /./,
  },
};

const NAMES = Object.keys(FAULTS);
/** Transient errors: the run must succeed. */
const TRANSIENT: Readonly<Record<string, Rule>> = {
  'answers-late': () => ({ delay: 400 }),
  'answers-500-once': once(status(500)),
  'cuts-one-upload': once(({ method }) => (method === 'PUT' ? 'cut' : undefined)),
};

let world: World;
let ends: Readonly<Record<string, JobEnd>>;
let stored: { readonly local: Stored; readonly offsite: Stored };

beforeAll(async () => {
  world = await startWorld('store-faults', async (site) => {
    const storages = await Promise.all(NAMES.map(async (name) => [name, await FAULTS[name]?.storage(site)] as const));
    const source = (list: readonly string[]) => ({ ...postgresSource('db', 'shop'), storages: list });
    return {
      storages: Object.fromEntries(storages),
      sources: {
        ...Object.fromEntries(NAMES.map((name) => [`${name}-copy`, source(['local', name])])),
        ...Object.fromEntries(NAMES.map((name) => [`${name}-main`, source([name, 'local'])])),
        ...Object.fromEntries(Object.keys(TRANSIENT).map((name) => [name, source(['local', 'offsite'])])),
      },
    };
  });
  for (const name of NAMES) addRule([`${name}-copy`, `${name}-main`], FAULTS[name]?.rule);
  for (const [name, rule] of Object.entries(TRANSIENT)) addRule([name], rule);
  // All at once, because most of them wait for a store that does not answer.
  const sources = [...NAMES.flatMap((name) => [`${name}-copy`, `${name}-main`]), ...Object.keys(TRANSIENT)];
  ends = Object.fromEntries(await Promise.all(sources.map(async (source) => [source, await world.run(source, undefined, 240)] as const)));
  stored = await world.stored();
});

afterAll(() => world?.end());

describe.each(NAMES)('a store that %s', (name) => {
  const { primary, reason, hint } = FAULTS[name] as Fault;

  test('as a copy leaves the primary committed and the run degraded, with the reason', () => {
    const end = ends[`${name}-copy`] as JobEnd;
    expect(verdict(end)).toMatch(/^failed: take-postgres 0, publish 10: degraded/);
    expect(end.lastWords).toMatchObject({ reason: expect.stringMatching(reason), hint: expect.stringMatching(hint) });
    expect(end.lastWords.storages).toMatchObject({ local: 'committed', [name]: expect.stringMatching(/^failed/) });
    expectCommitted(`${name}-copy/daily`, { local: 1, offsite: 0 });
  });

  test(`as the primary fails the run with ${primary}, and the copy is still committed`, () => {
    const end = ends[`${name}-main`] as JobEnd;
    expect(verdict(end)).toMatch(new RegExp(`^failed: take-postgres 0, publish ${primary}: `));
    expect(end.lastWords).toMatchObject({ reason: expect.stringMatching(reason), hint: expect.stringMatching(hint) });
    expectCommitted(`${name}-main/daily`, { local: 1, offsite: 0 });
  });
});

test.each(Object.keys(TRANSIENT))('a store that %s still gets its backup', (name) => {
  expect(verdict(ends[name] as JobEnd)).toMatch(/^complete/);
  expectCommitted(`${name}/daily`, { local: 1, offsite: 1 });
});

test('files uploaded before the manifest was refused are there, but are no backup', () => {
  expect(strayIn(stored.offsite, 'refuses-the-manifest-copy/daily').length).toBeGreaterThan(0);
  expect(runsIn(stored.offsite, 'refuses-the-manifest-copy/daily')).toEqual([]);
});

function addRule(sources: readonly string[], rule: Rule | undefined): void {
  if (!rule) return;
  world.s3.gate.rule((call) => {
    const text = decodeURIComponent(call.path + call.query);
    return sources.some((source) => text.includes(`/${source}/`)) ? rule(call) : undefined;
  });
}

function expectCommitted(folder: string, counts: { local: number; offsite: number }): void {
  const [local, offsite] = [runsIn(stored.local, folder), runsIn(stored.offsite, folder)];
  expect({ local: local.length, offsite: offsite.length }).toEqual(counts);
  expect([...local, ...offsite].flatMap(({ broken }) => broken)).toEqual([]);
}

/** A rule that applies once. */
function once(rule: Rule): Rule {
  let done = false;
  return async (call) => {
    const said = done ? undefined : await rule(call);
    done ||= said !== undefined;
    return said;
  };
}
