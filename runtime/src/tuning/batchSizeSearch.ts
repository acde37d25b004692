import type { BatchSizeMeasure } from './batchSizeTrial.ts';

/** One batch size that was tried. */
export interface BatchSizeTrial {
  readonly size: number;
  /** Null when it failed. */
  readonly measure: BatchSizeMeasure | null;
  /** Why it failed, in words. */
  readonly failure?: string;
}

/** Where growing ends. */
export interface BatchSizeLimits {
  readonly initVal: number;
  readonly maxTrials: number;
  /** Bytes that a trial's process may have. */
  readonly maxBytes: number;
}

/** What to try next, or why nothing more is tried. */
export type BatchSizeStep =
  | { readonly type: 'try'; readonly size: number }
  | { readonly type: 'end'; readonly reason: string };

/** How much less than the best throughput is still as good: the clock is no better than this. */
const tolerance = 0.05;

/** Decides how the search goes on after `trials`: sizes double until something says stop. */
export function nextBatchSize(
  trials: readonly BatchSizeTrial[],
  { initVal, maxTrials, maxBytes }: BatchSizeLimits,
): BatchSizeStep {
  const last = trials.at(-1);
  if (last === undefined) return { type: 'try', size: initVal };
  const end = (reason: string): BatchSizeStep => ({ type: 'end', reason });
  if (last.measure === null) {
    return end(`batch_size ${String(last.size)} failed: ${last.failure ?? 'no reason given'}`);
  }
  if (trials.length >= maxTrials) return end(`max_trials ${String(maxTrials)} reached`);
  if (last.measure.samplesPerBatch < last.size) {
    return end(`the data has no batches of ${String(last.size)}`);
  }
  // Twice the batch takes at most twice what the last doubling added.
  const before = trials.at(-2)?.measure?.peakBytes;
  const { peakBytes } = last.measure;
  const growth = before === undefined ? 0 : Math.max(0, peakBytes - before);
  if (peakBytes + 2 * growth > maxBytes) {
    return end(
      `batch_size ${String(2 * last.size)} would need about ${gigabytes(peakBytes + 2 * growth)} of ${gigabytes(maxBytes)}`,
    );
  }
  return { type: 'try', size: 2 * last.size };
}

/**
 * The size to use: `throughput` is the smallest that is about as fast as the fastest, since small
 * batches learn more from each sample; `largest` is the largest that fits.
 */
export function chooseBatchSize(
  trials: readonly BatchSizeTrial[],
  goal: 'throughput' | 'largest',
): number | null {
  const good = trials.flatMap(({ size, measure }) =>
    measure === null || measure.samplesPerBatch < size ? [] : [{ size, ...measure }],
  );
  if (good.length === 0) return null;
  if (goal === 'largest') return Math.max(...good.map(({ size }) => size));
  const best = Math.max(...good.map(({ samplesPerSecond }) => samplesPerSecond));
  const fast = good.filter(({ samplesPerSecond }) => samplesPerSecond >= (1 - tolerance) * best);
  return Math.min(...fast.map(({ size }) => size));
}

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GB`;
}
