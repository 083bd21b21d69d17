import type { Diagnostics } from '../config/diagnostics.ts';
import type { SourceSettings } from '../config/settings.ts';

/** The controller appends eleven characters to the name of a CronJob for its Jobs, whose names are limited to 63. */
const CRON_JOB_NAME_MAX = 52;

/** Service account and NetworkPolicy of a source. */
export function sourceObjectName(source: string): string {
  return `backup-${source}`;
}

/** CronJob of a tier. */
export function runName(source: string, tier: string): string {
  return `backup-${source}-${tier}`;
}

/** CronJob and NetworkPolicy that verify a source. */
export function verifyName(source: string): string {
  return `verify-${source}`;
}

/** Service account of the pods that restore a source. Stable, so that a cloud role can refer to it. */
export function restoreAccount(source: string): string {
  return `restore-${source}`;
}

/** Rejects names that are too long, and names that collide: `a-b` with `c`, and `a` with `b-c`. */
export function checkNames(sources: readonly SourceSettings[], diagnostics: Diagnostics): void {
  const taken = new Map<string, string>();
  for (const { name: source, namespace, tiers, at } of sources) {
    for (const { name: tier } of tiers) {
      const name = runName(source, tier);
      const owner = taken.get(`${namespace}/${name}`);
      taken.set(`${namespace}/${name}`, source);
      if (name.length > CRON_JOB_NAME_MAX) {
        diagnostics.add(
          at,
          `the CronJob name '${name}' has ${name.length} characters, at most ${CRON_JOB_NAME_MAX} are allowed`,
          `shorten the name of the source by ${name.length - CRON_JOB_NAME_MAX}, and set folder: to keep its history`,
        );
      }
      if (owner !== undefined)
        diagnostics.add(
          at,
          `the CronJob name '${name}' is already taken by a tier of '${owner}'`,
          'rename the source, and set folder: to keep its history',
        );
    }
  }
}
