import { STATUS } from './statuses.ts';

/** A request to the cluster failed. Printed without a stack trace. */
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
