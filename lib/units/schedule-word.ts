import { createHash } from 'node:crypto';

/** Schedule words with their cron fields. The seed spreads minutes, and hours of the early morning. */
const WORDS: Readonly<Record<string, (spread: Spread) => string>> = {
  '@hourly': ({ minute }) => `${minute} * * * *`,
  '@daily': ({ minute, hour }) => `${minute} ${hour} * * *`,
  '@midnight': ({ minute, hour }) => `${minute} ${hour} * * *`,
  '@weekly': ({ minute, hour, weekday }) => `${minute} ${hour} * * ${weekday}`,
  '@monthly': ({ minute, hour, day }) => `${minute} ${hour} ${day} * *`,
  '@yearly': ({ minute, hour, day, month }) => `${minute} ${hour} ${day} ${month} *`,
};

interface Spread {
  readonly minute: number;
  readonly hour: number;
  readonly weekday: number;
  readonly day: number;
  readonly month: number;
}

/**
 * A schedule in five fields. Words become a time that depends on the seed only, so that a hundred sources
 * do not start in the same minute. Hours are 3 to 5, after the hour that most time zones skip in spring.
 */
export function scheduleOf(written: string, seed: string): string {
  return WORDS[written]?.(spreadOf(seed)) ?? written;
}

export function isScheduleWord(written: string): boolean {
  return Object.hasOwn(WORDS, written);
}

function spreadOf(seed: string): Spread {
  const hash = createHash('sha256').update(seed).digest();
  return {
    minute: hash.readUInt16BE(0) % 60,
    hour: 3 + (hash.readUInt16BE(2) % 3),
    weekday: hash.readUInt8(4) % 7,
    day: 1 + (hash.readUInt8(5) % 28),
    month: 1 + (hash.readUInt8(6) % 12),
  };
}
