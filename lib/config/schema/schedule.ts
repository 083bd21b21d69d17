import * as z from 'zod';

export const schedule = z.string({ error: 'expected five cron fields, or @hourly, @daily, @weekly, @monthly or @yearly' }).meta({
  description:
    'Five cron fields in `timeZone`, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. With a word, each source gets its own fixed time, so that not all start at once.',
});
