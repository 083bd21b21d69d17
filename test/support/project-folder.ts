import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { onTestFinished } from 'vitest';

/** Small but complete values: a claim, a bucket, a database. */
export const VALUES = `namespace: backup
storages:
  local: { pvc: { size: 10Gi } }
  offsite: { s3: { bucket: acme-backups, region: eu-west-1, credentials: { secret: backup-s3 } } }
plans:
  default:
    storages: [local, offsite]
    tiers:
      daily: { schedule: '0 2 * * *', keep: { daily: 7, weekly: 4 } }
sources:
  shop:
    postgres: { host: shop-db.shop, database: shop, version: 17, credentials: { secret: shop-db } }
`;

export type Tree = Readonly<Record<string, string>>;

/** A user's folder with `config/`, removed after the test. */
export function projectFolder(files: Tree = { 'config/base.yaml': VALUES, 'config/prod.yaml': '' }) {
  const dir = mkdtempSync(join(tmpdir(), 'project-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const write = (more: Tree) => {
    for (const [path, text] of Object.entries(more)) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text);
    }
  };
  write(files);
  return {
    dir,
    write,
    remove: (path: string) => rmSync(join(dir, path), { recursive: true }),
    /** Every file as path to text, including hidden ones. */
    read: (below = '.'): Tree => readTree(dir, join(dir, below)),
    /** A text without the folder's path. */
    plain: (text: string) => text.replaceAll(`${dir}/`, '').replaceAll(dir, '.'),
    /** Arguments for this folder's `config/` and `dist/`. */
    config: ['--config', join(dir, 'config')] as const,
    folders: ['--config', join(dir, 'config'), '--out', join(dir, 'dist')] as const,
  };
}

function readTree(root: string, dir: string): Tree {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.sort().map((path) => [relative(root, path), readFileSync(path, 'utf8')]));
}
