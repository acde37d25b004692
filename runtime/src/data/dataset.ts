import type { BatchReader, Column, ImageKernel } from './batchReader.ts';
import type { ShardLayout } from './order/shardLayout.ts';
import type { Recipe } from './workers/recipe.ts';

/**
 * Samples by index. Anything with a length and `get` will do; the rest makes it faster or safer.
 * Samples are nested objects and arrays of numbers, booleans, strings, typed arrays and host tensors.
 */
export interface Dataset<Sample = unknown> {
  readonly length: number;
  /** @param index 0 .. length - 1; the same index must always give the same sample */
  get(index: number): Sample | Promise<Sample>;
  /** Hash of the content. With it, a run resumed over changed data is refused. */
  readonly fingerprint?: string | undefined;
  /** Fields of a sample with their type and shape; plain numbers are then collated as that type. */
  readonly columns?: Readonly<Record<string, Column>> | undefined;
  /**
   * Reads whole batches into given arrays, far faster than sample by sample.
   * @param kernels what to do with image fields on the way
   * @returns undefined when this dataset cannot apply one of the kernels
   */
  reader?(kernels?: Readonly<Record<string, ImageKernel>>): BatchReader | undefined;
  /** Samples that are frames: the length of each episode, in order; they sum to `length`. */
  readonly episodes?: readonly number[] | undefined;
  /** Samples in pieces that are best read one after the other; their lengths sum to `length`. */
  readonly shards?: ShardLayout | undefined;
  /** Length of a sample without reading it, in whatever unit; batches of similar lengths need it. */
  lengthOf?(index: number): number;
  /** Called by loaders before the first sample: fills a cache, for example. */
  prepare?(): Promise<void>;
  /** How loader threads (`num_workers`) rebuild it; without one it stays in the training thread. */
  recipe?(): Recipe | undefined;
}

/** The sample type of a dataset. */
export type SampleOf<D> = D extends Dataset<infer Sample> ? Sample : never;

export function isDataset(value: unknown): value is Dataset {
  return (
    typeof value === 'object' &&
    value !== null &&
    'length' in value &&
    typeof value.length === 'number' &&
    'get' in value &&
    typeof value.get === 'function'
  );
}
