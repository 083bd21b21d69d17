import { beforeAll, describe, expect, test } from 'vitest';
import { artifactOf, bash, factsOf, namesIn, TARS, take, volumeOf } from '../support/volume.ts';

const TREE = `
mkdir -p cache/deep a/b/c a/x logs .hidden 'sp ace' 'x.y' lost+found
touch cache/1 cache/deep/2 a/top.log a/b/in.log a/b/c/deep.log a/x/b root.log logs/1.txt logs/a.log .hidden/f 'sp ace/f' x.y/f xzy
touch './-T' './--exclude=*' '[1]' '{a,b}' 'a*b' 'back\\slash' $'cache/new\\nline' $'new\\nline' "it's" '$(touch pwned)' $'\\xff' 1 2 12 "\\$HOME"
ln -s cache link
`;

/** All names there are, less what a pattern takes out; or what it picks. */
type Case = readonly [what: string, patterns: readonly string[], names: readonly string[]];

const EXCLUDES: readonly Case[] = [
  [
    'a bare name: the folder at the top and all that is in it',
    ['cache'],
    ['./cache/', './cache/1', './cache/deep/', './cache/deep/2', './cache/new\\nline'],
  ],
  ['a bare name is not looked for further down', ['b', 'top.log'], []],
  ['a name with a slash', ['a/b'], ['./a/b/', './a/b/c/', './a/b/c/deep.log', './a/b/in.log']],
  ['a leading slash or ./ changes nothing', ['/xzy', './12', '//a//x/'], ['./12', './a/x/', './a/x/b', './xzy']],
  ['cache/**: all that is in it, and the empty folder stays', ['cache/**'], ['./cache/1', './cache/deep/', './cache/deep/2', './cache/new\\nline']],
  [
    'a trailing slash: only a folder, and no link to one',
    ['cache/', 'link/', 'xzy/'],
    ['./cache/', './cache/1', './cache/deep/', './cache/deep/2', './cache/new\\nline'],
  ],
  ['* does not cross a slash', ['*.log'], ['./root.log']],
  ['* in the middle, also for names with a dot first', ['*/f'], ['./.hidden/f', './sp ace/f', './x.y/f']],
  ['**/: at any depth, also at the top', ['**/*.log'], ['./a/b/c/deep.log', './a/b/in.log', './a/top.log', './logs/a.log', './root.log']],
  ['/**/: any number of folders between', ['a/**/*.log'], ['./a/b/c/deep.log', './a/b/in.log', './a/top.log']],
  ['** beside other characters is a *', ['a**.log', '**.log'], ['./root.log']],
  [
    '? is one character and no slash',
    ['?', 'logs?a.log'],
    ['./1', './2', './a/', './a/b/', './a/b/c/', './a/b/c/deep.log', './a/b/in.log', './a/top.log', './a/x/', './a/x/b', './\\377'],
  ],
  ['a set, and what is not in it', ['[12]', '[!a-z]2', 'a[!q]x'], ['./1', './12', './2']],
  ['a set with a class', ['x[[:lower:]]y'], ['./xzy']],
  ['. is a dot and no other character', ['x.y'], ['./x.y/', './x.y/f']],
  ['a backslash takes the meaning', ['\\[1\\]', 'a\\*b', 'back\\\\slash'], ['./[1]', './a*b', './back\\\\slash']],
  ['braces have none', ['{a,b}'], ['./{a,b}']],
  ['a bracket that does not end is one', ['[1'], []],
  [
    'names that look like options, programs or quotes',
    ['-T', '--exclude=\\*', '$(touch pwned)', "it's", '$HOME', 'sp ace'],
    ['./$(touch pwned)', './$HOME', './--exclude=*', './-T', "./it's", './sp ace/', './sp ace/f'],
  ],
  ['newlines and bytes are characters', ['new?line', 'cache/new*'], ['./cache/new\\nline', './new\\nline']],
  ['everything', ['**'], []],
];

const INCLUDES: readonly Case[] = [
  ['a folder with all that is in it', ['a/b'], ['./', './a/', './a/b/', './a/b/c/', './a/b/c/deep.log', './a/b/in.log']],
  ['files at any depth, and the folders on the way, but no others', ['**/deep.log'], ['./', './a/', './a/b/', './a/b/c/', './a/b/c/deep.log']],
  [
    'several',
    ['logs/*.txt', 'x.y', 'cache/deep/'],
    ['./', './cache/', './cache/deep/', './cache/deep/2', './logs/', './logs/1.txt', './x.y/', './x.y/f'],
  ],
  ['a link is taken as a link', ['link'], ['./', './link']],
  [
    'names that look like options',
    ['-T', '--exclude=\\*', 'new?line', '$(touch pwned)'],
    ['./', './$(touch pwned)', './--exclude=*', './-T', './new\\nline'],
  ],
  ['all that is below', ['cache/**'], ['./', './cache/', './cache/1', './cache/deep/', './cache/deep/2', './cache/new\\nline']],
  ['*: all at the top, whole', ['l*'], ['./', './link', './logs/', './logs/1.txt', './logs/a.log']],
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
    if (what === 'everything') expect(names).toEqual(['./']);
    else expect(all.filter((name) => !names.includes(name))).toEqual([...gone].sort());
  });

  test.each(INCLUDES)('include: %s', async (_what, patterns, names) => {
    const outcome = await take(variant, { data, env: { INCLUDE: patterns.join('\n') } });
    expect(outcome.status).toBe(0);
    expect(namesIn(artifactOf(outcome))).toEqual([...names].sort());
    expect(factsOf(outcome)).toMatchObject({ volume: { entries: names.length } });
  });

  test('exclude comes before include', async () => {
    const outcome = await take(variant, { data, env: { INCLUDE: 'a\nlogs', EXCLUDE: '**/*.log\na/b/c' } });
    expect(namesIn(artifactOf(outcome))).toEqual(['./', './a/', './a/b/', './a/x/', './a/x/b', './logs/', './logs/1.txt']);
  });

  test('a folder on the way comes back with its owner and mode', async () => {
    bash(data, 'chown 4321:1234 a; chmod 751 a');
    const outcome = await take(variant, { data, env: { INCLUDE: 'a/b/in.log' } });
    const list = bash('/', `${variant.tar === 'gnu' ? 'zstd -dcq' : 'gzip -dc'} ${artifactOf(outcome)} | tar -tv --numeric-owner`);
    expect(list).toMatch(/^drwxr-x--x 4321\/1234 .* \.\/a\/$/m);
  });

  test.each([
    ['an include that matches nothing', { INCLUDE: 'a\nnot here' }, "include: 'not here' matches nothing in '.' of claim 'app-data'"],
    [
      'an include of which exclude leaves nothing',
      { INCLUDE: 'cache', EXCLUDE: 'cache' },
      "include: 'cache' matches nothing in '.' of claim 'app-data'",
    ],
    ['an include of lost+found', { INCLUDE: 'lost+found' }, "include: 'lost+found' matches nothing in '.' of claim 'app-data'"],
    ['a pattern out of the folder', { EXCLUDE: 'a/../../etc' }, "exclude: 'a/../../etc' is no pattern below the folder"],
    ['an exclude of the folder itself', { EXCLUDE: '.' }, 'exclude: leaves nothing to back up, not even the folder itself'],
  ])('%s is refused', async (_what, env, reason) => {
    const outcome = await take(variant, { data, env });
    expect(outcome.lastWords).toMatchObject({ status: 64, reason });
    expect(outcome.out).toEqual([]);
  });

  test('lost+found further down is a folder like any other', async () => {
    const below = volumeOf('mkdir -p data/lost+found; touch data/lost+found/f');
    expect(namesIn(artifactOf(await take(variant, { data: below, env: { DATA_PATH: 'data' } })))).toEqual(['./', './lost+found/', './lost+found/f']);
  });
});
