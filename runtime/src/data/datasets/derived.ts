import { createHash } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import { Rng } from '../../random/rng.ts';
import type { BatchReader, Column, ImageKernel } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { keyedPermutation } from '../order/permutation.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';

/** An array of samples as a dataset. It has no fingerprint: objects cannot be hashed reliably. */
export class ArrayDataset<Sample> implements Dataset<Sample> {
  readonly length: number;
  readonly #samples: readonly Sample[];

  constructor(samples: readonly Sample[]) {
    this.#samples = samples;
    this.length = samples.length;
  }

  get(index: number): Sample {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`Sample ${index} of ${this.length}.`);
    }
    return this.#samples[index];
  }
}

/** Some samples of another dataset, in the order of `indices`. */
export class Subset<Sample> implements Dataset<Sample> {
  readonly length: number;
  readonly #base: Dataset<Sample>;
  readonly #indices: Int32Array;

  constructor(base: Dataset<Sample>, indices: Int32Array | readonly number[]) {
    this.#base = base;
    this.#indices = Int32Array.from(indices);
    this.length = this.#indices.length;
    const outside = indices.find((index) => !(index >= 0 && index < base.length));
    if (outside !== undefined) {
      throw new UsageError(
        'ERR_DATA_INDEX',
        `A Subset asks for sample ${outside} of a dataset with ${base.length} samples.`,
      );
    }
  }

  get columns(): Readonly<Record<string, Column>> | undefined {
    return this.#base.columns;
  }

  get fingerprint(): string | undefined {
    const base = this.#base.fingerprint;
    if (base === undefined) return undefined;
    return createHash('sha256').update(`subset ${base}\n`).update(this.#indices).digest('hex');
  }

  get(index: number): Sample | Promise<Sample> {
    return this.#base.get(this.#indices[index]);
  }

  async prepare(): Promise<void> {
    await this.#base.prepare?.();
  }

  get lengthOf(): ((index: number) => number) | undefined {
    const base = this.#base;
    if (base.lengthOf === undefined) return undefined;
    return (index) => base.lengthOf?.(this.#indices[index]) ?? 0;
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<Subset<Sample>>(this, Subset, ['get', 'reader'], () => ({
      module: import.meta.url,
      name: 'Subset',
      args: [this.#base, this.#indices],
    }));
  }

  reader(kernels?: Readonly<Record<string, ImageKernel>>): BatchReader | undefined {
    const base = this.#base.reader?.(kernels);
    if (base === undefined) return undefined;
    return {
      columns: base.columns,
      read: (request) => {
        base.read({ ...request, ids: request.ids.map((id) => this.#indices[id]) });
      },
    };
  }
}

/**
 * Splits a dataset at random into parts that share no sample. The same seed and lengths always give
 * the same parts.
 * @param parts lengths that sum to the dataset's, or fractions that sum to 1 (rounded down, the
 *   remainder goes to the first parts)
 */
export function randomSplit<Sample>(
  dataset: Dataset<Sample>,
  parts: readonly number[],
  seed: number,
): Subset<Sample>[] {
  const lengths = splitLengths(dataset.length, parts);
  const key = Rng.fromSeed(seed).fold('lightbox.data', 'split');
  const permutation = keyedPermutation(dataset.length, key);
  let start = 0;
  return lengths.map((length) => {
    const from = start;
    start += length;
    // Sorted, so that reading a part in order walks its file forwards.
    return new Subset(
      dataset,
      Int32Array.from({ length }, (_, index) => permutation.at(from + index)).sort(),
    );
  });
}

/** A dataset whose samples are changed by `change` when they are asked for; nothing is cached. */
export function mapDataset<Sample, Result>(
  dataset: Dataset<Sample>,
  change: (sample: Sample, index: number) => Result,
  options: {
    /** Names what `change` does; without it the result has no fingerprint. */
    readonly fingerprint?: string;
    readonly columns?: Readonly<Record<string, Column>>;
  } = {},
): Dataset<Result> {
  const { fingerprint: name, columns } = options;
  return {
    length: dataset.length,
    columns,
    get fingerprint(): string | undefined {
      const base = dataset.fingerprint;
      if (base === undefined || name === undefined) return undefined;
      return createHash('sha256').update(`map ${base} ${name}`).digest('hex');
    },
    get: (index) => {
      const sample = dataset.get(index);
      return sample instanceof Promise
        ? sample.then((ready: Sample) => change(ready, index))
        : change(sample, index);
    },
  };
}

function splitLengths(total: number, parts: readonly number[]): number[] {
  const sum = parts.reduce((all, part) => all + part, 0);
  const usable = parts.length > 0 && parts.every((part) => Number.isFinite(part) && part >= 0);
  if (usable && sum === total && parts.every(Number.isInteger)) return [...parts];
  if (!usable || Math.abs(sum - 1) > 1e-6) {
    throw new UsageError(
      'ERR_DATA_SPLIT',
      `Cannot split ${total} samples into [${parts.join(', ')}]: expected fractions that sum to 1 or lengths that sum to ${total}, got a sum of ${sum}.`,
    );
  }
  const lengths = parts.map((part) => Math.floor(part * total + 1e-9));
  let missing = total - lengths.reduce((all, length) => all + length, 0);
  for (let index = 0; missing > 0; index = (index + 1) % lengths.length) {
    if (parts[index] === 0) continue;
    lengths[index]++;
    missing--;
  }
  return lengths;
}
