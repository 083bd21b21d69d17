import { lines } from '../env.ts';
import type { Verifying, VerifyPart } from '../kind.ts';
import type { Settings } from './settings.ts';
import type { VerifySlice } from './verify.ts';

/** Unpacks an archive into the scratch of the pod. */
export const tarVerify: Verifying<Settings, VerifySlice> = { check: () => [], parts: (_, request) => [part(request)] };

function part({ entriesAtLeast, paths, sha256 }: VerifySlice): VerifyPart {
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
