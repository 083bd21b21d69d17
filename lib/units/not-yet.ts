import * as z from 'zod';

/** A key that this version rejects by name, so that nobody believes it works. */
export function notYet(what: string) {
  return z
    .never({ error: `${what} is not built yet` })
    .optional()
    .meta({ description: `Rejected: ${what} is not built yet.`, notYet: what });
}
