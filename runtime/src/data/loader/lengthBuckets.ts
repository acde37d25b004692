import type { Place } from '../order/sampleOrder.ts';
import { keyedPermutation } from '../order/permutation.ts';
import { Rng } from '../../random/rng.ts';
import type { EpochPlacesOptions } from './epochPlaces.ts';

/** Windows that are kept: a batch may straddle two, and readers may be at two places. */
const kept = 4;

/**
 * Sorts the samples of every `bucketBatches` batches by length, so that those of one batch are of
 * similar length, and shuffles these batches. A window is a pure function of its number: nothing
 * but the position is needed to go on inside one.
 */
export class LengthBuckets {
  readonly #options: EpochPlacesOptions;
  readonly #unsorted: (t: number) => Place;
  readonly #key: Rng;
  // A cache of a pure function: dropping it never changes an answer.
  readonly #windows = new Map<number, readonly Place[]>();

  constructor(options: EpochPlacesOptions, unsorted: (t: number) => Place) {
    this.#options = options;
    this.#unsorted = unsorted;
    this.#key = Rng.fromSeed(options.order.seed).fold('lightbox.data', 'buckets');
  }

  at(t: number): Place {
    const { samplesPerEpoch, batchSize, bucketBatches } = this.#options;
    const epoch = Math.floor(t / samplesPerEpoch);
    const inEpoch = t - epoch * samplesPerEpoch;
    const size = batchSize * bucketBatches;
    const index = Math.floor(inEpoch / size);
    const start = epoch * samplesPerEpoch + index * size;
    let window = this.#windows.get(start);
    if (window === undefined) {
      window = this.#sort(start, Math.min(size, (epoch + 1) * samplesPerEpoch - start), epoch);
      if (this.#windows.size >= kept) {
        this.#windows.delete(this.#windows.keys().next().value as number);
      }
      this.#windows.set(start, window);
    }
    return window[t - start];
  }

  #sort(start: number, size: number, epoch: number): Place[] {
    const { batchSize, datasets, order } = this.#options;
    const places = Array.from({ length: size }, (_, index) => this.#unsorted(start + index));
    const lengths = places.map(({ dataset, id }) => datasets[dataset].lengthOf?.(id) ?? 0);
    // Equal lengths stay in the order they came in, which is shuffled.
    const sorted = places.map((_, index) => index).sort((a, b) => lengths[a] - lengths[b] || a - b);
    const full = Math.floor(size / batchSize);
    const result: Place[] = [];
    const permutation =
      order.shuffle && full > 0 ? keyedPermutation(full, this.#key.fold(epoch, start)) : undefined;
    for (let batch = 0; batch < full; batch++) {
      const from = (permutation?.at(batch) ?? batch) * batchSize;
      for (let index = from; index < from + batchSize; index++) result.push(places[sorted[index]]);
    }
    // An incomplete batch stays the last one of the epoch.
    for (let index = full * batchSize; index < size; index++) result.push(places[sorted[index]]);
    return result;
  }
}
