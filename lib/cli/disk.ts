import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Disk, Stage } from './world.ts';

/** The real disk. */
export const disk: Disk = { stage, swapIn, copyFolder, createFiles, replaceFile };

/** Moves a folder back after a crash between the two renames of its swap. */
export function recoverFolder(folder: string): void {
  if (!existsSync(folder) && existsSync(oldOf(folder))) renameSync(oldOf(folder), folder);
}

/** Hidden, and beside the folder, because a rename works only within one file system. */
const newOf = (folder: string) => join(dirname(folder), `.${basename(folder)}.new`);
const oldOf = (folder: string) => join(dirname(folder), `.${basename(folder)}.old`);

function stage(folder: string): Stage {
  mkdirSync(dirname(folder), { recursive: true });
  const root = mkdtempSync(`${newOf(folder)}-`);
  const fresh = join(root, basename(folder));
  mkdirSync(fresh);
  const made = new Set(['.']);
  const to = (path: string) => {
    const below = dirname(path);
    if (!made.has(below)) mkdirSync(join(fresh, below), { recursive: true });
    made.add(below);
    return join(fresh, path);
  };
  return {
    folder,
    fresh,
    write: (path, text) => writeFileSync(to(path), text, { flag: 'wx' }),
    keep: (path) => copyFileSync(join(folder, path), to(path)),
    discard: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Two renames each. A crash between them leaves the old folder under its other name, where {@link recoverFolder} finds it. */
function swapIn(stages: readonly Stage[]): void {
  const undo: (() => void)[] = [];
  try {
    for (const one of stages) undo.unshift(swap(one));
  } catch (error) {
    for (const step of undo) step();
    throw error;
  } finally {
    for (const one of stages) one.discard();
  }
  for (const { folder } of stages) sweep(folder);
}

/** Returns a function that undoes the swap. */
function swap({ folder, fresh }: Stage): () => void {
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

/** Removes leftovers of this and of earlier, possibly killed, runs beside the folder. */
function sweep(folder: string): void {
  rmSync(oldOf(folder), { recursive: true, force: true });
  for (const name of readdirSync(dirname(folder))) {
    if (name.startsWith(`${basename(newOf(folder))}-`)) rmSync(join(dirname(folder), name), { recursive: true, force: true });
  }
}

function copyFolder(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
}

function createFiles(files: ReadonlyMap<string, string>): void {
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
