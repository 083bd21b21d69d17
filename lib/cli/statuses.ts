/** Exit statuses: those of the scripts, and 1 for a check that found something. */
export const STATUS = { done: 0, found: 1, degraded: 10, wrongInput: 64, unavailable: 69, fault: 70, interrupted: 130 } as const;
