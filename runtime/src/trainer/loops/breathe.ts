import type { Run } from '../run.ts';

/**
 * Milliseconds of computing after which the event loop has its turn: 20 in a second serve keys and
 * signals faster than anybody sees, and a turn after an update that took 6 ms and left the caches
 * cold costs 50 to 100 us, garbage not counted. Whatever waits for data gives turns of its own.
 */
const breathesEvery = 50;

/**
 * Lets timers, signals, keys and finished saves be served between two batches, where that is due.
 * @returns a promise only where it is: most batches need not wait
 * @throws ForcedInterrupt when a second signal asked to end at once
 */
export function breathe(run: Run): Promise<void> | undefined {
  if (run.requests.forced !== null) throw run.requests.forced;
  // A save that is being written needs many turns.
  const busy = run.saver?.busy === true;
  return busy || performance.now() - run.breathedAt >= breathesEvery ? takeTurn(run) : undefined;
}

async function takeTurn(run: Run): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  run.breathedAt = performance.now();
  if (run.requests.forced !== null) throw run.requests.forced;
}
