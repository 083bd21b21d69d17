import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Desk } from './desk.ts';
import type { Json } from './kubectl.ts';
import type { S3 } from './s3.ts';

/** The files of a storage: path below the prefix to hash. */
export type Stored = ReadonlyMap<string, { readonly sha256: string; readonly text?: string }>;

/** A run as seen in a storage. */
export interface StoredRun {
  readonly name: string;
  readonly manifest: Json;
  /** Files of its manifest that are missing or differ. Empty if the run is complete. */
  readonly broken: readonly string[];
}

/** The files of a bucket below the environment's folder, read from the server's disk. */
export function inBucket(s3: S3, bucket: string, prefix = 'test'): Stored {
  return new Map(
    s3.keys(bucket, `${prefix}/`).map((key) => {
      const bytes = readFileSync(join(s3.data, bucket, key));
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return [key.slice(prefix.length + 1), { sha256, ...(isText(key) && { text: bytes.toString() }) }];
    }),
  );
}

/** The files of a claim below the environment's folder, read by a plain pod that mounts it. */
export async function inClaim(desk: Desk, claim: string, prefix = 'test'): Promise<Stored> {
  const folder = `/claims/${claim}/${prefix}`;
  const sums = await desk.sh(`[ -d ${folder} ] || exit 0; cd ${folder}; find . -type f -exec sha256sum {} +`);
  const hashes = sums
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => [line.slice(68), line.slice(0, 64)] as const);
  const texts = await textsOf(desk, folder, hashes.map(([path]) => path).filter(isText));
  return new Map(hashes.map(([path, sha256]) => [path, { sha256, ...(texts.has(path) && { text: texts.get(path) }) }]));
}

/** The committed runs below a folder such as `shop/daily`, by name. */
export function runsIn(stored: Stored, folder: string): readonly StoredRun[] {
  return [...stored]
    .filter(([path]) => path.startsWith(`${folder}/`) && path.endsWith('.manifest.json'))
    .map(([, { text = '' }]) => {
      const manifest = JSON.parse(text);
      const files = manifest.parts.flatMap((part: Json) => part.files) as readonly { name: string; sha256: string }[];
      const broken = files.filter(({ name, sha256 }) => stored.get(`${folder}/${name}`)?.sha256 !== sha256).map(({ name }) => name);
      return { name: manifest.name, manifest, broken };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Files below a folder that are neither markers nor part of a committed run. */
export function strayIn(stored: Stored, folder: string): readonly string[] {
  const committed = new Set(runsIn(stored, folder).map(({ name }) => name));
  return [...stored.keys()]
    .filter((path) => path.startsWith(`${folder}/`))
    .map((path) => path.slice(folder.length + 1))
    .filter((file) => !committed.has(file.replace(/[.+].*$/s, '')));
}

const isText = (path: string) => path.endsWith('.json');

async function textsOf(desk: Desk, folder: string, paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (paths.length === 0) return new Map();
  const list = paths.map((path) => `'${path}'`).join(' ');
  const output = await desk.sh(`cd ${folder}; for f in ${list}; do printf '%s\\n' "$f"; base64 -w0 "$f"; echo; done`);
  const lines = output.split('\n');
  return new Map(paths.map((path, index) => [path, Buffer.from(lines[index * 2 + 1] ?? '', 'base64').toString()]));
}
