import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../errors.ts';
import { packageVersion } from '../version.ts';
import { BASE, GITATTRIBUTES, GITIGNORE, PROD } from './first-values.ts';
import { STATUS } from './statuses.ts';
import type { Outcome, World } from './world.ts';

/** Writes a commented first configuration, and pins this version in package.json. Overwrites nothing. */
export function init(dir: string, world: World): Outcome {
  const pinned = pinnedPackage(join(dir, 'package.json'));
  const values = new Map([
    [join(dir, 'config', 'base.yaml'), BASE],
    [join(dir, 'config', 'prod.yaml'), PROD],
  ]);
  const taken = [...values.keys()].filter((path) => existsSync(path));
  if (taken.length > 0) throw ConfigError.of('', `already exists: ${taken.join(', ')}`, 'nothing was written; choose another folder with --dir');
  const forGit = [
    [join(dir, '.gitignore'), GITIGNORE],
    [join(dir, '.gitattributes'), GITATTRIBUTES],
  ] as const;
  const fresh = new Map([...values, ...forGit.filter(([path]) => !existsSync(path)), ...(pinned.isNew ? [pinned.file] : [])]);
  world.disk.createFiles(fresh);
  if (!pinned.isNew && pinned.isChanged) world.disk.replaceFile(...pinned.file);
  const lines = [...[...fresh.keys()].sort().map((path) => `wrote ${path}`), ...(pinned.isNew ? [] : [pinned.message]), ...unfolded(dir, fresh)];
  return { status: STATUS.done, text: [...lines, '', ...nextSteps(dir)].join('\n') };
}

/** A .gitattributes of the user's is left alone, and may lack our line. */
function unfolded(dir: string, fresh: ReadonlyMap<string, string>): readonly string[] {
  const path = join(dir, '.gitattributes');
  const line = GITATTRIBUTES.split('\n').at(-2) ?? '';
  if (fresh.has(path) || readFileSync(path, 'utf8').includes(line)) return [];
  return [`${path} exists: left as it is. To fold generated scripts away in reviews, add: ${line}`];
}

function nextSteps(dir: string): readonly string[] {
  return [
    'Next:',
    ...(dir === '.' ? [] : [`  cd ${dir}`]),
    '  npm install                      # this version of backstay, until you upgrade',
    '  $EDITOR config/base.yaml         # set your storage and your database',
    '  npx backstay synth               # writes dist/prod: review and commit it',
    '  npx backstay secrets prod        # lists the Secrets it needs',
  ];
}

interface Pinned {
  readonly file: readonly [path: string, text: string];
  readonly isNew: boolean;
  readonly isChanged: boolean;
  readonly message: string;
}

/** A package.json with this version as a development dependency: a new one, or the existing one with one more line. */
function pinnedPackage(path: string): Pinned {
  const version = packageVersion();
  if (!existsSync(path)) {
    const content = { private: true, scripts: { synth: 'backstay synth' }, devDependencies: { backstay: version } };
    return { file: [path, `${JSON.stringify(content, undefined, 2)}\n`], isNew: true, isChanged: true, message: '' };
  }
  const text = readFileSync(path, 'utf8');
  const content = parsePackage(path, text);
  const pinned = content.devDependencies?.backstay ?? content.dependencies?.backstay;
  if (pinned !== undefined)
    return { file: [path, text], isNew: false, isChanged: false, message: `${path} already pins backstay ${pinned}: unchanged` };
  const indent = /^[\t ]+(?=")/m.exec(text)?.[0] ?? '  ';
  const merged = { ...content, devDependencies: { ...content.devDependencies, backstay: version } };
  return {
    file: [path, `${JSON.stringify(merged, undefined, indent)}\n`],
    isNew: false,
    isChanged: true,
    message: `added backstay ${version} to ${path}`,
  };
}

interface Package {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

function parsePackage(path: string, text: string): Package {
  try {
    const content: unknown = JSON.parse(text);
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content;
  } catch {
    // Reported below.
  }
  throw ConfigError.of('', `${path} is not valid JSON`, 'nothing was written; fix it, or choose another folder with --dir');
}
