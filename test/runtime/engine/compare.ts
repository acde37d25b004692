import { expect } from '@jest/globals';
import { selectBackend } from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';

type Produce = () => tf.Tensor | tf.Tensor[];

/** Runs the same function on `cpu` and on `ort` and returns both results as plain values. */
export async function onBoth(produce: Produce): Promise<{ cpu: Result[]; ort: Result[] }> {
  return { cpu: await resultsOn('cpu', produce), ort: await resultsOn('ort', produce) };
}

/** Expects equal shapes and types, and values within `tolerance` of the largest magnitude. */
export async function expectSame(produce: Produce, tolerance = 1e-4): Promise<void> {
  const { cpu, ort } = await onBoth(produce);
  expect(ort.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
    cpu.map(({ shape, dtype }) => ({ shape, dtype })),
  );
  for (const [index, { values }] of cpu.entries()) {
    expect(difference(ort[index].values, values)).toBeLessThanOrEqual(tolerance);
  }
}

/** Largest difference, relative to the largest expected magnitude (at least 1e-3). */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let largest = 1e-3;
  let worst = 0;
  for (let index = 0; index < expected.length; index++) {
    const [a, b] = [actual[index], expected[index]];
    if (Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b))) continue;
    if (!Number.isFinite(a) || !Number.isFinite(b)) return Infinity;
    worst = Math.max(worst, Math.abs(a - b));
    largest = Math.max(largest, Math.abs(b));
  }
  return worst / largest;
}

interface Result {
  readonly shape: number[];
  readonly dtype: string;
  readonly values: ArrayLike<number>;
}

async function resultsOn(accelerator: string, produce: Produce): Promise<Result[]> {
  await selectBackend({ accelerator, threads: 1 });
  return tf.tidy(() => {
    const tensors = [produce()].flat();
    return tensors.map((tensor) => ({
      shape: tensor.shape,
      dtype: tensor.dtype,
      values: Array.from(tensor.dataSync()),
    }));
  });
}

/** Distinct values in random order: no ties for max, min or sorting to break differently. */
export function distinct(shape: number[], seed: number, low = -2, high = 2): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const order = shuffled(size, seed);
  const step = (high - low) / size;
  return tf.tensor(
    Float32Array.from(order, (rank) => low + (rank + 0.5) * step),
    shape,
  );
}

function shuffled(size: number, seed: number): number[] {
  const order = Array.from({ length: size }, (_, index) => index);
  let state = (seed * 2654435761 + 12345) >>> 0;
  for (let index = size - 1; index > 0; index--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = state % (index + 1);
    [order[index], order[other]] = [order[other], order[index]];
  }
  return order;
}
