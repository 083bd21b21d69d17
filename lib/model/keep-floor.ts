import type { Keep } from '../config/schema/keep.ts';

const FLOOR = 3;

/** The floor: the number of newest backups that stay whatever the rules say. Count. */
export function floorOf({ last, atLeast, ...keep }: Partial<Keep>): number {
  const alone = !(keep.for ?? keep.daily ?? keep.weekly ?? keep.monthly ?? keep.yearly);
  return atLeast ?? (alone && last !== undefined ? Math.min(last, FLOOR) : FLOOR);
}
