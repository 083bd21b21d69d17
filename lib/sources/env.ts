import type { Env } from '../pod.ts';

/** A list as a script reads it: one entry a line, and no variable for an empty one. */
export function lines(name: string, list: readonly string[]): Env {
  return list.length === 0 ? {} : { [name]: list.join('\n') };
}
