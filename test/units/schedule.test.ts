import { describe, expect, test } from 'vitest';
import { type CronFields, firstSkippedRun, isTimeZone, longestGap, parseCron } from '../../lib/units/schedule.ts';
import { isScheduleWord, scheduleOf } from '../../lib/units/schedule-word.ts';

describe('a schedule', () => {
  test.each([
    ['0 2 * * *', [[0], [2], 31, 12, 7]],
    ['*/15 0-3 1,15 JAN-MAR MON', [[0, 15, 30, 45], [0, 1, 2, 3], [1, 15], [1, 2, 3], [1]]],
    ['5/20 4 ? * sun', [[5, 25, 45], [4], 31, 12, [0]]],
    ['0 3 1 */3 *', [[0], [3], [1], [1, 4, 7, 10], 7]],
  ])('parses %s like the CronJob controller', (schedule, expected) => {
    const fields = parseCron(schedule) as CronFields;
    expect(fields.map((field, index) => (typeof expected[index] === 'number' ? field.size : [...field]))).toEqual(expected);
  });

  test.each([
    ['0 2 * *', 'expected five cron fields, not 4'],
    ['0 24 * * *', "'24' is not a valid hour (0 to 23)"],
    ['60 2 * * *', "'60' is not a valid minute (0 to 59)"],
    ['0 2 0 * *', "'0' is not a valid day of the month (1 to 31)"],
    ['0 2 * * 7', "'7' is not a valid day of the week (0 to 6)"],
    ['0 5-2 * * *', "'5-2' is not a valid hour (0 to 23)"],
    ['0 2 * * MONDAY', "'MONDAY' is not a valid day of the week (0 to 6)"],
    ['*/0 2 * * *', "'*/0' is not a valid minute"],
    ['@every 5m', 'expected five cron fields, not 2'],
    ['TZ=Europe/Berlin 0 2 * * *', 'expected five cron fields, not 6'],
  ])('rejects %s and names the field', (schedule, message) => {
    expect(parseCron(schedule)).toBe(message);
  });

  test.each([
    ['30 2 * * *', 'Europe/Berlin', '2025-03-30 02:30'],
    ['30 2 * * 0', 'America/New_York', '2025-03-09 02:30'],
    ['15 0 * * *', 'Asia/Beirut', '2025-03-30 00:15'],
    ['5 2 * * *', 'Australia/Lord_Howe', '2025-10-05 02:05'],
  ])('%s in %s is skipped when clocks go forward', (schedule, zone, lost) => {
    expect(firstSkippedRun(parseCron(schedule) as CronFields, zone)).toBe(lost);
  });

  test.each([
    ['30 2 * * *', 'Etc/UTC'],
    ['30 2 * * 1', 'Europe/Berlin'],
    ['30 3 * * *', 'Europe/Berlin'],
    ['30 2 * 12 *', 'Europe/Berlin'],
    ['0 * * * *', 'Europe/Berlin'],
    ['35 2 * * *', 'Australia/Lord_Howe'],
  ])('%s in %s loses no day', (schedule, zone) => {
    expect(firstSkippedRun(parseCron(schedule) as CronFields, zone)).toBeUndefined();
  });

  test('knows the time zones of the IANA database', () => {
    expect(['Europe/Berlin', 'Etc/UTC', 'UTC'].map(isTimeZone)).toEqual([true, true, true]);
    expect(['Europe/Bonn', '', '+02:00', 'berlin'].map(isTimeZone)).toEqual([false, false, false, false]);
  });
});

describe('a word for a schedule', () => {
  const seeds = Array.from({ length: 200 }, (_, index) => `prod/source-${index}/daily`);

  test('spreads a word over a minute of its own for each source, the same on every day', () => {
    const times = seeds.map((seed) => scheduleOf('@daily', seed));
    expect(new Set(times).size).toBeGreaterThan(100);
    expect(times.slice(0, 3)).toEqual(['49 3 * * *', '48 4 * * *', '11 5 * * *']);
  });

  test.each(['@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly'])('%s becomes five fields that clock changes never skip', (word) => {
    for (const seed of seeds) {
      const fields = parseCron(scheduleOf(word, seed));
      expect(fields).not.toBeTypeOf('string');
      for (const zone of ['Europe/Berlin', 'America/New_York', 'Asia/Beirut']) expect(firstSkippedRun(fields as CronFields, zone)).toBeUndefined();
    }
  });

  test('@monthly stays within the days that every month has', () => {
    const days = seeds.map((seed) => Number(scheduleOf('@monthly', seed).split(' ')[2]));
    expect(Math.max(...days)).toBeLessThanOrEqual(28);
  });

  test('other schedules stay as they are', () => {
    expect(scheduleOf('0 2 * * *', 'prod/shop/daily')).toBe('0 2 * * *');
    expect(isScheduleWord('@sometimes')).toBe(false);
    expect(isScheduleWord('toString')).toBe(false);
  });
});

describe('the longest time between two runs', () => {
  const [hour, day] = [3600, 86_400];

  test.each([
    ['* * * * *', 60],
    ['*/15 * * * *', 900],
    ['0,10 * * * *', 50 * 60],
    ['0 * * * *', hour],
    ['0 2 * * *', day],
    ['0 0,6 * * *', 18 * hour],
    ['0 9-17 * * *', 16 * hour],
    ['0 2 * * 0', 7 * day],
    ['0 2 * * MON-FRI', 3 * day],
    ['0 9,17 * * MON-FRI', 2 * day + 16 * hour],
    ['0 3 1 * *', 31 * day],
    ['0 3 31 * *', 61 * day],
    ['0 3 1,15 * *', 17 * day],
    ['0 3 1 */3 *', 92 * day],
    ['0 3 1 * MON', 7 * day],
    ['0 3 1 1 *', 366 * day],
  ])('of %s is %s seconds', (schedule, seconds) => {
    expect(longestGap(parseCron(schedule) as CronFields)).toBe(seconds);
  });

  test.each(['0 2 29 2 *', '0 2 31 2 *'])('of %s, which runs once in these years or never, is years', (schedule) => {
    expect(longestGap(parseCron(schedule) as CronFields)).toBeGreaterThan(2 * 365 * day);
  });
});
