import { restores } from '../../lib/charts/outputs/restores.ts';
import { filesOf } from '../../lib/charts/synthesize.ts';
import type { Model } from '../../lib/model/model.ts';

/** All files of `dist/restores/<environment>/`, from path to text. */
export function restoreFiles(model: Model): ReadonlyMap<string, string> {
  return new Map(filesOf(restores, model));
}
