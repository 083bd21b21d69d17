import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Disk } from './world.ts';

type Files = ReadonlyMap<string, string>;

/** The real disk. */
export const disk: Disk = { replaceFolders, createFiles, replaceFile };

/**
 * Writes all folders beside the old ones, and swaps them in when every one of them is complete.
 *
 * Two renames a folder: a crash between them leaves the old one under its other name, and {@link recoverFolder} puts it back.
 */
function replaceFolders(folders: ReadonlyMap<string, Files>): void {
  const staged = new Map<string, string>();
  const undo: (() => void)[] = [];
  try {
    for (const [folder, files] of folders) staged.set(folder, stage(folder, files));
    for (const [folder, fresh] of staged) undo.unshift(swap(folder, join(fresh, basename(folder))));
  } catch (error) {
    for (const step of undo) step();
    throw error;
  } finally {
    for (const fresh of staged.values()) rmSync(fresh, { recursive: true, force: true });
  }
  for (const folder of folders.keys()) sweep(folder);
}

/** Puts a folder back that a crash caught between the two renames of its swap. */
export function recoverFolder(folder: string): void {
  if (!existsSync(folder) && existsSync(oldOf(folder))) renameSync(oldOf(folder), folder);
}

function stage(folder: string, files: Files): string {
  mkdirSync(dirname(folder), { recursive: true });
  const fresh = mkdtempSync(`${newOf(folder)}-`);
  try {
    const content = join(fresh, basename(folder));
    for (const below of new Set(['', ...[...files.keys()].map(dirname)])) mkdirSync(join(content, below), { recursive: true });
    for (const [path, text] of files) writeFileSync(join(content, path), text, { flag: 'wx' });
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw error;
  }
  return fresh;
}

/** Gives the function that takes it back. */
function swap(folder: string, fresh: string): () => void {
  const old = oldOf(folder);
  const replaced = existsSync(folder);
  const restore = () => {
    if (replaced) renameSync(old, folder);
  };
  if (replaced) {
    rmSync(old, { recursive: true, force: true });
    renameSync(folder, old);
  }
  try {
    renameSync(fresh, folder);
  } catch (error) {
    restore();
    throw error;
  }
  return () => {
    rmSync(folder, { recursive: true, force: true });
    restore();
  };
}

/** What this and earlier runs, which may have been killed, left beside the folder. */
function sweep(folder: string): void {
  rmSync(oldOf(folder), { recursive: true, force: true });
  for (const name of readdirSync(dirname(folder))) {
    if (name.startsWith(`${basename(newOf(folder))}-`)) rmSync(join(dirname(folder), name), { recursive: true, force: true });
  }
}

/** Hidden, and beside the folder: a rename works within one file system only. */
const newOf = (folder: string) => join(dirname(folder), `.${basename(folder)}.new`);
const oldOf = (folder: string) => join(dirname(folder), `.${basename(folder)}.old`);

function createFiles(files: Files): void {
  const made: string[] = [];
  try {
    for (const [path, text] of files) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text, { flag: 'wx' });
      made.push(path);
    }
  } catch (error) {
    for (const path of made) rmSync(path, { force: true });
    throw error;
  }
}

function replaceFile(path: string, text: string): void {
  const fresh = join(dirname(path), `.${basename(path)}.new`);
  writeFileSync(fresh, text);
  renameSync(fresh, path);
}
