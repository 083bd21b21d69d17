import { expect, test } from 'vitest';
import type * as z from 'zod';
import type { SourceContext } from '../../../lib/sources/kind.ts';
import { volume } from '../../../lib/sources/volume/kind.ts';
import { tarVerify } from '../../../lib/sources/volume/tar-verify.ts';

type Request = z.input<typeof volume.verifySchema>;

const context: SourceContext = { environment: 'prod', source: 'files', namespace: 'app', throttle: { perServer: 3, wait: 3600 } };
const settings = volume.schema.parse({ claim: 'app-data', node: 'worker-1' });
const parts = (request: Request = {}) => tarVerify.parts(settings, volume.verifySchema.parse(request), context);

test('without assertions, unpacks and compares an archive, away from the claim and its node', () => {
  expect(parts()).toEqual([
    {
      name: 'volume',
      kind: 'volume',
      method: 'tar',
      image: 'postgres17',
      script: 'volume-verify.sh',
      env: { ASSERT_ENTRIES: '0' },
      mounts: [],
    },
  ]);
});

test('all settings reach the script', () => {
  const every: Required<Request> = { entriesAtLeast: 10, paths: ['a b', 'c/d'], sha256: { 'a b': 'a'.repeat(64), c: 'b'.repeat(64) } };
  expect(parts(every)[0]?.env).toEqual({
    ASSERT_ENTRIES: '10',
    ASSERT_PATHS: 'a b\nc/d',
    ASSERT_SHA256: `${'a'.repeat(64)}  a b\n${'b'.repeat(64)}  c`,
  });
});

test.each<readonly [object, string]>([
  [{ sha256: { a: 'A'.repeat(64) } }, 'expected 64 hex digits'],
  [{ paths: ['a\nb'] }, 'expected a path on one line'],
  [{ entriesAtLeast: -1 }, 'Too small'],
])('rejects %j', (request, message) => {
  expect(
    volume.verifySchema
      .safeParse(request)
      .error?.issues.map((issue) => issue.message)
      .join(),
  ).toContain(message);
});
