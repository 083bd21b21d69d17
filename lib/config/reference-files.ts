import { jsonSchema } from './json-schema.ts';
import { valuesReference } from './values-reference.ts';

/** What is generated from the schema of the values and committed: path in the project to text. */
export function referenceFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['schema/base.schema.json', jsonSchema('base')],
    ['schema/overlay.schema.json', jsonSchema('overlay')],
    ['docs/values.md', valuesReference()],
  ]);
}
