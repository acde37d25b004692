import { weightTotal } from './weights.ts';

// Taken out of the global object once: inside jest's sandbox each look-up there is slow.
const { floor } = Math;

/**
 * Interleaves datasets by integer weights without any running state. The positions are halved over
 * the list of datasets again and again: of the first `n` positions of a group, floor(n * left / all)
 * belong to its left half. So exactly one dataset's count rises at every position, the counts
 * always sum to the position, and each stays within `ceil(log2(datasets)) + 1` of its exact share.
 */
export class Mixing {
  readonly weights: readonly number[];
  readonly #prefix: Float64Array;

  /** @param weights integers that sum to 65,536 (see `integerWeights`) */
  constructor(weights: readonly number[]) {
    this.weights = weights;
    this.#prefix = new Float64Array(weights.length + 1);
    weights.forEach((weight, index) => {
      this.#prefix[index + 1] = this.#prefix[index] + weight;
    });
    if (this.#prefix[weights.length] !== weightTotal) {
      throw new RangeError(`Mixing weights must sum to ${weightTotal}.`);
    }
  }

  /** Which dataset position `t` belongs to, and how many samples of it came before. */
  pick(t: number): { dataset: number; counter: number } {
    let low = 0;
    let high = this.weights.length;
    let counter = t;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      const all = this.#prefix[high] - this.#prefix[low];
      const left = this.#prefix[middle] - this.#prefix[low];
      const before = floorShare(counter, left, all);
      if (floorShare(counter + 1, left, all) > before) {
        high = middle;
        counter = before;
      } else {
        low = middle;
        counter -= before;
      }
    }
    return { dataset: low, counter };
  }

  /** Samples of `dataset` among the first `t` positions. */
  count(dataset: number, t: number): number {
    let low = 0;
    let high = this.weights.length;
    let counter = t;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      const all = this.#prefix[high] - this.#prefix[low];
      const left = floorShare(counter, this.#prefix[middle] - this.#prefix[low], all);
      if (dataset < middle) {
        high = middle;
        counter = left;
      } else {
        low = middle;
        counter -= left;
      }
    }
    return counter;
  }

  /** The smallest t after which `samples` samples of `dataset` have been drawn; its weight > 0. */
  firstPosition(dataset: number, samples: number): number {
    let low = samples;
    // The count lags behind the exact share by a few samples at most.
    let high = Math.ceil(((samples + 64) * weightTotal) / this.weights[dataset]);
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.count(dataset, middle) >= samples) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** floor(n * part / whole), exact for every safe integer n: the product alone could pass 2^53. */
function floorShare(n: number, part: number, whole: number): number {
  if (whole === 0) return 0;
  const quotient = floor(n / whole);
  return quotient * part + floor(((n - quotient * whole) * part) / whole);
}
