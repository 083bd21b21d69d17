import { jsonSchema } from './json-schema.ts';
import { valuesReference } from './values-reference.ts';

/** Generated files that are committed, path to text. */
export function referenceFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['schema/base.schema.json', jsonSchema('base')],
    ['schema/overlay.schema.json', jsonSchema('overlay')],
    ['docs/values.md', valuesReference()],
  ]);
}
