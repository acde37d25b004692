import { Rng } from 'lightbox-runtime';
import { TensorDataset } from 'lightbox-runtime/data';

/** Numbers in each sample. */
export const inputs = 4;

/** Which samples to make: the same answers give the same samples. */
export interface Making {
  readonly samples: number;
  /** Deviation of what is added to each target, which no model can know. */
  readonly noise: number;
  /** Parts of the data have names of their own, so that they share no sample. */
  readonly name: string;
  readonly seed: number;
}

/**
 * Made data, so that everything runs before there is any: a function of four numbers, and noise.
 * Yours: read your own here. Whatever has `length` and `get(index)` is a data set; arrays that fit
 * into memory make a `TensorDataset`, files of images, tables or text have classes in
 * `lightbox-runtime/data`.
 */
export function madeSamples({ samples, noise, name, seed }: Making): TensorDataset {
  const rng = Rng.fromSeed(seed).fold('made samples', name);
  const x = new Float32Array(samples * inputs);
  const y = new Float32Array(samples);
  for (let sample = 0; sample < samples; sample++) {
    const values = Array.from({ length: inputs }, () => 2 * rng.uniform() - 1);
    x.set(values, sample * inputs);
    y[sample] = wanted(values) + noise * rng.normal();
  }
  return new TensorDataset({ x: { data: x, shape: [samples, inputs], dtype: 'float32' }, y });
}

/** What the model is to find out. */
export function wanted([a, b, c, d]: readonly number[]): number {
  return Math.sin(3 * a) + b * c - d * d;
}
