import type { HostBatch } from '../../core/batch.ts';
import type { LoadedBatch, Loader } from '../../core/loader.ts';
import type { Stage } from '../../core/stage.ts';
import { UsageError } from '../../errors.ts';
import { checkRanks, rankSlice } from '../order/rankSlice.ts';
import type { OrderDescription, Place, SampleOrder } from '../order/sampleOrder.ts';
import { orderHash } from '../order/sampleOrder.ts';
import { BatchSource } from '../workers/batchSource.ts';
import type { Source } from './batchAssembler.ts';
import type { Collate } from './collate.ts';
import { placeOf, placesOf } from './epochPlaces.ts';

/** Description of a loader's order: the sample order and how much of it an epoch uses. */
export interface LoaderOrder extends OrderDescription {
  /** Samples that one epoch consumes; less than `epochSamples` when a remainder is dropped. */
  readonly samplesPerEpoch: number;
}

export interface SampleLoaderOptions {
  /** In the order of `order.datasets`. */
  readonly sources: readonly Source[];
  readonly order: SampleOrder;
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly stage: Stage;
  readonly collate?: Collate | undefined;
  /** Which of `ranks` processes this is: it gets its slice of every batch. Default 0 of 1. */
  readonly rank?: number | undefined;
  readonly ranks?: number | undefined;
  /** Threads that make batches ahead; see `DataLoaderOptions`. Default 0. */
  readonly numWorkers?: number | 'auto' | undefined;
  /** Batches each thread makes ahead. Default 2. */
  readonly prefetch?: number | undefined;
  /** Changes a finished batch; sees where each of its samples came from. */
  readonly finish?: ((batch: HostBatch, places: readonly Place[]) => HostBatch) | undefined;
}

/** The loader behind `DataLoader` and `MultiDatasetModule`: batches of a sample order. */
export class SampleLoader implements Loader {
  readonly batchSize: number;
  readonly samplesPerEpoch: number;
  readonly batchesPerEpoch: number;
  readonly orderHash: string;
  readonly order: LoaderOrder;
  /** True when batches are read in one pass instead of sample by sample. */
  readonly fused: boolean;
  readonly #order: SampleOrder;
  readonly #source: BatchSource;
  readonly #finish: SampleLoaderOptions['finish'];
  readonly #rank: number;
  readonly #ranks: number;

  constructor(options: SampleLoaderOptions) {
    const { order, batchSize, dropLast, rank = 0, ranks = 1 } = options;
    if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
      throw new UsageError(
        'ERR_DATA_BATCH_SIZE',
        `The batch size must be a whole number, at least 1; got ${batchSize}.`,
      );
    }
    this.#order = order;
    this.batchSize = batchSize;
    this.batchesPerEpoch = dropLast
      ? Math.floor(order.length / batchSize)
      : Math.ceil(order.length / batchSize);
    this.samplesPerEpoch = dropLast ? this.batchesPerEpoch * batchSize : order.length;
    if (this.batchesPerEpoch === 0) {
      throw new UsageError(
        'ERR_DATA_BATCH_SIZE',
        `An epoch has ${order.length} samples, too few for one batch of ${batchSize} while the last, incomplete batch is dropped. Lower batch_size or keep the last batch.`,
      );
    }
    this.#rank = rank;
    this.#ranks = ranks;
    checkRanks(rank, ranks, batchSize, this.samplesPerEpoch % batchSize);
    this.#source = new BatchSource({
      ...options,
      samplesPerEpoch: this.samplesPerEpoch,
      span: (position) => this.#span(position, options.stage === 'train'),
    });
    this.fused = this.#source.fused;
    this.#finish = options.finish;
    this.order = { ...order.describe(), samplesPerEpoch: this.samplesPerEpoch };
    this.orderHash = orderHash(this.order);
  }

  /** Where the sample at position `t` comes from; positions skip dropped remainders. */
  place(t: number): Place {
    return placeOf(this.#order, this.samplesPerEpoch, t);
  }

  /** Makes a batch of one sample of each dataset: fails when their samples do not fit together. */
  async probe(): Promise<void> {
    const places = this.order.datasets.map((_, dataset) => ({ dataset, epoch: 0, id: 0 }));
    const batch = await this.#source.assemble(places);
    this.#finish?.(batch, places);
  }

  async *iterate(t: number): AsyncGenerator<LoadedBatch, void, undefined> {
    checkPosition(t);
    const end = this.#epochEnd(t);
    for (let start = t; start < end; start += this.batchSize) {
      const { position, size, consumed } = this.#span(start, true);
      const made = this.#source.batch(start);
      // Awaiting a value that is there already would cost a turn of the event loop a batch.
      const batch = made instanceof Promise ? await made : made;
      const data = this.#finished(batch, position, size);
      yield this.#ranks === 1 ? { data, size } : { data, size, consumed };
      this.#source.returned(start);
    }
  }

  /** Ids of the loader threads that are running. */
  get threadIds(): number[] {
    return this.#source.threadIds;
  }

  /** Ends the loader threads; `iterate` would start them again. */
  dispose(): Promise<void> {
    return this.#source.dispose();
  }

  #finished(batch: HostBatch, start: number, size: number): HostBatch {
    if (this.#finish === undefined) return batch;
    return this.#finish(batch, placesOf(this.#order, this.samplesPerEpoch, start, size));
  }

  #epochEnd(t: number): number {
    return (Math.floor(t / this.samplesPerEpoch) + 1) * this.samplesPerEpoch;
  }

  /**
   * This rank's part of the batch that starts at a position, and what follows that batch: in
   * training, the next epoch after the last one.
   */
  #span(start: number, wraps: boolean): RankSpan {
    const end = this.#epochEnd(start);
    const consumed = Math.min(this.batchSize, end - start);
    const slice = rankSlice({ start, size: consumed }, this.#rank, this.#ranks);
    const next = start + consumed;
    return {
      position: slice.start,
      size: slice.size,
      consumed,
      next: next < end || wraps ? next : null,
    };
  }
}

interface RankSpan {
  readonly position: number;
  readonly size: number;
  /** Samples of the whole batch, over all ranks. */
  readonly consumed: number;
  readonly next: number | null;
}

function checkPosition(t: number): void {
  if (!Number.isSafeInteger(t) || t < 0) {
    throw new UsageError(
      'ERR_DATA_POSITION',
      `A loader position is a whole number of samples, 0 or more; got ${t}.`,
    );
  }
}
