import * as z from 'zod';
import { count, type FactsOf, type FactsShape, type ObjectOf, text } from '../facts.ts';

/** The facts that volume-tar.sh adds to its part of the manifest. */
export const tarFacts = (object: ObjectOf) =>
  ({
    format: z.literal('tar'),
    volume: object({
      claim: text,
      path: text,
      entries: count,
      files: count,
      bytes: count.meta({ description: 'Size of the content. Bytes.' }),
      changed: count.meta({ description: 'Files that changed while they were read.' }),
      attributed: count.optional().meta({ description: 'Entries with extended attributes or access control lists. Missing: they were not kept.' }),
    }),
  }) satisfies FactsShape;

export type TarFacts = FactsOf<ReturnType<typeof tarFacts>>;
