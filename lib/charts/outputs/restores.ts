import type { Model } from '../../model/model.ts';
import { buildRestore } from '../restore.ts';
import { GENERATED } from '../writer.ts';
import type { Output, Sheet } from './output.ts';

const EFFECT = 'runs it, once';

/** One file for each restore in the values, with everything that it needs. No other file of `dist/` refers to it. */
export const restores: Output = {
  name: 'restores',
  applied: 'file',
  words: { noun: 'restore', apply: EFFECT },
  sheets,
};

function* sheets({ restores: planned, images, environment }: Model): Generator<Sheet> {
  for (const restore of planned) {
    const path = `${restore.entry}.yaml`;
    const comment = `${GENERATED}\nkubectl apply -f dist/restores/${environment}/${path} ${EFFECT}`;
    yield { path, comment, build: (scope) => buildRestore(scope, restore, images) };
  }
}
