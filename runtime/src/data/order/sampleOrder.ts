import { createHash } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import { Rng } from '../../random/rng.ts';
import { Mixing } from './mixing.ts';
import { keyedPermutation, type Permutation } from './permutation.ts';
import { epochLength, type StopRule } from './stopRule.ts';
import { integerWeights } from './weights.ts';

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
}

export interface SampleOrderOptions {
  readonly datasets: readonly OrderedDataset[];
  /** Default 0. */
  readonly seed?: number;
  /** Default true; false visits each dataset in its own order, still interleaved by weight. */
  readonly shuffle?: boolean;
  /** One weight >= 0 a dataset; default: equal. */
  readonly weights?: readonly number[];
  /** Default `first_exhausted`; for a single dataset every rule but a fixed size is one pass. */
  readonly stop?: StopRule;
}

/** Where a position leads. */
export interface Place {
  /** Index into `datasets`. */
  readonly dataset: number;
  /** Passes over that dataset completed before. */
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
  readonly datasets: readonly {
    readonly name: string;
    readonly size: number;
    readonly weight: number;
    readonly fingerprint: string | null;
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
  readonly weights: readonly number[];
  /** Samples in one epoch, by the stop rule. */
  readonly length: number;
  readonly #mixing: Mixing;
  readonly #shuffleKeys: readonly Rng[];
  readonly #sampleKeys: readonly Rng[];
  readonly #blockKey: Rng;
  // Caches of pure functions: dropping them never changes an answer.
  readonly #permutations: Map<number, Permutation>[];
  #block: { epoch: number; index: number; permutation: Permutation } | undefined;

  constructor(options: SampleOrderOptions) {
    checkDatasets(options.datasets);
    this.options = options;
    this.datasets = options.datasets;
    this.seed = options.seed ?? 0;
    this.shuffle = options.shuffle ?? true;
    this.stop = options.stop ?? 'first_exhausted';
    const names = this.datasets.map(({ name }) => name);
    this.weights = integerWeights(options.weights ?? names.map(() => 1), names);
    this.#mixing = new Mixing(this.weights);
    const sizes = this.datasets.map(({ size }) => size);
    this.length = epochLength(this.#mixing, sizes, this.stop);
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

  /** Samples that one dataset contributes to positions 0 .. t - 1, for `t` at an epoch's end. */
  count(dataset: number, t: number): number {
    return this.datasets.length === 1 ? t : this.#mixing.count(dataset, t);
  }

  describe(): OrderDescription {
    return {
      version: orderVersion,
      seed: this.seed,
      shuffle: this.shuffle,
      block: mixingBlock,
      stop: this.stop,
      epochSamples: this.length,
      datasets: this.datasets.map(({ name, size, fingerprint }, index) => ({
        name,
        size,
        weight: this.weights[index],
        fingerprint: fingerprint ?? null,
      })),
    };
  }

  /** Blocks start anew at each epoch and the last is shorter, so epochs too have exact shares. */
  #mix(t: number): { dataset: number; counter: number } {
    if (!this.shuffle) return this.#mixing.pick(t);
    const epoch = Math.floor(t / this.length);
    const inEpoch = t - epoch * this.length;
    const index = Math.floor(inEpoch / mixingBlock);
    const start = index * mixingBlock;
    let block = this.#block;
    if (block === undefined || block.epoch !== epoch || block.index !== index) {
      const size = Math.min(mixingBlock, this.length - start);
      const permutation = keyedPermutation(size, this.#blockKey.fold(epoch, index));
      block = { epoch, index, permutation };
      this.#block = block;
    }
    return this.#mixing.pick(t - inEpoch + start + block.permutation.at(inEpoch - start));
  }

  #permutation(dataset: number, epoch: number): Permutation {
    const cache = this.#permutations[dataset];
    let permutation = cache.get(epoch);
    if (permutation === undefined) {
      // A block may straddle two passes; more are never in use at once.
      if (cache.size >= 2) cache.delete(cache.keys().next().value as number);
      const key = this.#shuffleKeys[dataset].fold(epoch);
      permutation = keyedPermutation(this.datasets[dataset].size, key);
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
  for (const { name, size } of datasets) {
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
  }
}
