import * as z from 'zod';
import { SOURCE_KINDS } from '../sources/index.ts';
import { admin, login, tls } from '../sources/postgres-server.ts';
import { STORAGE_KINDS } from '../storages/index.ts';
import { caFile } from '../units/credentials.ts';
import { derive, notes } from './derive.ts';
import { keep } from './schema/keep.ts';
import { plan, storageRef, tier } from './schema/options.ts';
import { job, networkPolicy, pod, throttle } from './schema/pod.ts';
import { restore } from './schema/restore.ts';
import { source, storage } from './schema/values.ts';
import { ownScratch, verify } from './schema/verify.ts';
import { asOverlay, asWritten } from './written.ts';

/** Schemas that are used in many places become named definitions. */
const NAMED: Readonly<Record<string, z.core.$ZodType>> = {
  ...{ storage, source, plan, tier, verify, restore, keep, storageRef, pod, ownScratch, job, throttle, networkPolicy, caFile, login, admin, tls },
  ...Object.fromEntries([...STORAGE_KINDS, ...SOURCE_KINDS].map(({ name, schema }) => [name, schema])),
};

/** Schemas whose values are only ever replaced as a whole. */
const WHOLE: ReadonlySet<z.core.$ZodType> = new Set([keep, storageRef]);

/**
 * JSON Schema of the base, or of an environment's file, for editors.
 *
 * Draft 7 is the newest draft that YAML language servers support fully.
 */
export function jsonSchema(role: 'base' | 'overlay'): string {
  const nulls = role === 'overlay';
  for (const [id, schema] of Object.entries(NAMED)) {
    name(derive(schema, { nulls }, WHOLE.has(schema)), id);
    name(derive(schema, { nulls, templates: 'expanded' }, WHOLE.has(schema)), `${id}InDefaults`);
    name(derive(schema, { nulls, templates: 'rejected' }, WHOLE.has(schema)), `${id}InSources`);
  }
  const schema = z.toJSONSchema(nulls ? asOverlay : asWritten, { target: 'draft-07', io: 'input', metadata: notes, unrepresentable: 'any' });
  const title = nulls ? 'backstay: config/<environment>.yaml' : 'backstay: config/base.yaml';
  return `${JSON.stringify({ $schema: schema.$schema, title, ...schema }, null, 2)}\n`;
}

function name(schema: z.core.$ZodType, id: string): void {
  notes.add(schema, { ...notes.get(schema), id });
}
