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
  checkRank(rank, ranks);
  const from = Math.floor((batch.size * rank) / ranks);
  const to = Math.floor((batch.size * (rank + 1)) / ranks);
  return { start: batch.start + from, size: to - from };
}

/**
 * Checks that every rank gets a sample of every batch: a step without one could not be taken.
 * @param rest samples of the last, incomplete batch of an epoch; 0 when there is none
 * @throws UsageError (ERR_DATA_RANK)
 */
export function checkRanks(rank: number, ranks: number, batchSize: number, rest: number): void {
  checkRank(rank, ranks);
  if (batchSize < ranks) {
    throw new UsageError(
      'ERR_DATA_RANK',
      `Batches of ${batchSize} cannot be shared by ${ranks} ranks; batch_size counts the samples of all ranks together.`,
    );
  }
  if (rest > 0 && rest < ranks) {
    throw new UsageError(
      'ERR_DATA_RANK',
      `The last batch of an epoch has ${rest} samples for ${ranks} ranks, so some would miss a step. Set drop_last: true or another batch_size.`,
    );
  }
}

function checkRank(rank: number, ranks: number): void {
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
}
