import * as z from 'zod';
import { lines } from './env.ts';
import type { Verifying, VerifyPart } from './kind.ts';
import type { Settings } from './volume-settings.ts';

const schema = z
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

type Request = z.output<typeof schema>;

/** An archive, unpacked into the scratch of the pod. */
export const volumeVerify: Verifying<Settings, typeof schema> = { schema, check: () => [], parts: (_, request) => [part(request)] };

function part({ entriesAtLeast, paths, sha256 }: Request): VerifyPart {
  return {
    name: 'volume',
    kind: 'volume',
    method: 'tar',
    image: 'postgres17',
    script: 'volume-verify.sh',
    env: {
      ASSERT_ENTRIES: String(entriesAtLeast),
      ...lines('ASSERT_PATHS', paths),
      ...lines(
        'ASSERT_SHA256',
        Object.entries(sha256).map(([path, sum]) => `${sum}  ${path}`),
      ),
    },
    mounts: [],
  };
}
