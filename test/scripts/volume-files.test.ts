import { beforeAll, describe, expect, test } from 'vitest';
import { artifactOf, bash, factsOf, namesIn, TARS, take, volumeOf } from '../support/volume.ts';

const TREE = `
mkdir -p cache/deep a/b/c a/x logs .hidden 'sp ace' 'x.y' lost+found
touch cache/1 cache/deep/2 a/top.log a/b/in.log a/b/c/deep.log a/x/b root.log logs/1.txt logs/a.log .hidden/f 'sp ace/f' x.y/f xzy
touch './-T' './--exclude=*' '[1]' '{a,b}' 'a*b' 'back\\slash' $'cache/new\\nline' $'new\\nline' "it's" '$(touch pwned)' $'\\xff' 1 2 12 "\\$HOME"
ln -s cache link
`;

/** For an exclude, the names that it removes; for an include, the names that are left. */
type Case = readonly [what: string, patterns: readonly string[], names: readonly string[]];

const EXCLUDES: readonly Case[] = [
  [
    'a bare name matches a folder at the top, with its contents',
    ['cache'],
    ['./cache/', './cache/1', './cache/deep/', './cache/deep/2', './cache/new\\nline'],
  ],
  ['a bare name does not match further down', ['b', 'top.log'], []],
  ['a name with a slash matches that path', ['a/b'], ['./a/b/', './a/b/c/', './a/b/c/deep.log', './a/b/in.log']],
  ['a leading slash or ./ makes no difference', ['/xzy', './12', '//a//x/'], ['./12', './a/x/', './a/x/b', './xzy']],
  ['cache/** matches the contents, and the empty folder stays', ['cache/**'], ['./cache/1', './cache/deep/', './cache/deep/2', './cache/new\\nline']],
  [
    'a trailing slash matches only a folder, not a link to one',
    ['cache/', 'link/', 'xzy/'],
    ['./cache/', './cache/1', './cache/deep/', './cache/deep/2', './cache/new\\nline'],
  ],
  ['* does not cross a slash', ['*.log'], ['./root.log']],
  ['* matches a folder, and names with a leading dot', ['*/f'], ['./.hidden/f', './sp ace/f', './x.y/f']],
  ['**/ matches at any depth, and at the top', ['**/*.log'], ['./a/b/c/deep.log', './a/b/in.log', './a/top.log', './logs/a.log', './root.log']],
  ['/**/ matches any number of folders in between', ['a/**/*.log'], ['./a/b/c/deep.log', './a/b/in.log', './a/top.log']],
  ['** beside other characters is a *', ['a**.log', '**.log'], ['./root.log']],
  [
    '? is one character, but no slash',
    ['?', 'logs?a.log'],
    ['./1', './2', './a/', './a/b/', './a/b/c/', './a/b/c/deep.log', './a/b/in.log', './a/top.log', './a/x/', './a/x/b', './\\377'],
  ],
  ['a set matches its characters, a negated set all others', ['[12]', '[!a-z]2', 'a[!q]x'], ['./1', './12', './2']],
  ['a set may have a class', ['x[[:lower:]]y'], ['./xzy']],
  ['. is a literal dot', ['x.y'], ['./x.y/', './x.y/f']],
  ['a backslash makes the next character literal', ['\\[1\\]', 'a\\*b', 'back\\\\slash'], ['./[1]', './a*b', './back\\\\slash']],
  ['braces are literal', ['{a,b}'], ['./{a,b}']],
  ['an unclosed bracket is literal', ['[1'], []],
  [
    'names that look like options, commands or quotes match',
    ['-T', '--exclude=\\*', '$(touch pwned)', "it's", '$HOME', 'sp ace'],
    ['./$(touch pwned)', './$HOME', './--exclude=*', './-T', "./it's", './sp ace/', './sp ace/f'],
  ],
  ['newlines are ordinary characters', ['new?line', 'cache/new*'], ['./cache/new\\nline', './new\\nline']],
  ['** matches everything', ['**'], []],
];

const INCLUDES: readonly Case[] = [
  ['a folder with its contents', ['a/b'], ['./', './a/', './a/b/', './a/b/c/', './a/b/c/deep.log', './a/b/in.log']],
  ['files at any depth, with the folders above them and no others', ['**/deep.log'], ['./', './a/', './a/b/', './a/b/c/', './a/b/c/deep.log']],
  [
    'several patterns',
    ['logs/*.txt', 'x.y', 'cache/deep/'],
    ['./', './cache/', './cache/deep/', './cache/deep/2', './logs/', './logs/1.txt', './x.y/', './x.y/f'],
  ],
  ['a link as a link', ['link'], ['./', './link']],
  [
    'names that look like options',
    ['-T', '--exclude=\\*', 'new?line', '$(touch pwned)'],
    ['./', './$(touch pwned)', './--exclude=*', './-T', './new\\nline'],
  ],
  ['the contents of a folder', ['cache/**'], ['./', './cache/', './cache/1', './cache/deep/', './cache/deep/2', './cache/new\\nline']],
  ['* at the top, with contents', ['l*'], ['./', './link', './logs/', './logs/1.txt', './logs/a.log']],
];

describe.each(TARS)('patterns of a volume, %s tar', (_, variant) => {
  let data = '';
  let all: readonly string[] = [];
  beforeAll(async () => {
    data = volumeOf(TREE);
    all = namesIn(artifactOf(await take(variant, { data })));
    expect(all.length).toBe(40);
  });

  test.each(EXCLUDES)('exclude: %s', async (what, patterns, gone) => {
    const outcome = await take(variant, { data, env: { EXCLUDE: patterns.join('\n') } });
    expect(outcome.status).toBe(0);
    const names = namesIn(artifactOf(outcome));
    if (what === '** matches everything') expect(names).toEqual(['./']);
    else expect(all.filter((name) => !names.includes(name))).toEqual([...gone].sort());
  });

  test.each(INCLUDES)('include: %s', async (_what, patterns, names) => {
    const outcome = await take(variant, { data, env: { INCLUDE: patterns.join('\n') } });
    expect(outcome.status).toBe(0);
    expect(namesIn(artifactOf(outcome))).toEqual([...names].sort());
    expect(factsOf(outcome)).toMatchObject({ volume: { entries: names.length } });
  });

  test('exclude wins over include', async () => {
    const outcome = await take(variant, { data, env: { INCLUDE: 'a\nlogs', EXCLUDE: '**/*.log\na/b/c' } });
    expect(namesIn(artifactOf(outcome))).toEqual(['./', './a/', './a/b/', './a/x/', './a/x/b', './logs/', './logs/1.txt']);
  });

  test('a folder above an include keeps its owner and mode', async () => {
    bash(data, 'chown 4321:1234 a; chmod 751 a');
    const outcome = await take(variant, { data, env: { INCLUDE: 'a/b/in.log' } });
    const list = bash('/', `${variant.tar === 'gnu' ? 'zstd -dcq' : 'gzip -dc'} ${artifactOf(outcome)} | tar -tv --numeric-owner`);
    expect(list).toMatch(/^drwxr-x--x 4321\/1234 .* \.\/a\/$/m);
  });

  test.each([
    ['an include that matches nothing', { INCLUDE: 'a\nnot here' }, "include: 'not here' matches nothing in '.' of claim 'app-data'"],
    [
      'an include whose matches are all excluded',
      { INCLUDE: 'cache', EXCLUDE: 'cache' },
      "include: 'cache' matches nothing in '.' of claim 'app-data'",
    ],
    ['an include of lost+found', { INCLUDE: 'lost+found' }, "include: 'lost+found' matches nothing in '.' of claim 'app-data'"],
    ['a pattern that leaves the folder', { EXCLUDE: 'a/../../etc' }, "exclude: invalid pattern 'a/../../etc'"],
    ['an exclude of the folder itself', { EXCLUDE: '.' }, 'exclude: matches everything, even the folder itself'],
  ])('%s is refused', async (_what, env, reason) => {
    const outcome = await take(variant, { data, env });
    expect(outcome.lastWords).toMatchObject({ status: 64, reason });
    expect(outcome.out).toEqual([]);
  });

  test('lost+found below the root of the claim is backed up like any folder', async () => {
    const below = volumeOf('mkdir -p data/lost+found; touch data/lost+found/f');
    expect(namesIn(artifactOf(await take(variant, { data: below, env: { DATA_PATH: 'data' } })))).toEqual(['./', './lost+found/', './lost+found/f']);
  });
});
