import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { referenceFiles } from '../../lib/config/reference-files.ts';

/** `npm run schema`: writes the JSON Schemas and docs/values.md again. Run it in the project's root. */
for (const [path, text] of referenceFiles()) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  console.log(`wrote ${path}`);
}
