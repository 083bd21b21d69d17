/** One cron field: its name, its range, and words for its numbers. */
interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly words?: readonly string[];
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

const FIELDS: readonly Field[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of the month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, words: MONTHS },
  { name: 'day of the week', min: 0, max: 6, words: DAYS },
];

/** The values of the five cron fields. */
export type CronFields = readonly [ReadonlySet<number>, ReadonlySet<number>, ReadonlySet<number>, ReadonlySet<number>, ReadonlySet<number>];

/** Parses five cron fields like the CronJob controller (the standard parser of robfig/cron). Returns text if they are invalid. */
export function parseCron(schedule: string): CronFields | string {
  const parts = schedule.split(' ').filter((part) => part !== '');
  if (parts.length !== FIELDS.length) return `expected five cron fields, not ${parts.length}`;
  const sets: ReadonlySet<number>[] = [];
  for (const [index, field] of FIELDS.entries()) {
    const set = parseField(parts[index] ?? '', field);
    if (typeof set === 'string') return set;
    sets.push(set);
  }
  return sets as unknown as CronFields;
}

function parseField(text: string, field: Field): ReadonlySet<number> | string {
  const found = new Set<number>();
  for (const item of text.split(',')) {
    const match = /^(\*|\?|([A-Za-z0-9]+)(-([A-Za-z0-9]+))?)(\/([1-9]\d*))?$/.exec(item);
    const wrong = `'${item}' is not a valid ${field.name}`;
    if (!match) return wrong;
    const any = match[1] === '*' || match[1] === '?';
    const from = any ? field.min : numberOf(match[2] ?? '', field);
    // As in the controller's parser, a single number with a step runs to the end of the range: `5/15`.
    const to = any || (match[6] && !match[4]) ? field.max : match[4] ? numberOf(match[4], field) : from;
    if (from === undefined || to === undefined || from > to) return `${wrong} (${field.min} to ${field.max})`;
    for (let value = from; value <= to; value += Number(match[6] ?? 1)) found.add(value);
  }
  return found;
}

function numberOf(text: string, { min, max, words }: Field): number | undefined {
  const word = words?.indexOf(text.toUpperCase()) ?? -1;
  if (word >= 0) return word + min;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

const timeZones = new Map<string, boolean>();

/** Whether Node knows the time zone. Cached: the lookup takes a fifth of a millisecond and a lot of memory. */
export function isTimeZone(name: string): boolean {
  const known = timeZones.get(name) ?? isKnownToIntl(name);
  timeZones.set(name, known);
  return known;
}

function isKnownToIntl(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return name !== '' && !/^[+-]/.test(name);
  } catch {
    return false;
  }
}

/** The years to look at: enough to see every kind of clock change, and fixed, so that the result never depends on the date. */
const YEARS = [2025, 2026, 2027, 2028, 2029, 2030];

/**
 * The first run that is lost because clocks go forward, such as `02:30` in Berlin.
 * A day is lost only if all its runs are in the skipped hour.
 */
export function firstSkippedRun(fields: CronFields, timeZone: string): string | undefined {
  const [minutes, hours, days, months, weekdays] = fields;
  for (const gap of gapsOf(timeZone)) {
    if (!months.has(gap.month) || !days.has(gap.day) || !weekdays.has(gap.weekday)) continue;
    const times = [...hours].flatMap((hour) => [...minutes].map((minute) => hour * 60 + minute));
    const lost = times.filter((time) => time >= gap.from && time < gap.to);
    // If other runs of that day remain, as with `0 * * * *`, the next one makes up for it.
    if (lost.length > 0 && lost.length === times.length) return `${gap.date} ${clock(lost[0] ?? 0)}`;
  }
  return undefined;
}

interface Gap {
  readonly date: string;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  /** Minutes of the day. */
  readonly from: number;
  readonly to: number;
}

const known = new Map<string, readonly Gap[]>();

function gapsOf(timeZone: string): readonly Gap[] {
  const seen = known.get(timeZone);
  if (seen) return seen;
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  const gaps: Gap[] = [];
  const end = Date.UTC((YEARS.at(-1) ?? 0) + 1, 0, 1);
  let before = offsetAt(format, Date.UTC(YEARS[0] ?? 0, 0, 1));
  for (let at = Date.UTC(YEARS[0] ?? 0, 0, 1); at < end; at += STEP) {
    const jump = offsetAt(format, at + STEP) - before;
    if (jump > 0) gaps.push(gapBefore(changeIn(format, at, before) + before * 60_000, jump));
    before += jump;
  }
  known.set(timeZone, gaps);
  return gaps;
}

const DAY = 86_400_000;
/** No time zone changes twice within this time: where clocks go back for Ramadan, they do so for a month. */
const STEP = 14 * DAY;
const QUARTER = 900_000;

/** The first quarter of an hour after a time in which the time zone has another offset. */
function changeIn(format: Intl.DateTimeFormat, from: number, before: number): number {
  let at = from;
  while (offsetAt(format, at + DAY) === before) at += DAY;
  while (offsetAt(format, at) === before) at += QUARTER;
  return at;
}

/** Minutes that a zone is ahead of UTC. */
function offsetAt(format: Intl.DateTimeFormat, at: number): number {
  const [day, month, year, hours, minutes] = format
    .format(at)
    .split(/[/:, ]+/)
    .map(Number);
  return (Date.UTC(year ?? 0, (month ?? 1) - 1, day, hours, minutes) - at) / 60_000;
}

function gapBefore(local: number, minutes: number): Gap {
  const at = new Date(local);
  const from = at.getUTCHours() * 60 + at.getUTCMinutes();
  return {
    date: at.toISOString().slice(0, 10),
    month: at.getUTCMonth() + 1,
    day: at.getUTCDate(),
    weekday: at.getUTCDay(),
    from,
    to: from + minutes,
  };
}

function clock(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

/** The longest time between two runs of a schedule, whatever the time zone. Seconds. */
export function longestGap([minutes, hours, ...date]: CronFields): number {
  const times = [...hours].flatMap((hour) => [...minutes].map((minute) => hour * 3600 + minute * 60)).sort((a, b) => a - b);
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const within = Math.max(0, ...times.map((time, index) => time - (times[index - 1] ?? time)));
  return Math.max(within, (daysBetween(date) * DAY) / 1000 + first - last);
}

/** The cron fields that select days. */
type DateFields = readonly [days: ReadonlySet<number>, months: ReadonlySet<number>, weekdays: ReadonlySet<number>];

const between = new Map<string, number>();

/** The most days between two days with runs. Cached: a thousand sources share few patterns, and each takes a walk through years. */
function daysBetween(fields: DateFields): number {
  const key = fields.map((field) => [...field].join()).join(' ');
  const seen = between.get(key) ?? walk(fields);
  between.set(key, seen);
  return seen;
}

function walk(fields: DateFields): number {
  const [start, end] = [Date.UTC(YEARS[0] ?? 0, 0, 1), Date.UTC(YEARS.at(-1) ?? 0, 0, 1)];
  let longest = 0;
  // Assumes a run right before and right after these years: a schedule for 29 February runs only once within them.
  let before = start - DAY;
  for (let day = start; day <= end; day += DAY) {
    if (day < end && !runsOn(fields, new Date(day))) continue;
    longest = Math.max(longest, day - before);
    before = day;
  }
  return longest / DAY;
}

/** If both day of month and day of week are restricted, cron runs on either. */
function runsOn([days, months, weekdays]: DateFields, date: Date): boolean {
  if (!months.has(date.getUTCMonth() + 1)) return false;
  const [day, weekday] = [days.has(date.getUTCDate()), weekdays.has(date.getUTCDay())];
  return days.size === 31 || weekdays.size === 7 ? day && weekday : day || weekday;
}
