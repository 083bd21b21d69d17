import { createHash } from 'node:crypto';

/** Words for a schedule, each with the fields that a seed fills in: what is spread is the minute, and the hour of the small hours. */
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
 * A schedule in five fields: words become a time of their own for each seed, always the same one, so that a hundred
 * sources do not start in one minute. Hours are 3 to 5, past the hour that most zones skip in spring.
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
