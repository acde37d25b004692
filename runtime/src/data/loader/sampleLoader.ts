import type { HostBatch } from '../../core/batch.ts';
import type { LoadedBatch, Loader, LoaderContext } from '../../core/loader.ts';
import type { Stage } from '../../core/stage.ts';
import { UsageError } from '../../errors.ts';
import { checkRanks, rankSlice } from '../order/rankSlice.ts';
import type { OrderDescription, Place, SampleOrder } from '../order/sampleOrder.ts';
import { orderHash } from '../order/sampleOrder.ts';
import { BatchSource } from '../workers/batchSource.ts';
import type { MadeBatch, Source } from './batchAssembler.ts';
import type { Collate } from './collate.ts';
import { EpochPlaces } from './epochPlaces.ts';
import { FaultLedger, type FaultState } from './faultLedger.ts';
import {
  checkFaults,
  type FaultLimits,
  type FaultPolicy,
  type Replacements,
} from './faultPolicy.ts';

/** Description of a loader's order: the sample order and how much of it an epoch uses. */
export interface LoaderOrder extends OrderDescription {
  /** Samples that one epoch consumes; less than `epochSamples` when a remainder is dropped. */
  readonly samplesPerEpoch: number;
  /** Present when batches are made of similar lengths. */
  readonly buckets?: { readonly batches: number; readonly batchSize: number };
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
  /** What becomes of samples that cannot be read. Default `raise`. */
  readonly faults?: FaultPolicy | undefined;
  readonly faultLimits?: Partial<FaultLimits> | undefined;
  /** Batches whose samples are sorted by length together. Default 0: none. */
  readonly bucketBatches?: number | undefined;
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
  readonly #places: EpochPlaces;
  /** Absent when faults are raised. */
  readonly #ledger: FaultLedger | undefined;
  readonly #source: BatchSource;
  readonly #sources: readonly Source[];
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
    const { bucketBatches = 0 } = options;
    const { samplesPerEpoch } = this;
    const datasets = options.sources.map(({ dataset }) => dataset);
    this.#places = new EpochPlaces({ order, samplesPerEpoch, batchSize, bucketBatches, datasets });
    this.#ledger = openLedger(options, samplesPerEpoch);
    this.#sources = options.sources;
    this.#source = new BatchSource({
      ...options,
      bucketBatches,
      places: this.#places,
      samplesPerEpoch,
      span: (position) => this.#span(position, options.stage === 'train'),
    });
    this.fused = this.#source.fused;
    this.#finish = options.finish;
    this.order = {
      ...order.describe(),
      samplesPerEpoch,
      ...(bucketBatches > 0 && { buckets: { batches: bucketBatches, batchSize } }),
    };
    this.orderHash = orderHash(this.order);
  }

  /** Where the sample at position `t` comes from; positions skip dropped remainders. */
  place(t: number): Place {
    return this.#places.at(t);
  }

  /** Lets the datasets get ready, which fills their caches; `iterate` does it too. */
  async prepare(): Promise<void> {
    for (const { dataset } of this.#sources) await dataset.prepare?.();
  }

  /** Makes a batch of one sample of each dataset: fails when their samples do not fit together. */
  async probe(): Promise<void> {
    const places = this.order.datasets.map((_, dataset) => ({ dataset, epoch: 0, id: 0 }));
    const { data } = await this.#source.assemble(places);
    this.#finish?.(data, places);
  }

  async *iterate(t: number): AsyncGenerator<LoadedBatch, void, undefined> {
    checkPosition(t);
    const end = this.#epochEnd(t);
    await this.prepare();
    this.#ledger?.enter(t);
    try {
      for (let start = t; start < end; start += this.batchSize) {
        const { position, size, consumed } = this.#span(start, true);
        const replacements = this.#ledger?.replacements(position, size);
        let made = this.#source.batch(start, replacements);
        // Awaiting a value that is there already would cost a turn of the event loop a batch.
        let batch = made instanceof Promise ? await made : made;
        if (replacements !== undefined && !isReplaced(batch, replacements)) {
          // A thread could read what could not be read before.
          made = this.#source.assemble(this.#places.of(position, size), replacements);
          batch = made instanceof Promise ? await made : made;
        }
        if (batch.faults.length > 0) this.#accept(batch, position);
        const data = this.#finished(batch.data, position, size);
        yield this.#ranks === 1 ? { data, size } : { data, size, consumed };
        this.#source.returned(start);
      }
    } finally {
      this.#ledger?.leave();
    }
  }

  /** Tells where a run keeps its files, and where lines for people go. */
  attach(context: LoaderContext): void {
    this.#ledger?.attach(context);
    this.#source.start();
  }

  /** Samples that could not be read so far. */
  get faultCount(): number {
    return this.#ledger?.total ?? 0;
  }

  /** What a checkpoint keeps so that the same samples are replaced again; undefined for nothing. */
  faultState(): FaultState | undefined {
    return this.#ledger?.stateDict();
  }

  loadFaultState(state: FaultState): void {
    this.#ledger?.loadStateDict(state);
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
    return this.#finish(batch, this.#places.of(start, size));
  }

  #accept({ faults }: MadeBatch, position: number): void {
    this.#ledger?.accept({ position, faults, placeOf: (slot) => this.#places.at(position + slot) });
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

function openLedger(
  options: SampleLoaderOptions,
  samplesPerEpoch: number,
): FaultLedger | undefined {
  const [policy, limits] = checkFaults(options.faults ?? 'raise', options.faultLimits);
  if (policy === 'raise') return undefined;
  const names = options.sources.map(({ name }) => name);
  return new FaultLedger({ policy, limits, stage: options.stage, names, samplesPerEpoch });
}

/** Whether all that was replaced before has been replaced in the same way. */
function isReplaced({ faults }: MadeBatch, replacements: Replacements): boolean {
  let equal = 0;
  for (const { slot, replacement } of faults) {
    if (replacements.get(slot) === replacement) equal++;
  }
  return equal === replacements.size;
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
