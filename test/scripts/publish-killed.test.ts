import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { strictManifest } from '../../lib/model/manifest.ts';
import { aClaim, anS3, DAY, IN_IMAGE, NOW, ON_DEBIAN, publish, type StorageEnv, sha256, stage, withSettings } from '../support/publish.ts';
import { type LocalS3, startLocalS3 } from '../support/s3.ts';

let s3: LocalS3;
beforeAll(async () => {
  s3 = await startLocalS3();
});
afterAll(() => s3?.end());

/** Tools whose every call is a step at which a run can end. */
const TOOLS: Readonly<Record<string, string>> = {
  rclone: join(ON_DEBIAN[0], 'rclone'),
  cat: '/usr/bin/cat',
  ln: '/usr/bin/ln',
  sync: '/usr/bin/sync',
};

/** The same tools, the nth call of which ends the script: as the kubelet does, or with everything that it started. */
function endingAt(nth: number, signal: 'TERM' | 'KILL'): Readonly<Record<string, string>> {
  const kill = signal === 'TERM' ? 'kill -TERM "$(/usr/bin/cat "$WORK_DIR/pid")"; sleep 0.2' : 'kill -KILL "-$(/usr/bin/cat "$WORK_DIR/pid")"';
  const body = (real: string) => `[ "$(wc -l <"$(dirname "$0")/calls.txt")" != ${nth} ] || { ${kill}; }\nexec ${real} "$@"`;
  return Object.fromEntries(Object.entries(TOOLS).map(([name, real]) => [name, body(real)]));
}

const started = (pid: number, work: string) => writeFileSync(join(work, 'pid'), String(pid));

describe.each(['TERM', 'KILL'] as const)('publish, stopped by %s at each of its steps', (signal) => {
  const bucket = `killed-${signal.toLowerCase()}`;
  const claim = aClaim();
  let storages: readonly StorageEnv[];
  let steps: number;
  const ends: {
    readonly call: string;
    readonly status: number | null;
    readonly reason: unknown;
    readonly whole: readonly string[];
    /** In how many storages this run is committed. */
    readonly stored: number;
    /** What of this run lies on the claim. */
    readonly left: readonly string[];
  }[] = [];

  /** Names of all that is committed in both storages, each with all of its files as its manifest says. */
  const whole = () => [
    ...wholeBackups((file) => join(claim.folder, 'prod/shop/daily', file)),
    ...wholeBackups((file) => s3.file(bucket, `prod/shop/daily/${file}`)),
  ];

  const onClaim = () => readdirSync(join(claim.folder, 'prod/shop/daily')).filter((file) => !file.startsWith('.'));

  beforeAll(async () => {
    await s3.rclone('mkdir', `S:${bucket}`);
    storages = [claim.storage, anS3(s3, { bucket })].map((storage) => withSettings(storage, { KEEP_LAST: '1', KEEP_AT_MOST_DELETED: '100' }));
    const call = { shell: ['dash'], started } as const;
    await publish(stage({ at: NOW - 3 * DAY }), storages);
    // The one that shows how many steps there are, prunes one that came before.
    steps = (await publish(stage({ at: NOW - 2 * DAY }), storages, { ...call, standIns: endingAt(0, signal), at: NOW - 2 * DAY })).calls.length;
    for (let nth = 1; nth <= steps; nth++) {
      // Each is newer than the one before, so each has something to prune.
      const staged = stage({ at: NOW - DAY + nth });
      const end = await publish(staged, storages, { ...call, standIns: endingAt(nth, signal), at: NOW - DAY + nth });
      await sleep(50);
      ends.push({
        call: end.calls[nth - 1] ?? 'none',
        status: end.status,
        reason: end.lastWords?.reason,
        whole: whole(),
        stored: whole().filter((name) => name === staged.name).length,
        left: onClaim().filter((file) => file.startsWith(staged.name)),
      });
    }
  }, 300_000);

  test('covers steps of every kind', () => {
    const calls = ends.map(({ call }) =>
      call
        .split(' ')
        .slice(0, call.startsWith('rclone') ? 2 : 1)
        .join(' '),
    );
    expect(new Set(calls)).toEqual(
      new Set(['rclone lsjson', 'rclone cat', 'rclone copy', 'rclone copyto', 'rclone lsf', 'rclone delete', 'cat', 'ln', 'sync']),
    );
  });

  test('commits only whole backups, and always leaves a good one', () => {
    for (const { call, whole: after } of ends) expect(after.length, call).toBeGreaterThanOrEqual(2);
  });

  test('reports the reason in the last words', () => {
    for (const { call, status, reason, stored } of ends) {
      if (signal === 'KILL') expect(status, call).toBe(null);
      // Once both storages have it, a run that is told to stop has done what it was for.
      else if (status === 0) expect({ reason, stored }, call).toEqual({ reason: 'stored in every storage', stored: 2 });
      else expect({ status, reason }, call).toEqual({ status: 70, reason: expect.stringContaining('stopped by TERM') });
    }
    if (signal === 'TERM') expect(new Set(ends.map(({ status }) => status))).toEqual(new Set([70, 0]));
  });

  test('leaves nothing without a manifest on the claim if it was told to stop', () => {
    const strays = ends.map(({ left }) => left).filter((left) => left.length > 0 && !left.some((file) => file.endsWith('.manifest.json')));
    if (signal === 'TERM') expect(strays).toEqual([]);
    else expect(strays.length).toBeGreaterThan(0);
  });

  test('is followed by a run that commits and prunes, and sweeps the leftovers once they are old', async () => {
    const healed = await publish(stage(), storages);
    expect(healed.status).toBe(0);
    expect(healed.lastWords?.pruned).toBeGreaterThan(0);
    const later = await publish(stage({ at: NOW + 10 * DAY }), storages, { at: NOW + 10 * DAY });
    expect(later.lastWords).toMatchObject({ status: 0, warnings: [] });
    const name = later.lastWords?.name;
    const left = [`${name}+globals.sql`, `${name}.dump`, `${name}.manifest.json`];
    expect(s3.keys(bucket)).toEqual([...left.map((file) => `prod/shop/daily/${file}`), 'prod/shop/owner.json']);
    expect(onClaim().sort()).toEqual(left);
  });

  function wholeBackups(pathOf: (file: string) => string): readonly string[] {
    const files = existsSync(pathOf('')) ? readdirSync(pathOf('')) : [];
    return files
      .filter((file) => file.endsWith('.manifest.json'))
      .map((file) => {
        const { name, parts } = strictManifest.parse(JSON.parse(readFileSync(pathOf(file), 'utf8')));
        for (const stored of parts.flatMap((part) => part.files)) expect(sha256(readFileSync(pathOf(stored.name)))).toBe(stored.sha256);
        return name;
      });
  }
});

test('aborts an upload in parts that is told to stop', async () => {
  await s3.rclone('mkdir', 'S:parts');
  const staged = stage({ files: { '.dump': Buffer.alloc(40 * 1024 ** 2, 'x') } });
  let pid = 0;
  let parts = 0;
  const forget = s3.gate.rule(async ({ method, query }) => {
    if (method !== 'PUT' || !query.includes('partNumber') || parts++ > 0) return undefined;
    process.kill(pid, 'SIGTERM');
    await sleep(500);
    return undefined;
  });
  const env = { RCLONE_S3_UPLOAD_CUTOFF: '20Mi' };
  const end = await publish(staged, [anS3(s3, { bucket: 'parts' })], { ...IN_IMAGE, env, started: (started) => (pid = started) });
  forget();
  expect({ status: end.status, parts: parts > 0 }).toEqual({ status: 70, parts: true });
  expect(JSON.parse(await s3.rclone('backend', 'list-multipart-uploads', 'S:parts'))).toEqual({ parts: [] });
  expect(s3.keys('parts')).toEqual(['prod/shop/owner.json']);
});
