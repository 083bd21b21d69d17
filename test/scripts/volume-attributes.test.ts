import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { attributesOf, give } from '../support/attributes.ts';
import { asNobody, type Backup, backupOf, keptIn, live, RESTORE_SHELLS, restore, stateOf } from '../support/restore-volume.ts';
import { BUSYBOX, bash, factsOf, GNU, standIn, take, volumeOf } from '../support/volume.ts';

const KEEP = { XATTRS: 'keep', ACLS: 'keep' };
const FILES =
  'mkdir -p docs/deep closed docs.old; echo a >docs/a; echo d >docs.old/d; echo b >program; echo c >plain; ln docs/a docs/deep/hard; ln -s a docs/link; chmod 555 closed';
/** User attributes, ACLs for ids that no image has a name for, default ACLs, and a program that may open port 80. */
const GIVEN = `
put('docs/a', 'user.note', b'two\\nlines=\\x00\\xff'); put('docs/a', 'user.empty', b''); put('closed', 'user.of.a.folder', b'x')
put('docs/a', ACCESS, acl((4242, 4), 6)); put('docs', DEFAULT, acl((5353, 6), 7)); put('docs', ACCESS, acl((999, 7), 7))
put('program', CAPABILITY, NET_BIND)
`;
/** A folder whose default ACL applies to every file created in it. */
const INHERITED = "put('.', DEFAULT, acl((7777, 7), 7))";

function volumeWith(given: string, commands = FILES): string {
  const folder = volumeOf(commands);
  give(folder, given);
  return folder;
}

const below = (folder: string) => attributesOf(folder).filter((line) => !line.startsWith('. '));

describe.each(RESTORE_SHELLS)('a volume with extended attributes under %s', (_, shell) => {
  let backup: Backup;
  let wanted: readonly string[] = [];
  beforeAll(async () => {
    const source = volumeWith(GIVEN);
    wanted = attributesOf(source);
    backup = await backupOf(source, { ...GNU, shell }, KEEP);
  });

  test.each(['swap', 'merge', 'clear', 'beside'])(
    '%s brings back attributes, ACLs by number, and capabilities, without inheriting ACLs from the live folder',
    async (mode) => {
      const data = volumeWith(INHERITED, 'echo old >plain');
      const outcome = await restore({ data, backup, shell, env: { RESTORE_MODE: mode } });
      expect(outcome.stderr).not.toMatch(/ (warn|error) /);
      expect(outcome.status).toBe(0);
      expect(below(mode === 'beside' ? join(data, '.backstay-restored-kcdfghjm') : data)).toEqual(wanted);
      expect(bash(data, 'cat plain')).toBe(mode === 'beside' ? 'old\n' : 'c\n');
    },
  );
});

describe('extended attributes', () => {
  test.each(['clear', 'fill'])('%s restores those of the folder itself', async (mode) => {
    const backup = await backupOf(volumeWith("put('.', DEFAULT, acl((5353, 6), 7)); put('.', 'user.root', b'y')"), GNU, KEEP);
    const data = volumeOf(mode === 'clear' ? 'echo old >old' : '');
    expect((await restore({ data, backup, env: { RESTORE_MODE: mode } })).status).toBe(0);
    expect(attributesOf(data).map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual(['. system.posix_acl_default', '. user.root']);
  });

  test('the manifest counts entries that have any, each hard-linked file once, and omits the count if none are kept', async () => {
    const data = volumeWith(GIVEN);
    const counted = async (env: Record<string, string>) => {
      const outcome = await take(GNU, { data, env });
      expect(outcome.status).toBe(0);
      return (factsOf(outcome).volume as Record<string, unknown>).attributed;
    };
    expect(await counted(KEEP)).toBe(4);
    expect(await counted({ XATTRS: 'keep' })).toBe(3);
    expect(await counted({ ACLS: 'keep' })).toBe(2);
    expect(await counted({})).toBeUndefined();
  });

  test('acls: without xattrs: archives only ACLs', async () => {
    const backup = await backupOf(volumeWith(GIVEN), GNU, { ACLS: 'keep' });
    const data = volumeOf('');
    expect((await restore({ data, backup, env: { RESTORE_MODE: 'fill' } })).status).toBe(0);
    expect(new Set(attributesOf(data).map((line) => line.split(' ')[1]))).toEqual(new Set(['system.posix_acl_access', 'system.posix_acl_default']));
  });

  test('paths: restores only those of the selected files', async () => {
    const backup = await backupOf(volumeWith(GIVEN), GNU, KEEP);
    const data = volumeOf('');
    expect((await restore({ data, backup, env: { RESTORE_MODE: 'merge', PATHS: 'closed\nplain' } })).status).toBe(0);
    expect(attributesOf(data)).toEqual(['./closed user.of.a.folder 78']);
  });

  test('attributes: none restores the files without them', async () => {
    const backup = await backupOf(volumeWith(GIVEN), GNU, KEEP);
    const data = volumeOf('');
    expect((await restore({ data, backup, env: { RESTORE_MODE: 'fill', ATTRIBUTES: 'none' } })).status).toBe(0);
    expect(attributesOf(data)).toEqual([]);
    expect(bash(data, 'cat docs/a program')).toBe('a\nb\n');
  });

  test('restores an archive of a version that did not count attributes', async () => {
    const backup = await backupOf(volumeOf(FILES));
    expect(backup.facts).not.toContain('attributed');
    const data = volumeOf('');
    expect((await restore({ data, backup, env: { RESTORE_MODE: 'fill' } })).status).toBe(0);
    expect(bash(data, 'cat docs/a')).toBe('a\n');
  });

  test('a file system without extended attributes is a warning, and the backup is complete', async () => {
    const says = '{ echo "tar: ./docs: Warning: Cannot flistxattr: Operation not supported" >&2; }';
    const tar = standIn(`real tar "$@"; status=$?; case "$*" in *--create*) ${says} ;; esac; exit $status`);
    const outcome = await take(GNU, { data: volumeOf(FILES), env: KEEP, standIns: { tar } });
    expect([outcome.status, outcome.out.length]).toEqual([0, 1]);
    expect(outcome.stderr).toContain("warn volume-tar: the file system of claim 'app-data' has no extended attributes");
  });

  test('rejects them with BusyBox tar', async () => {
    const outcome = await take(BUSYBOX, { data: volumeOf(FILES), env: { XATTRS: 'keep' } });
    expect(outcome.status).toBe(64);
    expect(outcome.lastWords).toMatchObject({ hint: 'use keep or none with GNU tar, and none with BusyBox' });
    expect(outcome.out).toEqual([]);
  });
});

describe('a user who is not root', () => {
  const OWN = `put('docs', 'user.of.a.folder', b'x'); put('docs/a', 'user.note', b'y'); put('docs', DEFAULT, acl((5353, 6), 7))
put('docs/a', ACCESS, acl((4242, 4), 6))`;
  const owned = (given: string) => volumeWith(given, `${FILES}; chmod 444 docs/a; chown -hR 65534:65534 .`);
  const empty = () => volumeOf('echo old >program; chown -R 65534:65534 .');

  test('restores every attribute that an owner may set, even on a read-only file', async () => {
    const source = owned(OWN);
    const data = empty();
    const outcome = await asNobody({ data, backup: await backupOf(source, GNU, KEEP) });
    expect(outcome.stderr).not.toMatch(/ (warn|error) /);
    expect(outcome.status).toBe(0);
    expect(below(data)).toEqual(attributesOf(source));
  });

  test('is warned of attributes that it may not set on the folder itself', async () => {
    const backup = await backupOf(volumeWith("put('.', DEFAULT, acl((5353, 6), 7))", 'echo x >x; chown -R 65534:65534 .'), GNU, KEEP);
    const data = volumeOf('chown 0:65534 .; chmod 2770 .');
    const outcome = await asNobody({ data, backup, env: { RESTORE_MODE: 'fill' } });
    expect([outcome.status, outcome.stderr]).toEqual([
      0,
      expect.stringContaining('warn volume-restore: cannot restore all attributes of the folder itself'),
    ]);
  });

  test.each([
    ['the capabilities of a program', "put('program', CAPABILITY, NET_BIND)", /'security\.capability' .*program/],
    ['attributes of a read-only folder', "put('closed', 'user.x', b'x')", /'user\.x' .*closed/],
  ])('cannot restore %s: the restore names them and changes nothing, unless attributes: none', async (_, given, named) => {
    const backup = await backupOf(owned(`${OWN}\n${given}`), GNU, KEEP);
    const data = empty();
    const before = live(data);
    const outcome = await asNobody({ data, backup });
    expect(outcome.status).toBe(77);
    expect(outcome.stderr).toMatch(named);
    expect(outcome.stderr).toContain('or set attributes: none');
    expect(live(data)).toBe(before);
    expect(keptIn(data)).toEqual([]);
    expect(stateOf(outcome)).toBe('old');
    const cleared = await asNobody({ data, backup, env: { RESTORE_MODE: 'clear' } });
    expect([cleared.status, stateOf(cleared)]).toEqual([77, 'old']);
    expect(cleared.stderr).toMatch(named);
    expect(live(data)).toBe(before);
    const without = await asNobody({ data, backup, env: { ATTRIBUTES: 'none' } });
    expect([without.status, without.stderr]).toEqual([0, expect.not.stringMatching(/ (warn|error) /)]);
    expect(bash(data, 'cat program')).toBe('b\n');
    expect(below(data)).toEqual([]);
  });
});

describe.each(['volume-restore.sh', 'volume-verify.sh'])('%s', (script) => {
  test('refuses an archive whose attribute count differs from the manifest, and leaves nothing behind', async () => {
    const backup = await backupOf(volumeWith(GIVEN), GNU, KEEP);
    const facts = backup.facts.replace(/^volume\.attributed\t4$/m, 'volume.attributed\t5');
    expect(facts).not.toBe(backup.facts);
    const data = volumeOf('echo old >plain');
    const outcome = await restore({ data, backup: { ...backup, facts }, script, env: { SCRATCH_BYTES: '100000000' } });
    expect(outcome.status).toBe(65);
    expect(outcome.stderr).toContain('4 entries of the archive have extended attributes, but the manifest says 5');
    expect(keptIn(data)).toEqual([]);
    expect(bash(data, 'cat plain')).toBe('old\n');
  });
});
