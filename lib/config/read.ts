import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnostic, Place } from '../diagnostics.ts';
import { ConfigError } from '../errors.ts';
import { dnsLabel } from '../units/names.ts';
import { invalidPathsOf, without } from './invalid-paths.ts';
import { overlay, type Written } from './merge.ts';
import { nearest } from './nearest.ts';
import type { Path, Tree } from './places.ts';
import { diagnoseBase, diagnoseOverlay, type FileDiagnostics } from './written.ts';
import { type Parsed, parseYaml } from './yaml.ts';

const BASE = 'base.yaml';

/** Values of one environment: its file merged over the base. Each value is valid by itself; missing values show up later. */
export interface ReadValues {
  readonly environment: string;
  readonly tree: Tree;
  /** Where a value was written. For a missing value the nearest value around it, for a removed value the line that removed it. */
  place(path: Path): Place | undefined;
  /** Paths that were rejected as written and are not in the tree. @default - none */
  readonly invalid?: readonly Path[];
}

/** The valid part of two files, and the errors in each of them. */
export interface Reading {
  readonly values: ReadValues;
  readonly errors: readonly Diagnostic[];
}

/** The environments of a folder, sorted: every file beside `base.yaml` is one, even if it is empty. */
export function listEnvironments(dir: string): readonly string[] {
  const files = filesOf(dir);
  const diagnostics = files.flatMap((file) => fileDiagnostics(dir, file, files));
  if (diagnostics.length > 0) throw new ConfigError(diagnostics);
  const environments = files.filter((file) => file !== BASE).map(nameOf);
  if (environments.length > 0) return environments;
  const hint = `create one: ${join(dir, 'prod.yaml')}, which may be empty`;
  throw ConfigError.of('', `no environments in ${dir}: ${BASE} is not one`, hint);
}

/** Reads one environment. Throws a {@link ConfigError} with every error in both files. */
export function readValues(dir: string, environment: string): ReadValues {
  const { values, errors } = readEnvironment(dir, environment);
  if (errors.length > 0) throw new ConfigError(errors);
  return values;
}

/**
 * Reads as much of one environment as possible, so that all errors can be reported at once.
 * Throws only if nothing is left to check: a file is missing or is not YAML.
 */
export function readEnvironment(dir: string, environment: string): Reading {
  const known = listEnvironments(dir);
  if (!known.includes(environment)) {
    const hint = nearest(environment, known) ?? `known environments: ${known.join(', ')}`;
    throw ConfigError.of('', `unknown environment '${environment}' in ${dir}`, hint);
  }
  const base = checked(parseFile(join(dir, BASE)), diagnoseBase);
  const over = checked(parseFile(join(dir, `${environment}.yaml`)), diagnoseOverlay);
  const errors = [...base.diagnostics, ...over.diagnostics];
  if (!base.written || !over.written) throw new ConfigError(errors);
  return { values: { environment, ...overlay(base.written, over.written), invalid: [...base.paths, ...over.paths] }, errors };
}

/** The valid part of a file, and its errors. */
function checked({ written, diagnostics }: Parsed, check: (written: Written) => FileDiagnostics): Parsed & FileDiagnostics {
  if (!written) return { diagnostics, paths: [] };
  const found = check(written);
  return {
    written: { ...written, tree: without(written.tree, invalidPathsOf(found.paths)) },
    diagnostics: [...found.diagnostics].sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0)),
    paths: found.paths,
  };
}

/** Files that look like values. Hidden files belong to editors. */
function filesOf(dir: string): readonly string[] {
  if (!existsSync(dir) || !statSync(dir).isDirectory()) {
    throw ConfigError.of('', `folder ${dir} does not exist`, 'run backstay init to create one, or set --config to another folder');
  }
  const files = readdirSync(dir)
    .filter((file) => /^[^.].*\.ya?ml$/i.test(file) && statSync(join(dir, file), { throwIfNoEntry: false })?.isFile())
    .sort();
  if (files.some((file) => nameOf(file) === 'base')) return files;
  throw ConfigError.of('', `${BASE} is missing in ${dir}`, `create ${join(dir, BASE)} with what all environments share, or run backstay init`);
}

function fileDiagnostics(dir: string, file: string, files: readonly string[]): readonly Diagnostic[] {
  const path = join(dir, file);
  if (!file.endsWith('.yaml')) {
    const right = `${nameOf(file)}.yaml`;
    const hint = files.includes(right) ? `remove it, or ${right}` : `rename it to ${right}`;
    return [{ path: '', message: `${path} would be ignored: values files must end in .yaml`, hint }];
  }
  if (nameOf(file) === 'restores')
    return [{ path: '', message: `${path} cannot be an environment: dist/restores/ is reserved for restores`, hint: 'rename the environment' }];
  if (dnsLabel.safeParse(nameOf(file)).success) return [];
  const hint = 'use lowercase letters, digits and dashes, at most 63';
  return [{ path: '', message: `the name of ${path} is not valid for an environment`, hint }];
}

function nameOf(file: string): string {
  return file.replace(/\.ya?ml$/i, '');
}

function parseFile(path: string): Parsed {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
    return parseYaml(text, path);
  } catch (error) {
    const [message, hint] =
      error instanceof TypeError ? ['the file is not UTF-8 text', 'save it as UTF-8'] : ['the file is not readable', 'fix its permissions'];
    return { diagnostics: [{ path: '', message, hint, place: { file: path, line: 1 } }] };
  }
}
