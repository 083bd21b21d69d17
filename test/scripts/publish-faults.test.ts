import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Rule } from '../support/cluster/gate.ts';
import { aClaim, anS3, ON_DEBIAN, publish, type StorageEnv, stage, withSettings } from '../support/publish.ts';
import type { Outcome } from '../support/run-script.ts';
import { type LocalS3, startLocalS3 } from '../support/s3.ts';

let s3: LocalS3;
const SECRET = 'planted-secret-0123456789';

beforeAll(async () => {
  s3 = await startLocalS3();
  await s3.rclone('mkdir', 'S:backups');
});

afterAll(() => s3?.end());

let nth = 0;
async function aBucket(): Promise<string> {
  const bucket = `bucket-${nth++}`;
  await s3.rclone('mkdir', `S:${bucket}`);
  return bucket;
}

/** While a run goes on, calls about its bucket meet this rule. */
async function meeting(bucket: string, rule: Rule, run: () => Promise<Outcome>): Promise<Outcome> {
  const forget = s3.gate.rule((call) => (call.path.startsWith(`/${bucket}`) ? rule(call) : undefined));
  try {
    return await run();
  } finally {
    forget();
  }
}

interface Fault {
  readonly storage: (bucket: string) => StorageEnv | Promise<StorageEnv>;
  readonly rule?: Rule;
  readonly status: number;
  readonly reason: RegExp;
  readonly hint: RegExp;
}

const intact = (bucket: string) => anS3(s3, { bucket });
const always =
  (status: number): Rule =>
  () => ({ status });

const FAULTS: Readonly<Record<string, Fault>> = {
  'answers 403': { storage: intact, rule: always(403), status: 77, reason: /access denied/, hint: /key in the Secret/ },
  'has another secret for the key': {
    storage: (bucket) => anS3(s3, { bucket, user: { key: s3.key, secret: SECRET } }),
    status: 77,
    reason: /access denied/,
    hint: /key in the Secret/,
  },
  'allows the key only to read': {
    storage: async (bucket) => anS3(s3, { bucket, user: await s3.limitedUser(bucket, 'read-only') }),
    status: 77,
    reason: /access denied/,
    hint: /what it may do/,
  },
  'has no such bucket': {
    storage: () => anS3(s3, { bucket: 'nobody-made-it' }),
    status: 64,
    reason: /no such bucket: S\d:nobody-made-it\/prod/,
    hint: /create the bucket/,
  },
  'has a certificate of an unknown authority': {
    storage: (bucket) => anS3(s3, { bucket, ca: '' }),
    status: 64,
    reason: /certificate is not trusted/,
    hint: /\bca\b/,
  },
  'has an unknown host name': {
    storage: (bucket) => anS3(s3, { bucket, url: 'https://store.invalid' }),
    status: 69,
    reason: /does not answer.*no such host/,
    hint: /NetworkPolicy/,
  },
  'refuses the connection': {
    storage: (bucket) => anS3(s3, { bucket, url: 'https://127.0.0.1:9' }),
    status: 69,
    reason: /does not answer.*refused/,
    hint: /NetworkPolicy/,
  },
  'never answers': {
    storage: intact,
    rule: () => new Promise(() => undefined),
    status: 69,
    reason: /does not answer.*no answer within 3 s/,
    hint: /NetworkPolicy/,
  },
  'answers 500': { storage: intact, rule: always(500), status: 69, reason: /the store/, hint: /./ },
  'answers 503 to each upload': {
    storage: intact,
    rule: ({ method }) => (method === 'PUT' ? { status: 503 } : undefined),
    status: 69,
    reason: /the store refused.*503/,
    hint: /log/,
  },
};

/** Most of them wait. */
describe.concurrent.each(Object.entries(FAULTS))('a store that %s', (_, { storage, rule = () => undefined, status, reason, hint }) => {
  const env = { STORE_WAIT_SECONDS: String(reason).includes('within 3 s') ? '3' : '60' };

  test(`as the primary ends the run with ${status}, and the copy is still committed`, async () => {
    const [bucket, claim, staged] = [await aBucket(), aClaim(), stage()];
    const end = await meeting(bucket, rule, async () => publish(staged, [await storage(bucket), claim.storage], { env }));
    expect(end.status).toBe(status);
    expect(end.lastWords).toMatchObject({ status, reason: expect.stringMatching(reason), hint: expect.stringMatching(hint) });
    expect(end.lastWords?.storages).toEqual({ offsite: expect.stringMatching(/^failed: /), local: 'committed' });
    expect(end.stderr).toMatch(reason);
    expect(existsSync(join(claim.folder, `prod/shop/daily/${staged.name}.manifest.json`))).toBe(true);
    expect(s3.keys(bucket).filter((key) => key.endsWith('.manifest.json'))).toEqual([]);
    expectNoSecret(end);
  });
});

test.concurrent.each(['answers 403', 'has no such bucket', 'never answers'])('a copy whose store %s leaves the run degraded', async (name) => {
  const { storage, rule = () => undefined, reason } = FAULTS[name] as Fault;
  const [bucket, claim] = [await aBucket(), aClaim()];
  const env = { STORE_WAIT_SECONDS: name === 'never answers' ? '3' : '60' };
  const end = await meeting(bucket, rule, async () => publish(stage(), [claim.storage, await storage(bucket)], { env }));
  expect(end.status).toBe(10);
  expect(end.lastWords).toMatchObject({ reason: expect.stringMatching(/^degraded: storage offsite: /), storages: { local: 'committed' } });
  expect(end.lastWords?.reason).toMatch(reason);
});

test.concurrent.each<[string, Rule]>([
  ['late', () => ({ delay: 300 })],
  ['with 500 once', once(() => ({ status: 500 }))],
  ['with 503 to one upload', once(({ method }) => (method === 'PUT' ? { status: 503 } : undefined))],
  ['nothing to one upload, and cuts it', once(({ method }) => (method === 'PUT' ? 'cut' : undefined))],
])('a store that answers %s still gets its backup', async (_, rule) => {
  const bucket = await aBucket();
  const end = await meeting(bucket, rule, () => publish(stage(), [intact(bucket)]));
  expect({ status: end.status, stderr: end.stderr }).toEqual({ status: 0, stderr: expect.stringContaining('committed') });
});

describe('a store that holds something else than was uploaded', () => {
  /** Does something to the stored dump before the store is asked for it again. */
  const tampered = async (how: (bucket: string, key: string) => void | Promise<void>, settings = {}, method = 'HEAD') => {
    const [bucket, staged] = [await aBucket(), stage()];
    const key = `prod/shop/daily/${staged.name}.dump`;
    let uploaded = false;
    let done = false;
    const rule: Rule = async (call) => {
      if (call.path.endsWith('.dump') && call.method === 'PUT') uploaded = true;
      // rclone itself asks once when it has uploaded; what matters is the question after that.
      if (!uploaded || done || call.method !== method || !s3.keys(bucket).includes(key) || !existsSync(join(staged.work, 'tmp/storage-1/uploaded')))
        return undefined;
      done = true;
      await how(bucket, key);
      return undefined;
    };
    const end = await meeting(bucket, rule, () => publish(staged, [withSettings(intact(bucket), settings)]));
    return { end, done, manifests: s3.keys(bucket).filter((name) => name.endsWith('.manifest.json')) };
  };
  const other = async (bucket: string, key: string) => {
    const file = join(mkdtempSync(join(tmpdir(), 'other-')), 'other');
    writeFileSync(file, Buffer.alloc(100_000, 'other'));
    await s3.rclone('copyto', file, `S:${bucket}/${key}`, '--ignore-times');
  };
  const flip = (bucket: string, key: string) => {
    const bytes = readFileSync(s3.file(bucket, key));
    bytes[7] = (bytes[7] ?? 0) ^ 1;
    writeFileSync(s3.file(bucket, key), bytes);
  };

  test.each([
    ['other bytes of the same size', other, {}, 'HEAD', /has MD5 [0-9a-f]{32} instead of [0-9a-f]{32}/],
    ['half of it', (bucket: string, key: string) => truncateSync(s3.file(bucket, key), 50_000), {}, 'HEAD', /has size 50000 instead of 100000/],
    [
      'half of it, if only sizes are compared',
      (bucket: string, key: string) => truncateSync(s3.file(bucket, key), 50_000),
      { COMPARE: 'size' },
      'HEAD',
      /has size 50000 instead of 100000/,
    ],
    ['nothing of it', (bucket: string, key: string) => rmSync(s3.file(bucket, key)), {}, 'HEAD', /dump is missing/],
    ['one flipped bit, if everything is read back', flip, { READ_BACK: 'true' }, 'GET', /what was read back is not what was uploaded/],
  ])('gets no manifest: %s', async (_, how, settings, method, reason) => {
    const { end, done, manifests } = await tampered(how, settings, method);
    expect(done).toBe(true);
    expect({ status: end.status, reason: end.lastWords?.reason }).toEqual({ status: 65, reason: expect.stringMatching(reason) });
    expect(manifests).toEqual([]);
  });

  test('is detected only by reading back if it keeps the old checksum', async () => {
    expect((await tampered(flip)).end.status).toBe(0);
  });
});

describe('a claim', () => {
  const folderOf = (claim: { folder: string }) => join(claim.folder, 'prod/shop/daily');
  const sync = (body: string) => ({ shell: ['dash'], path: ON_DEBIAN, standIns: { sync: `${body}\nexec /usr/bin/sync "$@"` } });

  test.each([
    ['a flipped bit', `case $1 in *.dump) printf X | dd of="$1" bs=1 seek=7 conv=notrunc 2>/dev/null ;; esac`, /has SHA-256 \w+ instead of \w+/],
    ['half a file', `case $1 in *.dump) truncate -s 50 "$1" ;; esac`, /has size 50 instead of 100000/],
  ])('that holds %s after the copy gets no manifest, and is cleaned up', async (_, body, reason) => {
    const claim = aClaim();
    const end = await publish(stage(), [claim.storage], sync(body));
    expect({ status: end.status, reason: end.lastWords?.reason }).toEqual({ status: 65, reason: expect.stringMatching(reason) });
    expect(readdirSync(folderOf(claim))).toEqual([]);
  });

  test('without room is left unchanged, before the first byte', async () => {
    const claim = aFullClaim('64k');
    const end = await publish(stage(), [claim.storage]).finally(() => unmount(claim.folder));
    expect(end.status).toBe(73);
    expect(end.lastWords).toMatchObject({
      reason: expect.stringMatching(/no room: .* are free and 97\.7 KiB are needed/),
      hint: expect.stringContaining('nothing was pruned'),
    });
  });

  test('that fills up during the copy is cleaned up, and the run reports no room', async () => {
    const claim = aFullClaim('64k');
    const df = `printf 'Filesystem 1024-blocks Used Available Capacity Mounted\\nx 9999999 0 9999999 1%% /\\n'`;
    const end = await publish(stage(), [claim.storage], { shell: ['dash'], path: ON_DEBIAN, standIns: { df } });
    const left = readdirSync(folderOf(claim));
    unmount(claim.folder);
    expect({ status: end.status, reason: end.lastWords?.reason, left }).toEqual({
      status: 73,
      reason: expect.stringMatching(/^storage local: no room: .*No space left/),
      left: [],
    });
  });

  test('that denies writing ends with access denied', async () => {
    const claim = aClaim();
    const end = await publish(stage(), [claim.storage], {
      shell: ['dash'],
      path: ON_DEBIAN,
      standIns: { mkdir: 'case $* in *prod/shop*) echo "mkdir: Permission denied" >&2; exit 1 ;; esac\nexec /usr/bin/mkdir "$@"' },
    });
    expect({ status: end.status, reason: end.lastWords?.reason }).toEqual({
      status: 77,
      reason: expect.stringContaining('access denied: mkdir: Permission denied'),
    });
  });

  test('that is nearly full is committed, with a warning', async () => {
    const claim = aFullClaim('128k');
    const end = await publish(stage(), [claim.storage]).finally(() => unmount(claim.folder));
    expect({ status: end.status, warnings: end.lastWords?.warnings }).toEqual({
      status: 0,
      warnings: [expect.stringMatching(/^local: (8[6-9]|9\d|100) % full$/)],
    });
  });
});

test('last words fit into a termination message, however long the texts are', async () => {
  const text = `${'very "long" '.repeat(40)}\\`;
  const storages = ['one', 'two', 'three', 'four'].map((name) =>
    anS3(s3, { bucket: 'nobody-made-it', name: `${name}-${'x'.repeat(40)}`, more: { KIND: 'pvc', REMOTE: `/proc/nowhere/${text}` } }),
  );
  const { status, lastWords } = await publish(stage(), storages);
  expect(status).toBe(69);
  expect(Buffer.byteLength(JSON.stringify(lastWords))).toBeLessThanOrEqual(1024);
  expect(Object.values(lastWords?.storages ?? {})).toHaveLength(4);
});

test('no key appears in the log, the last words, a manifest or an argument', async () => {
  const [bucket, claim, staged] = [await aBucket(), aClaim(), stage()];
  const user = await s3.limitedUser(bucket, 'no-delete');
  const rclone = `exec ${ON_DEBIAN[0]}/rclone "$@"`;
  const good = await publish(staged, [claim.storage, anS3(s3, { bucket, user })], { shell: ['dash'], standIns: { rclone } });
  expect(good.status).toBe(0);
  expect(good.calls.join('\n')).toContain('rclone copy ');
  for (const text of [
    good.stderr,
    JSON.stringify(good.lastWords),
    good.calls.join('\n'),
    s3.read(bucket, `prod/shop/daily/${staged.name}.manifest.json`),
  ])
    expect(text).not.toContain(user.secret);
  const said = readdirSync(join(good.work, 'tmp'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(said.length).toBeGreaterThan(0);
  for (const entry of said) expect(readFileSync(join(entry.parentPath, entry.name), 'utf8'), entry.name).not.toContain(user.secret);
});

function expectNoSecret({ stdout, stderr, lastWords }: Outcome): void {
  expect(stdout + stderr + JSON.stringify(lastWords)).not.toContain(SECRET);
}

function aFullClaim(size: string): ReturnType<typeof aClaim> {
  const folder = mkdtempSync(join(tmpdir(), 'full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  return aClaim(folder);
}

function unmount(folder: string): void {
  execFileSync('umount', [folder]);
}

/** A rule that holds until it has said something once. */
function once(rule: Rule): Rule {
  let done = false;
  return async (call) => {
    const said = done ? undefined : await rule(call);
    done ||= said !== undefined;
    return said;
  };
}
