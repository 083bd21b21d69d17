import type { Model } from '../model/model.ts';
import { KUSTOMIZED } from './outputs/index.ts';
import type { Sheet } from './outputs/output.ts';

/** The files of `dist/<environment>/` but for the kustomizations, in the order in which they are applied. */
export function* layout(model: Model): Generator<Sheet> {
  for (const output of KUSTOMIZED) for (const sheet of output.sheets(model)) yield { ...sheet, path: `${output.name}/${sheet.path}` };
}
