import { UsageError } from '../../errors.ts';
import type { Rng } from '../../random/rng.ts';
import { keyedPermutation, type Permutation } from './permutation.ts';

/** A dataset in pieces (files, archives) that are best read one after the other. */
export interface ShardLayout {
  /** Samples of each shard; a sample's index counts through all shards, end to end. */
  readonly lengths: readonly number[];
  /** Shards whose samples are shuffled together, and so are open at a time. Default 4. */
  readonly inFlight?: number | undefined;
  /**
   * For shards that can only be read forwards: at most this many samples of each open shard are
   * shuffled together. Default: any.
   */
  readonly window?: number | undefined;
}

export const defaultInFlight = 4;

/**
 * A shuffle that stays near: the shards are permuted, then the samples inside each group of
 * `inFlight` consecutive shards (within windows of each, if the layout has windows). Every sample
 * comes once; a position is answered by two binary searches.
 */
export function shardPermutation(layout: ShardLayout, rng: Rng): Permutation {
  const { lengths, inFlight = defaultInFlight } = layout;
  const window = layout.window ?? Infinity;
  const starts = runningSums(lengths);
  const order = keyedPermutation(lengths.length, rng.fold('shards'));
  const groups = Array.from({ length: Math.ceil(lengths.length / inFlight) }, (_, group) => {
    const size = Math.min(inFlight, lengths.length - group * inFlight);
    return Array.from({ length: size }, (_, index) => order.at(group * inFlight + index));
  });
  const groupStarts = runningSums(
    groups.map((shards) => shards.reduce((sum, shard) => sum + lengths[shard], 0)),
  );
  // A cache of a pure function: positions are mostly asked in rising order.
  let last: { group: number; round: number; permutation: Permutation } | undefined;
  return {
    size: starts[lengths.length],
    at(position) {
      const group = findRange(groupStarts, position);
      const shards = groups[group];
      const inGroup = position - groupStarts[group];
      const round = findRound(shards, lengths, window, inGroup);
      const before = samplesBefore(shards, lengths, round * window);
      const size = samplesBefore(shards, lengths, (round + 1) * window) - before;
      if (last?.group !== group || last.round !== round) {
        const permutation = keyedPermutation(size, rng.fold('window', group, round));
        last = { group, round, permutation };
      }
      let rest = last.permutation.at(inGroup - before);
      const from = round === 0 ? 0 : round * window;
      for (const shard of shards) {
        const share = Math.max(0, Math.min(window, lengths[shard] - from));
        if (rest < share) return starts[shard] + from + rest;
        rest -= share;
      }
      throw new RangeError(`Position ${position} of ${starts[lengths.length]}.`);
    },
  };
}

/** @throws UsageError (ERR_DATA_SHARDS) naming the dataset, for lengths that do not fit it */
export function checkShards(name: string, size: number, layout: ShardLayout): void {
  const { lengths, inFlight = defaultInFlight, window = 1 } = layout;
  const fail = (problem: string): never => {
    throw new UsageError('ERR_DATA_SHARDS', `The shards of dataset "${name}": ${problem}.`);
  };
  const bad = lengths.findIndex((length) => !Number.isSafeInteger(length) || length < 0);
  if (bad >= 0) fail(`shard ${bad} reports the length ${lengths[bad]}`);
  const sum = lengths.reduce((total, length) => total + length, 0);
  if (sum !== size) fail(`their lengths sum to ${sum}, but the dataset has ${size} samples`);
  for (const [what, value] of Object.entries({ inFlight, window })) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    fail(`${what} must be a whole number, at least 1; got ${value}`);
  }
}

/** Shard and offset in it of the sample with an index, given the sums of `shardStarts`. */
export function locate(starts: Float64Array, index: number): { shard: number; offset: number } {
  const shard = findRange(starts, index);
  return { shard, offset: index - starts[shard] };
}

/** Index of each shard's first sample, and behind them the number of all samples. */
export function runningSums(lengths: readonly number[]): Float64Array {
  const sums = new Float64Array(lengths.length + 1);
  lengths.forEach((length, index) => {
    sums[index + 1] = sums[index] + length;
  });
  return sums;
}

/** Which of the ranges that begin at `starts` holds a value; empty ranges hold none. */
function findRange(starts: Float64Array, value: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (starts[middle] <= value) low = middle;
    else high = middle;
  }
  return low;
}

/** Samples of some shards that lie before an offset. */
function samplesBefore(
  shards: readonly number[],
  lengths: readonly number[],
  offset: number,
): number {
  // Infinity times 0: the first round of shards without windows.
  if (Number.isNaN(offset)) return 0;
  return shards.reduce((sum, shard) => sum + Math.min(offset, lengths[shard]), 0);
}

/** The round of windows that holds a position of a group. */
function findRound(
  shards: readonly number[],
  lengths: readonly number[],
  window: number,
  position: number,
): number {
  if (window === Infinity) return 0;
  let low = 0;
  let high = Math.ceil(Math.max(...shards.map((shard) => lengths[shard])) / window);
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (samplesBefore(shards, lengths, middle * window) <= position) low = middle;
    else high = middle;
  }
  return low;
}
