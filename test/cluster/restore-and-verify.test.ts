import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { archiveWithAttributes, give, printAttributes } from '../support/attributes.ts';
import { AWKWARD_FILES, AWKWARD_SQL, fingerprint, LIST_TREE } from '../support/cluster/awkward.ts';
import { claim, postgresSource } from '../support/cluster/backups.ts';
import { commandLine } from '../support/cluster/command-line.ts';
import { type Desk, startDesk } from '../support/cluster/desk.ts';
import { apply } from '../support/cluster/kubectl.ts';
import { startWorld, type World } from '../support/cluster/world.ts';
import { volumeOf } from '../support/volume.ts';

const APP_USER = 1000;

let world: World;
let app: Desk;
let backstay: ReturnType<typeof commandLine>;
let files: string;

beforeAll(async () => {
  world = await startWorld(
    'restore',
    async ({ namespace }) => {
      await apply(claim(namespace, 'app-data'));
      app = await startDesk(namespace, { name: 'app', claims: ['app-data'], user: APP_USER, labels: { app: 'web' } });
      await app.sh(`mkdir /claims/app-data/files; cd /claims/app-data/files\n${AWKWARD_FILES}`);
      await app.put('/tmp/given.tar', attributed());
      await app.sh("cd /claims/app-data/files; tar --extract --file=/tmp/given.tar --xattrs '--xattrs-include=*' ./attributed");
      expect(await app.sh(`cd /claims/app-data/files; ${printAttributes('attributed')}`)).toContain('user.note=kept');
      return {
        sources: {
          shop: postgresSource('db', 'shop', { admin: { credentials: { secret: 'db' } } }),
          files: { volume: { claim: 'app-data', path: 'files', nextTo: { app: 'web' } }, pod: { runAsUser: APP_USER } },
        },
      };
    },
    { sql: AWKWARD_SQL },
  );
  backstay = commandLine(world.dist);
  files = await app.sh(`cd /claims/app-data/files; ${LIST_TREE}`);
  const ends = await Promise.all([world.run('shop'), world.run('files')]);
  expect(ends.map(({ complete, log }) => (complete ? '' : log))).toEqual(['', '']);
});

afterAll(() => world?.end());

/** A file with a user attribute and an ACL. */
function attributed(): Buffer {
  const folder = volumeOf('echo x >attributed');
  give(folder, "put('attributed', 'user.note', b'kept'); put('attributed', ACCESS, acl((4242, 4), 6))");
  return archiveWithAttributes(folder);
}

describe('a restore beside the live data', () => {
  test.each(['local', 'offsite'])('creates a new database from %s, equal to the original', async (from) => {
    const before = await fingerprint(world.db, 'shop');
    const { status, stdout, stderr } = await backstay([
      'restore',
      'test/shop',
      '--from',
      from,
      '--set',
      `postgres.database=shop_from_${from}`,
      '--apply',
    ]);
    expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
    expect(await fingerprint(world.db, `shop_from_${from}`)).toBe(before);
    expect(await fingerprint(world.db, 'shop')).toBe(before);
  });

  test.each(['local', 'offsite'])('creates a new folder in the claim from %s, equal to the original', async (from) => {
    const links = ['--set', 'volume.links=keep'];
    const { status, stdout, stderr } = await backstay(['restore', 'test/files', '--from', from, ...links, '--apply']);
    expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
    const folder = /\.backstay-restored-[a-z]{8}/.exec(stdout)?.[0];
    expect(await app.sh(`cd /claims/app-data/files/${folder}; ${LIST_TREE}`)).toBe(files);
    const attributes = (where: string) => app.sh(`cd /claims/app-data/files/${where}; ${printAttributes('attributed')}`);
    expect(await attributes(folder ?? '')).toBe(await attributes('.'));
    await app.sh(`rm -r /claims/app-data/files/${folder}; cd /claims/app-data/files; ${LIST_TREE}`).then((left) => expect(left).toBe(files));
  });
});

describe('verification', () => {
  test.each(['shop', 'files'])('of %s succeeds, and every storage has its marker beside the backup', async (source) => {
    const { status, stdout, stderr } = await backstay(['verify', `test/${source}`, '--apply']);
    expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
    const list = await Promise.all(['local', 'offsite'].map((storage) => backstay(['list', `test/${source}`, '--storage', storage, '--json'])));
    for (const { stdout: json } of list) expect(JSON.parse(json)[0]).toMatchObject({ verified: true });
  });
});
