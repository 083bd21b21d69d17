/** The time in a name: eight digits, a dash, six digits, and no digit on either side. */
const TIME = /(?<!\d)(\d{8})-(\d{6})(?!\d)/g;
/** The letters of a run id: sixteen consonants, one per hex digit. */
const RUN_ID = /[bcdfghjkmnpqrstv]{8}/;

/** Name of the backup that a stored file belongs to: what is before the first dot or plus. */
export function stemOfFile(file: string): string {
  return file.split(/[.+]/, 1)[0] ?? '';
}

/**
 * When a backup was started, from its name. Seconds since 1970; nothing for a name that is not ours.
 *
 * The dates of the store do not help: copying a bucket sets them all to today.
 */
export function timeOfName(name: string): number | undefined {
  const times = [...name.matchAll(TIME)];
  const [, day, clock] = times[0] ?? [];
  if (times.length !== 1 || !day || !clock || !/^[A-Za-z0-9_-]+$/.test(name) || !RUN_ID.test(name)) return undefined;
  const [, year, month, date] = /^(....)(..)(..)$/.exec(day) ?? [];
  const [, hours, minutes, seconds] = /^(..)(..)(..)$/.exec(clock) ?? [];
  if (Number(year) < 1970) return undefined;
  const text = `${year}-${month}-${date}T${hours}:${minutes}:${seconds}Z`;
  const milliseconds = Date.parse(text);
  // Date.parse rejects dates that do not exist, or moves them: 30 February becomes 2 March.
  if (Number.isNaN(milliseconds) || !new Date(milliseconds).toISOString().startsWith(text.slice(0, -1))) return undefined;
  return milliseconds / 1000;
}
