import { firstSkippedRun, isTimeZone, parseCron } from '../units/schedule.ts';
import { isScheduleWord } from '../units/schedule-word.ts';
import type { Diagnostics } from './diagnostics.ts';
import type { Path } from './places.ts';

/** Rejects schedules that the CronJob controller rejects, and runs that a time zone skips. */
export function checkSchedule(
  schedule: string,
  timeZone: string,
  { diagnostics, origin }: { readonly diagnostics: Diagnostics; origin(path: Path): Path },
): void {
  const at = origin(['schedule']);
  if (!isTimeZone(timeZone)) {
    diagnostics.add(origin(['timeZone']), 'unknown time zone', 'use a name of the IANA database, such as Europe/Berlin', timeZone);
    return;
  }
  if (isScheduleWord(schedule)) return;
  const fields = parseCron(schedule);
  if (typeof fields === 'string') {
    diagnostics.add(at, fields, "use five fields, minute first: '0 4 * * *', or @hourly, @daily, @weekly, @monthly or @yearly", schedule);
    return;
  }
  const skipped = firstSkippedRun(fields, timeZone);
  if (skipped)
    diagnostics.add(
      at,
      `${timeZone} skips ${skipped} when clocks go forward, so that day's run is lost`,
      'use an hour that exists every day, or set timeZone: Etc/UTC',
      schedule,
    );
}
