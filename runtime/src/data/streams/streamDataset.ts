import { UsageError } from '../../errors.ts';
import type { Column } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { defaultInFlight, locate, runningSums, type ShardLayout } from '../order/shardLayout.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';

/** Shards that can only be read forwards: compressed files, downloads, generators. */
export interface ShardSource<Sample = unknown> {
  /** Samples in each shard. */
  readonly lengths: readonly number[];
  /** The samples of a shard from an offset on; called again for another part of it. */
  open(shard: number, offset: number): AsyncIterable<Sample> | Iterable<Sample>;
  /** Hash of the content. With it, a run resumed over changed data is refused. */
  readonly fingerprint?: string | undefined;
  readonly columns?: Readonly<Record<string, Column>> | undefined;
  /** How loader threads rebuild it. */
  recipe?(): Recipe | undefined;
}

export interface StreamDatasetOptions {
  /** Samples of each open shard that are held in memory and shuffled. Default 256. */
  readonly window?: number;
  /** Shards that are open at a time. Default 4. */
  readonly inFlight?: number;
}

/** An opened shard and the offset of the sample that it gives next. */
interface Cursor<Sample> {
  readonly samples: AsyncIterator<Sample> | Iterator<Sample>;
  next: number;
}

/**
 * Streams as a dataset: the shuffle (see `ShardLayout`) stays inside windows of `inFlight` shards
 * times `window` samples, which are read forwards and held. There is no shuffle buffer whose content
 * a checkpoint would have to keep: a resumed run reads the windows of its position again, at most
 * `inFlight * window` samples. Each loader thread reads the whole stream, so threads pay off for
 * costly transforms only.
 */
export class StreamDataset<Sample = unknown> implements Dataset<Sample> {
  readonly length: number;
  readonly shards: ShardLayout;
  readonly #source: ShardSource<Sample>;
  readonly #starts: Float64Array;
  readonly #window: number;
  /** Windows by shard and number, least recently used first. */
  readonly #windows = new Map<string, Promise<Sample[]>>();
  readonly #cursors = new Map<number, Promise<Cursor<Sample> | undefined>>();
  readonly #kept: number;

  constructor(source: ShardSource<Sample>, options: StreamDatasetOptions = {}) {
    const { window = 256, inFlight = defaultInFlight } = options;
    this.#source = source;
    this.#starts = runningSums(source.lengths);
    this.length = this.#starts[source.lengths.length];
    this.#window = window;
    this.shards = { lengths: source.lengths, inFlight, window };
    // A batch may lie in two rounds of windows.
    this.#kept = 2 * inFlight;
  }

  get fingerprint(): string | undefined {
    return this.#source.fingerprint;
  }

  get columns(): Readonly<Record<string, Column>> | undefined {
    return this.#source.columns;
  }

  async get(index: number): Promise<Sample> {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`Sample ${index} of ${this.length}.`);
    }
    const { shard, offset } = locate(this.#starts, index);
    const number = Math.floor(offset / this.#window);
    const samples = await this.#open(shard, number);
    return samples[offset - number * this.#window];
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<StreamDataset<Sample>>(this, StreamDataset, ['get'], () => ({
      module: import.meta.url,
      name: 'StreamDataset',
      args: [this.#source, { window: this.#window, inFlight: this.shards.inFlight }],
    }));
  }

  #open(shard: number, number: number): Promise<Sample[]> {
    const key = `${shard} ${number}`;
    const known = this.#windows.get(key);
    const window = known ?? this.#read(shard, number);
    this.#windows.delete(key);
    this.#windows.set(key, window);
    // One that could not be read is tried again when it is asked for again.
    if (known === undefined) window.catch(() => this.#windows.delete(key));
    if (this.#windows.size > this.#kept) {
      this.#windows.delete(this.#windows.keys().next().value as string);
    }
    return window;
  }

  /** Reads a window behind whatever else is being read of its shard. */
  async #read(shard: number, number: number): Promise<Sample[]> {
    const before = this.#cursors.get(shard);
    const samples = (async () => this.#readFrom(await before, shard, number * this.#window))();
    const after = samples.then(
      ({ cursor }) => cursor,
      () => undefined,
    );
    this.#cursors.set(shard, after);
    const { window, cursor } = await samples;
    if (cursor.next === this.#source.lengths[shard] && this.#cursors.get(shard) === after) {
      this.#cursors.delete(shard);
    }
    return window;
  }

  async #readFrom(
    before: Cursor<Sample> | undefined,
    shard: number,
    offset: number,
  ): Promise<{ window: Sample[]; cursor: Cursor<Sample> }> {
    const length = this.#source.lengths[shard];
    const count = Math.min(this.#window, length - offset);
    if (before !== undefined && before.next !== offset) await before.samples.return?.();
    const cursor =
      before?.next === offset
        ? before
        : { samples: iteratorOf(this.#source.open(shard, offset)), next: offset };
    const window: Sample[] = [];
    while (window.length < count) {
      const result: IteratorResult<Sample, unknown> = await cursor.samples.next();
      if (result.done === true) throw shortShard(shard, cursor.next, length);
      window.push(result.value);
      cursor.next++;
    }
    if (cursor.next === length) await cursor.samples.return?.();
    return { window, cursor };
  }
}

function iteratorOf<Sample>(
  samples: AsyncIterable<Sample> | Iterable<Sample>,
): AsyncIterator<Sample> | Iterator<Sample> {
  return Symbol.asyncIterator in samples
    ? samples[Symbol.asyncIterator]()
    : samples[Symbol.iterator]();
}

function shortShard(shard: number, offset: number, expected: number): UsageError {
  return new UsageError(
    'ERR_DATA_SHARDS',
    `Shard ${shard} has no sample ${offset}, but its length is given as ${expected}. Correct the lengths of the source.`,
  );
}
