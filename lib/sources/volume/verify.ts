import * as z from 'zod';

/** What people write under `verify.volume`. */
export const verifySchema = z
  .strictObject({
    entriesAtLeast: z.int().min(0).default(0).meta({ description: 'The least number of files and folders. Count.' }),
    paths: z
      .array(
        z
          .string()
          .min(1)
          .regex(/^[^\n]+$/, { error: 'expected a path on one line' }),
      )
      .default([])
      .meta({ description: 'Files and folders that must be there, relative to the `path` of the source.' }),
    sha256: z
      .record(
        z
          .string()
          .min(1)
          .regex(/^[^\n]+$/),
        z.string().regex(/^[0-9a-f]{64}$/, { error: 'expected 64 hex digits' }),
      )
      .default({})
      .meta({ description: 'Files and the SHA-256 that they must have.' }),
  })
  .meta({ description: 'What unpacked files must show.' });

export type VerifySlice = z.output<typeof verifySchema>;
