import type { LoadedBatch, Loader } from '../core/loader.ts';
import { Rng } from '../random/index.ts';

/** Options of `tinyLoader`. */
export interface TinyLoaderOptions {
  readonly samples?: number;
  readonly batchSize?: number;
  readonly inputs?: number;
  readonly shuffle?: boolean;
  readonly seed?: number;
  /** Says that it has no known length, though it ends. */
  readonly unknownLength?: boolean;
}

/** Batches `{x, y}` for `TinyModule` from a fixed function; the order is a function of `t` alone. */
export function tinyLoader(options: TinyLoaderOptions = {}): Loader {
  const { samples = 20, batchSize = 4, inputs = 3, shuffle = true, seed = 0 } = options;
  const known = options.unknownLength !== true;
  const batches = Math.ceil(samples / batchSize);
  return {
    batchSize,
    batchesPerEpoch: known ? batches : null,
    samplesPerEpoch: known ? samples : null,
    orderHash: JSON.stringify({ samples, inputs, shuffle, seed }),
    async *iterate(t: number) {
      const epoch = Math.floor(t / samples);
      const order = shuffle ? shuffled(samples, Rng.fromSeed(seed).fold('epoch', epoch)) : null;
      for (let start = t % samples; start < samples; start += batchSize) {
        const size = Math.min(batchSize, samples - start);
        const ids = Array.from(
          { length: size },
          (_, index) => order?.[start + index] ?? start + index,
        );
        await Promise.resolve();
        yield makeBatch(ids, inputs);
      }
    },
  };
}

function makeBatch(ids: readonly number[], inputs: number): LoadedBatch {
  const x = new Float32Array(ids.length * inputs);
  const y = new Float32Array(ids.length);
  ids.forEach((id, row) => {
    const rng = Rng.fromSeed(1000 + id);
    for (let column = 0; column < inputs; column++) {
      const value = rng.normal();
      x[row * inputs + column] = value;
      y[row] += value / (column + 1);
    }
  });
  return {
    size: ids.length,
    data: {
      x: { data: x, shape: [ids.length, inputs], dtype: 'float32' },
      y: { data: y, shape: [ids.length, 1], dtype: 'float32' },
    },
  };
}

function shuffled(count: number, rng: Rng): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let index = count - 1; index > 0; index--) {
    const other = rng.int(index + 1);
    [order[index], order[other]] = [order[other], order[index]];
  }
  return order;
}
