import { createHash } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import { Rng } from '../../random/rng.ts';
import { drawIndependently } from './independentDraw.ts';
import type { MixPlan } from './mixPlan.ts';
import { planMix, type WeightStage } from './mixSchedule.ts';
import { keyedPermutation, type Permutation } from './permutation.ts';
import { checkShards, defaultInFlight, shardPermutation, type ShardLayout } from './shardLayout.ts';
import type { StopRule } from './stopRule.ts';

/** Raised whenever the same configuration would give another order; old positions are then refused. */
export const orderVersion = 1;

/** Mixed positions are shuffled inside blocks of this many, each with its exact shares. */
export const mixingBlock = 256;

export interface OrderedDataset {
  /** Part of the keys: renaming a dataset reshuffles it, adding another one does not. */
  readonly name: string;
  readonly size: number;
  /** Hash of the content, so that a resume over other data is noticed. */
  readonly fingerprint?: string | undefined;
  /** Pieces that are read one after the other: the shuffle then stays near. */
  readonly shards?: ShardLayout | undefined;
}

/** What an order needs to know of a dataset. */
export function orderedDataset(
  name: string,
  dataset: Omit<OrderedDataset, 'name' | 'size'> & { readonly length: number },
): OrderedDataset {
  const { length, fingerprint, shards } = dataset;
  return { name, size: length, fingerprint, ...(shards && { shards }) };
}

export interface SampleOrderOptions {
  readonly datasets: readonly OrderedDataset[];
  /** Default 0. */
  readonly seed?: number;
  /** Default true; false visits each dataset in its own order, still interleaved by weight. */
  readonly shuffle?: boolean;
  /** One weight >= 0 a dataset; default: equal. */
  readonly weights?: readonly number[];
  /** Weights that change on the way, instead of `weights`; the first stage begins at 0. */
  readonly schedule?: readonly WeightStage[] | undefined;
  /**
   * `exact` (default): shares are exact in every block, no sample repeats within a pass. `iid`:
   * each position draws its dataset and sample independently of all others, with repetition.
   */
  readonly mixing?: MixingKind | undefined;
  /** Default `first_exhausted`; for a single dataset every rule but a fixed size is one pass. */
  readonly stop?: StopRule;
}

export type MixingKind = 'exact' | 'iid';

/** Where a position leads. */
export interface Place {
  /** Index into `datasets`. */
  readonly dataset: number;
  /** Passes over that dataset completed before; independent draws count each as one. */
  readonly epoch: number;
  /** Index of the sample inside the dataset. */
  readonly id: number;
}

export interface SamplePosition extends Place {
  /** Key of this visit's random numbers: unique to (seed, dataset, epoch, id). */
  readonly key: readonly [number, number];
}

/** Plain description of everything that decides the order; `hash` is its fingerprint. */
export interface OrderDescription {
  readonly version: number;
  readonly seed: number;
  readonly shuffle: boolean;
  readonly block: number;
  readonly stop: StopRule;
  readonly epochSamples: number;
  /** Present for `iid` only. */
  readonly mixing?: MixingKind;
  /** Present when weights change: first position and integer weights of each stage. */
  readonly schedule?: readonly (readonly number[])[];
  readonly datasets: readonly {
    readonly name: string;
    readonly size: number;
    readonly weight: number;
    readonly fingerprint: string | null;
    /** Present for datasets in shards. */
    readonly shards?: ShardLayout;
  }[];
}

/**
 * The order of samples as a pure function of the position: position -> (dataset, epoch, id, key),
 * without state, in constant time, the same for any batch size, worker or rank. Positions count
 * samples over all epochs, from 0 to 2^53.
 */
export class SampleOrder {
  /** What it was made of, as plain data: another thread makes an equal order of it. */
  readonly options: SampleOrderOptions;
  readonly datasets: readonly OrderedDataset[];
  readonly seed: number;
  readonly shuffle: boolean;
  readonly stop: StopRule;
  readonly mixing: MixingKind;
  /** Integer weights (of 65,536), of the first stage when they change. */
  readonly weights: readonly number[];
  /** Samples in one epoch, by the stop rule and the first weights. */
  readonly length: number;
  readonly #plan: MixPlan;
  readonly #shuffleKeys: readonly Rng[];
  readonly #sampleKeys: readonly Rng[];
  readonly #blockKey: Rng;
  // Caches of pure functions: dropping them never changes an answer.
  readonly #permutations: Map<number, Permutation>[];
  #block: { start: number; permutation: Permutation } | undefined;

  constructor(options: SampleOrderOptions) {
    checkDatasets(options.datasets);
    this.options = options;
    this.datasets = options.datasets;
    this.seed = options.seed ?? 0;
    this.shuffle = options.shuffle ?? true;
    this.stop = options.stop ?? 'first_exhausted';
    this.mixing = options.mixing ?? 'exact';
    if (this.mixing === 'iid') checkIndependent(this.shuffle, this.stop);
    const names = this.datasets.map(({ name }) => name);
    const { plan, length } = planMix(this.datasets, options, this.stop);
    this.#plan = plan;
    this.weights = plan.stretches[0].weights;
    this.length = length;
    const root = Rng.fromSeed(this.seed).fold('lightbox.data', orderVersion);
    this.#shuffleKeys = names.map((name) => root.fold('shuffle', name));
    this.#sampleKeys = names.map((name) => root.fold('sample', name));
    this.#blockKey = root.fold('mix');
    this.#permutations = names.map(() => new Map<number, Permutation>());
  }

  /** The sample at position `t` (0 .. 2^53) with the key of its random numbers. */
  at(t: number): SamplePosition {
    const place = this.place(t);
    return { ...place, key: this.rng(place).key };
  }

  /** As `at`, without the key. */
  place(t: number): Place {
    if (this.mixing === 'iid') {
      const { weights } = this.#plan.stretches[this.#plan.span(t).index];
      return drawIndependently(this.datasets, weights, this.#blockKey, t);
    }
    const { dataset, counter } =
      this.datasets.length === 1 ? { dataset: 0, counter: t } : this.#mix(t);
    const size = this.datasets[dataset].size;
    const epoch = Math.floor(counter / size);
    const position = counter - epoch * size;
    const id = this.shuffle ? this.#permutation(dataset, epoch).at(position) : position;
    return { dataset, epoch, id };
  }

  /** The random numbers of one visit to a sample; `stream` separates uses that must not interact. */
  rng(place: Place, stream = ''): Rng {
    const key = this.#sampleKeys[place.dataset];
    return stream === ''
      ? key.fold(place.epoch, place.id)
      : key.fold(place.epoch, place.id, stream);
  }

  /**
   * Samples that one dataset contributes to positions 0 .. t - 1, for `t` at an epoch's end; of
   * independent draws the expected number.
   */
  count(dataset: number, t: number): number {
    return this.datasets.length === 1 ? t : this.#plan.count(dataset, t);
  }

  /** Stages of a weight schedule: their first position and integer weights; one without schedule. */
  get stages(): readonly { readonly start: number; readonly weights: readonly number[] }[] {
    return this.options.schedule === undefined
      ? [{ start: 0, weights: this.weights }]
      : this.#plan.stretches;
  }

  describe(): OrderDescription {
    const { stages } = this;
    return {
      version: orderVersion,
      seed: this.seed,
      shuffle: this.shuffle,
      block: mixingBlock,
      stop: this.stop,
      epochSamples: this.length,
      ...(this.mixing === 'exact' ? {} : { mixing: this.mixing }),
      ...(stages.length > 1 && {
        schedule: stages.map(({ start, weights }) => [start, ...weights]),
      }),
      datasets: this.datasets.map(({ name, size, fingerprint, shards }, index) => ({
        name,
        size,
        weight: this.weights[index],
        fingerprint: fingerprint ?? null,
        ...(shards && { shards: describeShards(shards) }),
      })),
    };
  }

  /**
   * Blocks start anew at each epoch and each change of weights, and the last before it is shorter,
   * so epochs and stages too have exact shares.
   */
  #mix(t: number): { dataset: number; counter: number } {
    if (!this.shuffle) return this.#plan.pick(t);
    const epoch = Math.floor(t / this.length);
    const epochStart = epoch * this.length;
    const stretch = this.#plan.span(t);
    const origin = Math.max(epochStart, stretch.start);
    const index = Math.floor((t - origin) / mixingBlock);
    const start = origin + index * mixingBlock;
    let block = this.#block;
    if (block?.start !== start) {
      const size = Math.min(mixingBlock, epochStart + this.length - start, stretch.end - start);
      const key =
        origin === epochStart
          ? this.#blockKey.fold(epoch, index)
          : this.#blockKey.fold(epoch, index, stretch.index);
      block = { start, permutation: keyedPermutation(size, key) };
      this.#block = block;
    }
    return this.#plan.pick(start + block.permutation.at(t - start));
  }

  #permutation(dataset: number, epoch: number): Permutation {
    const cache = this.#permutations[dataset];
    let permutation = cache.get(epoch);
    if (permutation === undefined) {
      // A block may straddle two passes; more are never in use at once.
      if (cache.size >= 2) cache.delete(cache.keys().next().value as number);
      const key = this.#shuffleKeys[dataset].fold(epoch);
      const { size, shards } = this.datasets[dataset];
      permutation = shards ? shardPermutation(shards, key) : keyedPermutation(size, key);
      cache.set(epoch, permutation);
    }
    return permutation;
  }
}

/** sha256 over a description, 64 hexadecimal digits. */
export function orderHash(description: object): string {
  return createHash('sha256').update(JSON.stringify(description)).digest('hex');
}

function checkDatasets(datasets: readonly OrderedDataset[]): void {
  if (datasets.length === 0) throw new UsageError('ERR_DATA_EMPTY', 'No dataset was given.');
  const seen = new Set<string>();
  for (const { name, size, shards } of datasets) {
    if (size === 0) {
      throw new UsageError('ERR_DATA_EMPTY', `Dataset "${name}" is empty: it has no sample.`);
    }
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new UsageError('ERR_DATA_SIZE', `Dataset "${name}" reports the length ${size}.`);
    }
    if (seen.has(name)) {
      throw new UsageError('ERR_DATA_NAME', `Two datasets are called "${name}".`);
    }
    seen.add(name);
    if (shards !== undefined) checkShards(name, size, shards);
  }
}

function checkIndependent(shuffle: boolean, stop: StopRule): void {
  const clash = !shuffle ? 'without shuffle' : `with stop ${JSON.stringify(stop)}`;
  if (shuffle && stop !== 'all_exhausted_without_replacement') return;
  throw new UsageError(
    'ERR_DATA_MIXING',
    `mixing: iid draws every sample independently, which does not go ${clash}. Use mixing: exact.`,
  );
}

function describeShards({ lengths, inFlight, window }: ShardLayout): ShardLayout {
  return { lengths, inFlight: inFlight ?? defaultInFlight, ...(window && { window }) };
}
