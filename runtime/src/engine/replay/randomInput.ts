import * as tf from '@tensorflow/tfjs-core';
import type { Entry, Values } from '../ort/entry.ts';

/** Makes the values of a random tensor from the number that `Math.random` gave for it. */
export type RandomInput = (seed: number) => Values;

type Shape = readonly number[];
type Family = (shape: Shape, shift: number, scale: number, seed: number) => tf.Tensor;

// tfjs's own generators: with a seed they give what they give for the same number drawn.
const families: readonly Family[] = [
  (shape, shift, scale, seed) =>
    tf.randomUniform([...shape], shift, shift + scale, 'float32', seed),
  (shape, shift, scale, seed) => tf.randomNormal([...shape], shift, scale, 'float32', seed),
  (shape, shift, scale, seed) => tf.truncatedNormal([...shape], shift, scale, 'float32', seed),
];

/**
 * Finds out how tfjs made this random tensor: uniform or normal, with any mean and width.
 * @returns null when no generator gives these very values
 */
export function explainRandom(
  { dtype, shape }: Entry,
  values: Values,
  seed: number,
): RandomInput | null {
  if (dtype !== 'float32' || seed === 0) return null;
  for (const family of families) {
    const [shift, scale] = fitted(family, shape, values, seed);
    const make: RandomInput = (newSeed) => valuesOf(family(shape, shift, scale, newSeed));
    if (sameBits(make(seed), values)) return make;
  }
  return null;
}

/** Shift and width that turn the standard tensor into this one, as a person would write them. */
function fitted(family: Family, shape: Shape, values: Values, seed: number): [number, number] {
  const standard = valuesOf(family(shape, 0, 1, seed));
  if (sameBits(standard, values)) return [0, 1];
  const other = values.findIndex((_, index) => standard[index] !== standard[0]);
  if (other < 1) return [0, 1];
  const scale = (values[other] - values[0]) / (standard[other] - standard[0]);
  const shift = values[0] - scale * standard[0];
  return [short(shift), short(scale)];
}

function short(value: number): number {
  return Math.abs(value) < 1e-6 ? 0 : Number(value.toPrecision(5));
}

function valuesOf(tensor: tf.Tensor): Values {
  const values = tensor.dataSync();
  tensor.dispose();
  return values;
}

/** Equal element by element; NaN equals NaN. */
export function sameBits(a: Values, b: Values): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) {
    if (!Object.is(a[index], b[index])) return false;
  }
  return true;
}
