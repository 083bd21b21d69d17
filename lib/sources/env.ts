import type { Env } from '../pod.ts';

/** A list in the form that scripts read: one entry a line. An empty list has no variable. */
export function lines(name: string, list: readonly string[]): Env {
  return list.length === 0 ? {} : { [name]: list.join('\n') };
}
