import { UsageError } from '../../errors.ts';

/** A run of consecutive positions. */
export interface PositionSpan {
  readonly start: number;
  readonly size: number;
}

/**
 * The part of a global batch that one rank takes: contiguous, nothing padded or repeated, so the
 * ranks together see exactly the batch, and the number of ranks may change between two batches.
 * Sizes of two ranks differ by one at most; in a batch smaller than `ranks` some take nothing.
 * @param batch positions of the global batch
 * @param rank 0 .. ranks - 1
 * @throws UsageError (ERR_DATA_RANK) for a rank outside of that range
 */
export function rankSlice(batch: PositionSpan, rank: number, ranks: number): PositionSpan {
  if (!Number.isSafeInteger(ranks) || ranks < 1) {
    throw new UsageError(
      'ERR_DATA_RANK',
      `The number of ranks must be a whole number, at least 1; got ${ranks}.`,
    );
  }
  if (!Number.isSafeInteger(rank) || rank < 0 || rank >= ranks) {
    throw new UsageError(
      'ERR_DATA_RANK',
      `A rank must be a whole number from 0 to ${ranks - 1} (of ${ranks} ranks); got ${rank}.`,
    );
  }
  const from = Math.floor((batch.size * rank) / ranks);
  const to = Math.floor((batch.size * (rank + 1)) / ranks);
  return { start: batch.start + from, size: to - from };
}
