import { UsageError } from '../../errors.ts';
import type { Dataset } from '../dataset.ts';
import type { Place, SampleOrder } from '../order/sampleOrder.ts';
import { LengthBuckets } from './lengthBuckets.ts';

export interface EpochPlacesOptions {
  readonly order: SampleOrder;
  /** Samples that one epoch consumes; positions skip the remainders that are dropped. */
  readonly samplesPerEpoch: number;
  /** Samples of the batches that are made of similar lengths. */
  readonly batchSize: number;
  /** Batches whose samples are sorted by length together; 0 for none. */
  readonly bucketBatches: number;
  /** In the order of `order.datasets`. */
  readonly datasets: readonly Pick<Dataset, 'lengthOf'>[];
}

/** Which samples come at the positions of a loader. */
export class EpochPlaces {
  readonly #order: SampleOrder;
  readonly #samplesPerEpoch: number;
  readonly #buckets: LengthBuckets | undefined;

  /** @throws UsageError (ERR_DATA_LENGTHS) for buckets of datasets that do not tell lengths */
  constructor(options: EpochPlacesOptions) {
    const { order, samplesPerEpoch, bucketBatches } = options;
    this.#order = order;
    this.#samplesPerEpoch = samplesPerEpoch;
    if (bucketBatches === 0) return;
    checkLengths(options);
    this.#buckets = new LengthBuckets(options, (t) => this.#unsorted(t));
  }

  /** Where the sample at position `t` comes from. */
  at(t: number): Place {
    return this.#buckets === undefined ? this.#unsorted(t) : this.#buckets.at(t);
  }

  /** Places of `size` samples from position `t` on. */
  of(t: number, size: number): Place[] {
    const places = new Array<Place>(size);
    for (let index = 0; index < size; index++) places[index] = this.at(t + index);
    return places;
  }

  #unsorted(t: number): Place {
    const epoch = Math.floor(t / this.#samplesPerEpoch);
    return this.#order.place(epoch * this.#order.length + t - epoch * this.#samplesPerEpoch);
  }
}

function checkLengths({ order, bucketBatches, datasets }: EpochPlacesOptions): void {
  if (!Number.isSafeInteger(bucketBatches) || bucketBatches < 2) {
    throw new UsageError(
      'ERR_DATA_OPTIONS',
      `bucket_batches: expected 0 (no buckets) or a whole number of batches from 2, got ${bucketBatches}.`,
    );
  }
  const missing = datasets.findIndex(({ lengthOf }) => lengthOf === undefined);
  if (missing === -1) return;
  throw new UsageError(
    'ERR_DATA_LENGTHS',
    `bucket_batches sorts samples by length, but dataset "${order.datasets[missing].name}" has no method lengthOf(index). ` +
      'Add one that tells the length of a sample without reading it.',
  );
}
