import type { StopRequests } from '../stopRequests.ts';

/**
 * Lets timers, signals, keys and finished saves be served between two batches.
 * @throws ForcedInterrupt when a second signal asked to end at once
 */
export async function breathe({ requests }: { readonly requests: StopRequests }): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (requests.forced !== null) throw requests.forced;
}
