import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

/**
 * tfjs-layers' orthogonal initializer for matrices, without its thousands of operations and its
 * warning on the console: the same random numbers give the same matrix.
 */
export function quickOrthogonal(): ReturnType<typeof tfl.initializers.orthogonal> {
  const initializer = tfl.initializers.orthogonal({ gain: 1 });
  // A weight's shape is known in full.
  initializer.apply = (shape) => orthogonal(shape as number[]);
  return initializer;
}

/** Rows (or columns, where there are fewer) of length one at right angles. */
function orthogonal([rows, columns]: readonly number[]): tf.Tensor {
  const [long, short] = [Math.max(rows, columns), Math.min(rows, columns)];
  const values = tf.tidy(() => tf.randomNormal([long, short]).dataSync());
  const vectors = Array.from({ length: short }, (_, column) =>
    Float64Array.from({ length: long }, (_element, row) => values[row * short + column]),
  );
  orthonormalize(vectors);
  const result = new Float32Array(rows * columns);
  for (const [index, vector] of vectors.entries()) {
    for (const [position, value] of vector.entries()) {
      const at = rows < columns ? index * columns + position : position * columns + index;
      result[at] = value;
    }
  }
  return tf.tensor(result, [rows, columns]);
}

/** Gram and Schmidt's method, twice: once leaves rounding errors of nearly parallel vectors. */
function orthonormalize(vectors: readonly Float64Array[]): void {
  for (const [index, vector] of vectors.entries()) {
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < index; other++) {
        addScaled(vector, vectors[other], -dot(vector, vectors[other]));
      }
    }
    const length = Math.sqrt(dot(vector, vector));
    for (let position = 0; position < vector.length; position++) vector[position] /= length;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index] * b[index];
  return sum;
}

function addScaled(target: Float64Array, vector: Float64Array, factor: number): void {
  for (let index = 0; index < target.length; index++) target[index] += factor * vector[index];
}
