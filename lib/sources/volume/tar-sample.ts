import type { Sample } from '../kind.ts';
import type { restoreSchema } from './restore.ts';
import type { schema } from './settings.ts';
import type { tarFacts } from './tar-facts.ts';
import type { verifySchema } from './verify.ts';

/** A folder of a claim, and a `$` wherever one is allowed. */
export const tarSample = {
  settings: {
    claim: 'app-data',
    path: 'www',
    nextTo: { app: 'web' },
    include: ['a b/**'],
    exclude: ['cache/**', '$(HOME)/*'],
    accessMode: 'ReadWriteOnce',
    tar: 'gnu',
    compression: 'zstd',
    level: 3,
    onChange: 'accept',
    xattrs: true,
    acls: false,
  },
  restore: { paths: ['a b$(HOME)'], owners: 'none', attributes: 'none', links: 'keep' },
  verify: { entriesAtLeast: 10, paths: ['a b/c'], sha256: { 'a b/c': 'a'.repeat(64) } },
  facts: { format: 'tar', volume: { claim: 'uploads', path: '/', entries: 3, files: 2, bytes: 4096, changed: 0 } },
} satisfies Sample<typeof schema, typeof restoreSchema, typeof verifySchema, ReturnType<typeof tarFacts>>;
