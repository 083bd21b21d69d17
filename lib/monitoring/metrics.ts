/** A metric that `backstay-status` serves: the truth of the storages, not of the Jobs. */
export interface Metric {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly labels: readonly string[];
  /** One sentence with the unit. */
  readonly help: string;
}

/** One tier of a source in one storage. */
const STORED = ['environment', 'source', 'tier', 'storage'] as const;
const TIER = ['environment', 'source', 'tier'] as const;
const STORAGE = ['environment', 'storage'] as const;

/** Every metric, by a short key. Rules, the dashboard, the status pod and the docs are made from this list. */
export const METRICS = {
  lastStart: gauge('backstay_backup_last_start_timestamp_seconds', STORED, 'Start of the newest committed backup, seconds since 1970.'),
  lastSuccess: gauge('backstay_backup_last_success_timestamp_seconds', STORED, 'End of the newest committed backup, seconds since 1970.'),
  lastDuration: gauge('backstay_backup_last_duration_seconds', STORED, 'Duration of the newest committed backup, seconds.'),
  lastSize: gauge('backstay_backup_last_size_bytes', STORED, 'Size of the newest committed backup, bytes.'),
  previousSize: gauge('backstay_backup_previous_size_bytes', STORED, 'Size of the committed backup before the newest, bytes.'),
  count: gauge('backstay_backups', STORED, 'Committed backups that are stored.'),
  bytes: gauge('backstay_backups_bytes', STORED, 'Size of all committed backups, bytes.'),
  pinned: gauge('backstay_backups_pinned', STORED, 'Backups that a pin protects from retention.'),
  expiring: gauge('backstay_backups_expiring', STORED, 'Backups that no keep rule covers now, so that the next run deletes them.'),
  missing: gauge('backstay_backup_copies_missing', TIER, 'Storages that do not have the newest backup of the tier.'),
  verified: gauge('backstay_verify_last_success_timestamp_seconds', STORED, 'Time of the newest successful verification, seconds since 1970.'),
  verifySeconds: gauge('backstay_verify_restore_seconds', STORED, 'Measured time to restore and check in the newest verification, seconds.'),
  reachable: gauge('backstay_storage_reachable', STORAGE, '1 if the last reading of the storage succeeded, else 0.'),
  readAt: gauge('backstay_storage_last_read_timestamp_seconds', STORAGE, 'Time of the last successful reading, seconds since 1970.'),
  used: gauge('backstay_storage_used_bytes', STORAGE, 'Used space of a claim that the status pod mounts, bytes.'),
  capacity: gauge('backstay_storage_capacity_bytes', STORAGE, 'Size of a claim that the status pod mounts, bytes.'),
} as const satisfies Readonly<Record<string, Metric>>;

function gauge(name: string, labels: readonly string[], help: string): Metric {
  return { name, type: 'gauge', labels, help };
}
