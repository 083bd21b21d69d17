import { STATUS } from './statuses.ts';

/** The cluster did not do what was asked of it: printed without a stack trace. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError';

  constructor(
    message: string,
    readonly hint: string,
    readonly status: number = STATUS.unavailable,
  ) {
    super(message);
  }
}
