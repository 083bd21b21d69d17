/** The requested backup, as fetch.sh expects it. */
export interface Wanted {
  readonly text: string;
  /** It names a single backup, in any tier. */
  readonly byId: boolean;
}

/** `before:` and a time with a time zone: without one, two people would mean two backups. */
const BEFORE = /^before:\s*(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?\s*(Z|[+-]\d\d:?\d\d))$/;

/** Checks `at`. Returns [message, hint], or nothing if it is valid. */
export function diagnoseWanted(at: string): readonly [string, string] | undefined {
  if (at.startsWith('before')) {
    const time = BEFORE.exec(at)?.[1];
    if (time !== undefined && isDay(time.slice(0, 10)) && !Number.isNaN(secondsOf(time))) return undefined;
    return ['expected a time with a time zone', 'use before:2026-11-21T09:30:00Z, or …T10:30:00+01:00'];
  }
  if (/^[A-Za-z0-9_.+-]+$/.test(at)) return undefined;
  return ['not a backup id', 'use latest, latest-verified, before:TIME, or an id from backstay list'];
}

export function wantedOf(at: string): Wanted {
  const time = BEFORE.exec(at)?.[1];
  if (time !== undefined) return { text: `before:${secondsOf(time)}`, byId: false };
  return { text: at, byId: at !== 'latest' && at !== 'latest-verified' };
}

/** Otherwise 30 February would become 2 March. */
function isDay(date: string): boolean {
  const midnight = Date.parse(date);
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(date);
}

function secondsOf(time: string): number {
  const text = time
    .replace(' ', 'T')
    .replace(/\s/g, '')
    .replace(/([+-]\d\d)(\d\d)$/, '$1:$2');
  return Date.parse(text) / 1000;
}
