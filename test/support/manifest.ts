const SHA256 = 'a'.repeat(64);
const TIME = { start: '2026-11-21T09:30:00Z', end: '2026-11-21T09:31:00Z' };

/** A part as postgres-dump.sh writes it. */
export const POSTGRES_PART = {
  name: 'shop',
  kind: 'postgres',
  method: 'dump',
  ...TIME,
  format: 'custom',
  compression: { method: 'zstd', level: 1 },
  encryption: null,
  tools: { pg_dump: '17.11' },
  server: { version: '17.11', major: 17 },
  database: {
    name: 'shop',
    owner: 'app',
    encoding: 'UTF8',
    collation: 'C.UTF-8',
    ctype: 'C.UTF-8',
    localeProvider: 'libc',
    collationVersion: '2.36',
    bytes: 8_000_000,
    tables: 3,
    largeObjects: 0,
    extensions: [{ name: 'plpgsql', version: '1.0' }],
  },
  filters: { excludeTableData: ['audit.*'] },
  throttle: { slot: 1, waitedSeconds: 0, held: true },
  files: [{ name: '20261121-093000-bcdfghjk.dump', role: 'artifact', bytes: 1000, sha256: SHA256 }],
} as const;

/** A part as volume-tar.sh writes it. */
export const VOLUME_PART = {
  name: 'files',
  kind: 'volume',
  method: 'tar',
  ...TIME,
  format: 'tar',
  compression: { method: 'none' },
  encryption: null,
  tools: { tar: '1.34' },
  volume: { claim: 'uploads', path: '/', entries: 3, files: 2, bytes: 4096, changed: 0 },
  files: [{ name: '20261121-093000-bcdfghjk.files.tar', role: 'artifact', bytes: 10_240, sha256: SHA256 }],
} as const;

/** A manifest as publish.sh writes it. */
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
