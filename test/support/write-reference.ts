import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { referenceFiles } from '../../lib/config/reference-files.ts';
import { environmentReference } from '../../lib/environment-reference.ts';

/** `npm run schema`: generates the JSON Schemas, docs/values.md and docs/environment.md. Run it in the root of the project. */
for (const [path, text] of [...referenceFiles(), ['docs/environment.md', environmentReference()] as const]) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  console.log(`wrote ${path}`);
}
