import { beforeAll, expect, it } from '@jest/globals';
import { selectBackend } from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { Rng } from '../../../runtime/src/random/index.ts';

// Threads that add to the same row at the same time lose numbers, now and then.
beforeAll(() => selectBackend({ accelerator: 'ort', threads: 2 }));

it.each<[rows: number, picks: number, width: number]>([
  [96, 8192, 128],
  [50, 40_000, 1],
  [7, 100, 2000],
  [20, 60_000, 3],
])('%i rows of an embedding, picked %i times, have one gradient of width %i', (...sizes) => {
  const [rows, picks, width] = sizes;
  const rng = Rng.fromSeed(1);
  const places = Int32Array.from({ length: picks }, () => Math.floor(rng.uniform() ** 3 * rows));
  const values = Float32Array.from({ length: picks * width }, () => rng.uniform() - 0.5);
  const exact = new Float64Array(rows * width);
  values.forEach((value, index) => {
    exact[places[Math.floor(index / width)] * width + (index % width)] += value;
  });
  const [embedding, weights] = [tf.zeros([rows, width]), tf.tensor2d(values, [picks, width])];
  const indices = tf.tensor1d(places, 'int32');
  const gradient = tf.grad((x) => tf.sum(tf.mul(tf.gather(x, indices), weights)));
  const results = Array.from({ length: 25 }, () => {
    const result = gradient(embedding);
    const numbers = Float32Array.from(result.dataSync());
    result.dispose();
    return numbers;
  });
  tf.dispose([embedding, weights, indices]);
  const [first] = results;
  const worst = Math.max(...exact.map((value, index) => Math.abs(value - first[index])));
  expect(worst).toBeLessThan(2e-3);
  const bits = results.map(({ buffer }) => Buffer.from(buffer));
  expect(bits.filter((own) => !own.equals(bits[0]))).toHaveLength(0);
});
