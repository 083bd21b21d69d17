import { dump } from '../../lib/sources/postgres/dump.ts';
import { tar } from '../../lib/sources/volume/tar.ts';

const SHA256 = 'a'.repeat(64);
const TIME = { start: '2026-11-21T09:30:00Z', end: '2026-11-21T09:31:00Z' };

/** A part in the form of postgres-dump.sh. */
export const POSTGRES_PART = {
  name: 'shop',
  kind: 'postgres',
  method: 'dump',
  ...TIME,
  compression: { method: 'zstd', level: 1 },
  encryption: null,
  tools: { pg_dump: '17.11' },
  ...dump.sample.facts,
  files: [{ name: '20261121-093000-bcdfghjk.dump', role: 'artifact', bytes: 1000, sha256: SHA256 }],
} as const;

/** A part in the form of volume-tar.sh. */
export const VOLUME_PART = {
  name: 'files',
  kind: 'volume',
  method: 'tar',
  ...TIME,
  compression: { method: 'none' },
  encryption: null,
  tools: { tar: '1.34' },
  ...tar.sample.facts,
  files: [{ name: '20261121-093000-bcdfghjk.files.tar', role: 'artifact', bytes: 10_240, sha256: SHA256 }],
} as const;

/** A manifest in the form of publish.sh. */
export const MANIFEST = {
  version: 'backstay/v1',
  environment: 'prod',
  namespace: 'backup',
  source: 'shop',
  tier: 'daily',
  name: '20261121-093000-bcdfghjk',
  runId: 'bcdfghjk',
  specHash: '0123456789ab',
  job: 'backup-shop-daily-1',
  pod: 'backup-shop-daily-1-x',
  label: 'before "the" upgrade',
  ...TIME,
  bytes: 11_240,
  storages: [
    { name: 'local', kind: 'pvc', role: 'primary', compared: 'checksum' },
    { name: 'offsite', kind: 's3', role: 'copy', compared: 'read-back' },
  ],
  parts: [POSTGRES_PART, VOLUME_PART],
} as const;
