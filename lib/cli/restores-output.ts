import { restoreFiles } from '../charts/restore.ts';
import type { Model } from '../model/model.ts';
import type { Difference } from './build-output.ts';
import { isOurs, open, refuseForeign } from './output-folder.ts';
import type { Stage } from './world.ts';

/** The restores of one environment: what lies in `dist/restores/<environment>/`, and what should. */
export interface RestoresOutput {
  readonly folder: string;
  /** Names of the files. */
  readonly files: readonly string[];
  readonly changes: readonly Difference[];
  /** @default - nothing changed, or only a comparison was wanted */
  readonly stage?: Stage;
}

interface Wanted {
  readonly model: Model;
  readonly folder: string;
  readonly stage?: (folder: string) => Stage;
}

/** Nothing where there is no restore, and was none. */
export function buildRestores({ model, folder, stage: begin }: Wanted): readonly RestoresOutput[] {
  const before = open(folder);
  const files = restoreFiles(model);
  if (files.size === 0 && before.paths.length === 0) return [];
  const changes = [
    ...[...files].flatMap(([path, text]): Difference[] => {
      const old = before.read(path);
      return old === text ? [] : [{ what: old === undefined ? 'missing' : 'stale', path }];
    }),
    ...before.paths.filter((path) => !files.has(path)).map((path): Difference => ({ what: 'extra', path })),
  ];
  refuseForeign(
    folder,
    before.paths.filter((path) => !isOurs(before.read(path) ?? '')),
  );
  const stage = changes.length > 0 ? begin?.(folder) : undefined;
  for (const [path, text] of stage ? files : []) stage?.write(path, text);
  return [{ folder, files: [...files.keys()], changes, stage }];
}

/** What became of them. */
export function describeRestores({ folder, files, changes }: RestoresOutput): readonly string[] {
  const state = changes.length > 0 ? 'changed' : 'unchanged';
  return [
    `${folder}: ${files.length} restore${files.length === 1 ? '' : 's'}: ${state}`,
    ...(changes.length > 0 ? files.map((file) => `  kubectl apply -f ${folder}/${file}   # runs it, once`) : []),
  ];
}
