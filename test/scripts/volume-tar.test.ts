import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  artifactOf,
  BUSYBOX,
  bash,
  factsOf,
  GNU,
  namesIn,
  portrait,
  TARS,
  take,
  unpacked,
  VARIANTS,
  volumeOf,
  withFunctions,
} from '../support/volume.ts';

/** Everything in a file system that trips up a careless script. */
const AWKWARD = `
mkdir -p deep/a/b/c/d/e/f/g empty lost+found 'with space'
echo dash >./-rf; echo newline >$'new\\nline'; echo bytes >$'\\xff\\xfebytes'; echo quote >"it's \\"quoted\\" \\\\ \\$(id)"
echo tab >$'tab\\there'; echo star >'*'; echo one >deep/a/one; ln deep/a/one hard; ln deep/a/one deep/z
ln -s deep/a/one symlink; ln -s /nowhere broken; ln -s deep folder-link; mkfifo pipe; mknod null c 1 3; mknod disk b 7 3
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
long=$(printf 'n%.0s' $(seq 200)); mkdir -p $long/$long; echo long >$long/$long/$long
head -c 3000000 /dev/urandom >random; : >nothing
chown 12345:23456 deep/a/one; chown -h 777:888 symlink; chown 999:10999 empty; chmod 4751 random; chmod 1770 empty; chmod 000 nothing
touch -d '2020-02-29 12:34:56.123456789' random; touch -d '2001-01-01 01:01:01.5' deep/a; touch -h -d '2010-10-10' broken
`;

describe.each(VARIANTS)('volume-tar.sh, %s', (_, variant) => {
  let data = '';
  beforeAll(() => {
    data = volumeOf(`${AWKWARD}${variant.tar === 'gnu' ? "touch -d '1960-05-05 01:02:03' old; chown 1000650000:3000000000 random" : ''}`);
  });
  const time = variant.tar === 'gnu' ? '%T@' : '%Ts';

  test('an unpacked archive equals the source: names, owners, modes, times, links and content', async () => {
    const before = portrait(data, time);
    const outcome = await take(variant, { data });
    expect(outcome.stderr).not.toMatch(/ (warn|error) /);
    expect(outcome.status).toBe(0);
    expect(portrait(unpacked(artifactOf(outcome)), time)).toBe(before);
    if (variant.tar !== 'busybox') return;
    // Unpacking with BusyBox loses times of folders and owners of links, although the archive has them.
    const files = (folder: string) => bash(folder, "find . -type f -printf '%p %m %U %G %s %Ts\\0' | sort -z");
    expect(files(unpacked(artifactOf(outcome), 'busybox tar --numeric-owner -xpf -'))).toBe(files(data));
  });

  test('leaves out sockets, and lost+found of the volume', async () => {
    const names = namesIn(artifactOf(await take(variant, { data })));
    expect(names).toContain('./empty/');
    expect(names).toContain('./new\\nline');
    expect(names.filter((name) => /lost|socket/.test(name))).toEqual([]);
  });

  test('does not change the source, not even a mode, an owner or a time', async () => {
    const look = () => bash(data, "find . -printf '%m %U %G %T@ %C@ %p\\0' | sort -z");
    const before = look();
    expect((await take(variant, { data })).status).toBe(0);
    expect(look()).toBe(before);
  });

  test('the facts are the part of the manifest, and the hash is that of the stored bytes', async () => {
    const outcome = await take(variant, { data, env: { NOW: '1795230000' } });
    const archive = artifactOf(outcome);
    const sha256 = bash('/', `sha256sum <${archive}`).slice(0, 64);
    const gnu = variant.tar === 'gnu';
    const name = String(outcome.out[0]);
    expect(name).toMatch(/^20261121-03000\d-bcdfpqrs\.tar\.(zst|gz)$/);
    expect(factsOf(outcome)).toEqual({
      name: 'volume',
      kind: 'volume',
      method: 'tar',
      start: expect.stringMatching(/^2026-11-21T03:00:\d\dZ$/),
      end: expect.stringMatching(/^2026-11-21T03:00:\d\dZ$/),
      format: 'tar',
      compression: gnu ? { method: 'zstd', level: 1 } : { method: 'gzip', level: 6 },
      encryption: null,
      tools: gnu ? { tar: expect.stringMatching(/^1\.\d+/), zstd: expect.stringMatching(/^1\.\d/) } : { busybox: expect.stringMatching(/^1\.\d+/) },
      volume: {
        claim: 'app-data',
        path: '.',
        entries: namesIn(archive).length,
        files: Number(bash(data, 'find . -type f | tr -cd \\\\n | wc -c')) - 1, // one name has a newline
        bytes: Number(bash(data, "find . -type f ! -name hard ! -name z -printf '%s\\n' | awk '{ s += $1 } END { print s }'")),
        changed: 0,
      },
      files: [{ name, role: 'artifact', bytes: statSync(archive).size, sha256 }],
    });
    expect(readFileSync(join(outcome.work, 'facts', 'volume.sums'), 'utf8')).toBe(`${sha256}  ${name}\n`);
    expect(outcome.lastWords).toMatchObject({ phase: 'volume-tar', status: 0, file: name, bytes: statSync(archive).size });
  });

  test('leaves only the artifact and its facts, unreadable for others', async () => {
    const outcome = await take(variant, { data });
    expect(outcome.stdout).toBe('');
    expect(readdirSync(join(outcome.work, 'tmp')).sort()).toEqual(['df', 'du']);
    expect(readdirSync(join(outcome.work, 'facts')).sort()).toEqual(['volume.json', 'volume.sums']);
    expect(statSync(artifactOf(outcome)).mode & 0o777).toBe(0o640);
  });

  test('backs up a folder below the root of the claim, as one of several parts', async () => {
    const outcome = await take(variant, { data, env: { DATA_PATH: 'deep', PART: 'files', PART_COUNT: '2', NOW: '1795230000' } });
    expect(outcome.out).toEqual([expect.stringMatching(/^20261121-03000\d-bcdfpqrs\.files\.tar\.(zst|gz)$/)]);
    expect(namesIn(artifactOf(outcome))).toContain('./a/b/');
    expect(factsOf(outcome, 'files')).toMatchObject({ name: 'files', volume: { path: 'deep' } });
  });

  test('writes a plain tar without compression', async () => {
    const outcome = await take(variant, { data, env: { COMPRESSION: 'none', COMPRESSION_LEVEL: '' } });
    expect(outcome.out[0]).toMatch(/\.tar$/);
    expect(factsOf(outcome)).toMatchObject({ compression: { method: 'none' } });
    expect(portrait(unpacked(artifactOf(outcome)), time)).toBe(portrait(data, time));
  });
});

test('GNU tar writes gzip', async () => {
  const data = volumeOf('echo a >a');
  const outcome = await take(GNU, { data, env: { COMPRESSION: 'gzip', COMPRESSION_LEVEL: '9' } });
  expect(outcome.out[0]).toMatch(/\.tar\.gz$/);
  expect(factsOf(outcome)).toMatchObject({ compression: { method: 'gzip', level: 9 }, tools: { gzip: expect.stringMatching(/^1\./) } });
  expect(portrait(unpacked(artifactOf(outcome)))).toBe(portrait(data));
});

test.each(['exit 1', 'echo "no such command" >&2; exit 127'])('hashes with sha256sum where openssl does not work (%s)', async (openssl) => {
  const outcome = await take(GNU, { data: volumeOf('echo x >f'), standIns: { openssl } });
  expect(outcome).toMatchObject({ status: 0, calls: [expect.stringContaining('openssl dgst -sha256')] });
  bash(join(outcome.work, 'out'), 'sha256sum -c --quiet ../facts/volume.sums');
});

test('with GNU tar a sparse file is small in the archive and stays sparse', async () => {
  const data = volumeOf('truncate -s 5G sparse; printf end | dd of=sparse bs=1 seek=4000000000 conv=notrunc 2>/dev/null; truncate -s 3G hole');
  const outcome = await take(GNU, { data });
  expect(factsOf(outcome)).toMatchObject({ volume: { files: 2, bytes: 8 * 1024 ** 3 } });
  expect(statSync(artifactOf(outcome)).size).toBeLessThan(10_000);
  const back = unpacked(artifactOf(outcome));
  expect(bash(back, "stat -c '%n %s' hole sparse; tail -c +4000000001 sparse | head -c 3")).toBe('hole 3221225472\nsparse 5368709120\nend');
  expect(Number(bash(back, 'du -k . | cut -f1'))).toBeLessThan(100);
});

describe.each(TARS)('%s tar', (_, variant) => {
  test('the same files give the same bytes, in the order of their names', async () => {
    const make = (names: string) =>
      volumeOf(`mkdir d; for n in ${names}; do echo x >"$n"; echo x >"d/$n"; done; find . -exec touch -d @1700000000.5 {} +`);
    const archives = [
      artifactOf(await take(variant, { data: make('a b c A "_ ~"') })),
      artifactOf(await take(variant, { data: make('"_ ~" A c b a') })),
    ];
    expect(readFileSync(String(archives[0])).equals(readFileSync(String(archives[1])))).toBe(true);
    const order = bash('/', `${variant.tar === 'gnu' ? 'zstd -dcq' : 'gzip -dc'} ${archives[0]} | tar -t`);
    expect(order.split('\n')).toEqual(['./', './A', './_ ~', './a', './b', './c', './d/', './d/A', './d/_ ~', './d/a', './d/b', './d/c', '']);
  });

  test('an empty volume gives an archive of the folder itself, and a warning', async () => {
    const outcome = await take(variant, { data: volumeOf('') });
    expect(namesIn(artifactOf(outcome))).toEqual(['./']);
    expect(factsOf(outcome)).toMatchObject({ volume: { entries: 1, files: 0, bytes: 0 } });
    expect(outcome.stderr).toContain("warn volume-tar: '.' of claim 'app-data' is empty: is it the right folder?");
  });

  test('handles twenty thousand names, and a newline in a name', async () => {
    const data = volumeOf("for d in $(seq 100); do mkdir $d; (cd $d; touch $(seq -f 'file-%g' 200)); done; mkdir $'9\\n.'; touch $'9\\n./1'");
    const outcome = await take(variant, { data });
    expect(outcome.status).toBe(0);
    expect(factsOf(outcome)).toMatchObject({ volume: { entries: 20103, files: 20001 } });
  });
});

test('BusyBox: refuses an owner that is too large for its header, or else another owner would be restored', async () => {
  const outcome = await take(BUSYBOX, { data: volumeOf('touch a; chown 1000650000:0 a') });
  expect(outcome.lastWords).toMatchObject({
    status: 64,
    reason: 'a file belongs to 1000650000:0, but BusyBox tar stores ids only up to 16777215',
    hint: 'set tar: gnu',
  });
  expect(outcome.out).toEqual([]);
});

test('BusyBox: names with newlines are arguments where its tar reads the others from a list', async () => {
  const data = volumeOf("mkdir d $'new\\nfolder'; touch d/a $'d/two\\nlines' $'new\\nfolder/b' 'x y'; ln d/a d/b");
  // BusyBox of Debian has no -T, unlike the official image, so this reads the list for it.
  const withLists = withFunctions(
    'tar() { case "$*" in *" -T "*) ;; *) busybox tar "$@" ;; esac; }',
    `xargs() { case "$*" in
      *"exec tar"*) grep -c . "$TMP/lines" >"$WORK_DIR/listed"; tr "\\n" "\\0" <"$TMP/lines" >>"$TMP/arguments"
        busybox xargs -0 -a "$TMP/arguments" sh -c 'exec tar -c --no-recursion -f - "$@"' sh ;;
      *) busybox xargs "$@" ;; esac; }`,
  );
  const outcome = await take(BUSYBOX, { data, shell: withLists });
  expect(outcome.status).toBe(0);
  expect(readFileSync(join(outcome.work, 'listed'), 'utf8')).toBe('5\n');
  expect(namesIn(artifactOf(outcome))).toEqual(['./', './d/', './d/a', './d/b', './d/two\\nlines', './new\\nfolder/', './new\\nfolder/b', './x y']);
});

test('BusyBox: refuses more names than a command line takes, unless its tar reads a list', async () => {
  const data = volumeOf('long=$(printf \'n%.0s\' $(seq 180)); for d in $(seq 90); do mkdir $d; (cd $d; touch $(seq -f "$long-%g" 90)); done');
  const outcome = await take(BUSYBOX, { data });
  const takesLists = bash('/', 'busybox tar --help 2>&1').includes('-T FILE');
  if (takesLists) expect(outcome.status).toBe(0);
  else expect(outcome.lastWords).toMatchObject({ status: 64, reason: '8191 names are too many for the tar of this BusyBox', hint: 'set tar: gnu' });
});
