import { ConfigError } from '../errors.ts';
import { duration } from '../units/duration.ts';

/** The value of `--timeout` in seconds. */
export function secondsOfTimeout(text: string): number {
  const read = duration.safeParse(text);
  if (read.success) return read.data;
  throw new ConfigError([{ path: '--timeout', message: 'not a duration', value: text, hint: 'write 90s, 5m or 1h' }]);
}
