import type { LoadedBatch, Loader, LoaderContext } from '../core/loader.ts';
import type { Stage } from '../core/stage.ts';
import { cachedSource } from './cache/cachedSource.ts';
import type { Dataset } from './dataset.ts';
import type { Collate } from './loader/collate.ts';
import type { FaultState } from './loader/faultLedger.ts';
import type { FaultLimits, FaultPolicy } from './loader/faultPolicy.ts';
import { SampleLoader, type LoaderOrder } from './loader/sampleLoader.ts';
import { orderedDataset, SampleOrder, type Place } from './order/sampleOrder.ts';
import type { TransformLike } from './transforms/transform.ts';

export interface DataLoaderOptions<Sample = unknown> {
  readonly dataset: Dataset<Sample>;
  /** Samples a batch. Default 1. */
  readonly batchSize?: number;
  /** What the batches are for. Random transforms are allowed in `train` only. Default `train`. */
  readonly stage?: Stage;
  /** Another order in each epoch. Default: only for stage `train`. */
  readonly shuffle?: boolean;
  /** Decides the order and every random transform. Default 0. */
  readonly seed?: number;
  /** Leaves out the last batch of an epoch when it is smaller. Default false. */
  readonly dropLast?: boolean;
  readonly transform?: TransformLike;
  /**
   * Keeps samples on disk, with the transforms before the first random one, and reads them from
   * there; see `CachedDataset`. Default false.
   */
  readonly enableCache?: boolean;
  /**
   * Threads that make batches ahead of the step, 0 for none. `auto` watches the first batches and
   * starts as many as it takes for steps not to wait, or none where the data cannot go to a thread.
   * Any number gives the same batches. Default 0.
   */
  readonly numWorkers?: number | 'auto';
  /** Batches each thread makes ahead, rounded up to a power of two. Default 2. */
  readonly prefetch?: number;
  /**
   * What becomes of a sample that its dataset or transform fails to give: `raise` ends the run with
   * the error, `substitute` puts another sample of the dataset in its place, drawn from the key of
   * the position, `mask` puts zeros there and adds the field `valid`, float32 [batch], 1 = read,
   * 0 = zeros. Default `raise`.
   */
  readonly faults?: FaultPolicy;
  /**
   * Unreadable samples that are put up with, null for any number. Default
   * `{ perEpoch: 100, consecutive: 10, total: 1000 }`.
   */
  readonly faultLimits?: Partial<FaultLimits>;
  /**
   * Makes batches of samples of similar length: those of so many batches are sorted by length
   * together and the batches shuffled. Needs a dataset with `lengthOf`. Default 0: no sorting.
   */
  readonly bucketBatches?: number;
  /** Default: `collateSamples`. */
  readonly collate?: Collate<Sample>;
  /** Which of `ranks` processes this is: it gets its slice of every batch. Default 0. */
  readonly rank?: number;
  /** Processes that share each batch. Default 1. */
  readonly ranks?: number;
  /** Name in messages and in the order's keys. Default `data`. */
  readonly name?: string;
}

/**
 * Batches of one dataset. The order is a function of the position alone, so there is nothing to
 * rewind or skip: `iterate(t)` starts anywhere at once, and the same `t` always gives the same
 * batches, random transforms included.
 */
export class DataLoader<Sample = unknown> implements Loader {
  readonly batchSize: number;
  readonly batchesPerEpoch: number;
  readonly samplesPerEpoch: number;
  readonly orderHash: string;
  readonly order: LoaderOrder;
  /** True when batches are read in one pass instead of sample by sample. */
  readonly fused: boolean;
  readonly #loader: SampleLoader;

  constructor(options: DataLoaderOptions<Sample>) {
    const { dataset, stage = 'train', batchSize = 1, name = 'data' } = options;
    const source = { name, dataset, transform: options.transform };
    const order = new SampleOrder({
      datasets: [orderedDataset(name, dataset)],
      seed: options.seed ?? 0,
      shuffle: options.shuffle ?? stage === 'train',
    });
    this.#loader = new SampleLoader({
      sources: [options.enableCache === true ? cachedSource(source) : source],
      order,
      batchSize,
      dropLast: options.dropLast ?? false,
      stage,
      collate: options.collate as Collate | undefined,
      rank: options.rank,
      ranks: options.ranks,
      numWorkers: options.numWorkers,
      prefetch: options.prefetch,
      faults: options.faults,
      faultLimits: options.faultLimits,
      bucketBatches: options.bucketBatches,
    });
    this.batchSize = batchSize;
    this.batchesPerEpoch = this.#loader.batchesPerEpoch;
    this.samplesPerEpoch = this.#loader.samplesPerEpoch;
    this.orderHash = this.#loader.orderHash;
    this.order = this.#loader.order;
    this.fused = this.#loader.fused;
  }

  /** Lets the dataset get ready, which fills its cache; `iterate` does it too. */
  prepare(): Promise<void> {
    return this.#loader.prepare();
  }

  iterate(t: number): AsyncIterable<LoadedBatch> {
    return this.#loader.iterate(t);
  }

  /** Ids of the loader threads that are running. */
  get threadIds(): number[] {
    return this.#loader.threadIds;
  }

  /** Tells where a run keeps its files, and where lines for people go. The trainer calls it. */
  attach(context: LoaderContext): void {
    this.#loader.attach(context);
  }

  /** Samples that could not be read so far; one that is replaced again counts once. */
  get faultCount(): number {
    return this.#loader.faultCount;
  }

  /** Kept by `loaderState`. */
  faultState(): FaultState | undefined {
    return this.#loader.faultState();
  }

  /** Put back by `restoreLoader`. */
  loadFaultState(state: FaultState): void {
    this.#loader.loadFaultState(state);
  }

  /** Ends the loader threads. The trainer calls it; without it they end with the process. */
  dispose(): Promise<void> {
    return this.#loader.dispose();
  }

  /** Which sample is at position `t`. */
  place(t: number): Place {
    return this.#loader.place(t);
  }
}
