import * as z from 'zod';

const BYTES = { Mi: 1024 ** 2, Gi: 1024 ** 3, Ti: 1024 ** 4 } as const;

/** Written `512Mi`, `20Gi` or `1Ti`, powers of 1024. `20G` is rejected: Kubernetes would read it as powers of 1000. */
export const size = z
  .string({ error: 'expected a size such as 512Mi or 20Gi' })
  .regex(/^[1-9]\d{0,6}(Mi|Gi|Ti)$/, { error: 'expected a size such as 512Mi or 20Gi' });

/** Bytes of a valid size. */
export function bytesOf(text: string): number {
  return Number(text.slice(0, -2)) * BYTES[text.slice(-2) as keyof typeof BYTES];
}
