import * as z from 'zod';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Written `90s`, `30m`, `6h` or `7d`; read as seconds, never written as a bare number. */
export const duration = z
  .string({ error: 'expected a duration such as 30m, 6h or 7d' })
  .regex(/^[1-9]\d{0,5}[smhd]$/, { error: 'expected a duration such as 30m, 6h or 7d' })
  .transform(secondsOf);

/** Seconds of a valid duration. */
export function secondsOf(text: string): number {
  return Number(text.slice(0, -1)) * SECONDS[text.slice(-1) as keyof typeof SECONDS];
}
